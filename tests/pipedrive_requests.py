"""Hold each request against Pipedrive's published contract, on its way out.

The files are read one way only: what we send must be allowed by them. What
they say of answers has known defects, and they give comma-separated lists the
enum of one item.
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import jsonschema
import yaml


class Contract:
    """Pipedrive's two published files, asked one request at a time."""

    def __init__(self, specs: Path) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._paths = {
            (prefix, path): operations
            for version, prefix in (("v1", "/v1"), ("v2", "/api/v2"))
            for path, operations in yaml.load(
                (specs / f"pipedrive-{version}.yaml").read_text(), Loader=loader
            )["paths"].items()
        }

    def complaints(self, method: str, path: str, query: str, body: bytes) -> list[str]:
        """Return what the contract does not allow; nothing when it allows all of it."""
        operation = self._operation(method, path)
        if operation is None:
            return [f"{method} {path} is not in the contract"]
        return [*_about_query(operation, query), *_about_body(operation, body)]

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        fits = [
            (template.count("{"), operations[method.lower()])
            for (prefix, template), operations in self._paths.items()
            if method.lower() in operations and _fits(prefix + template, path)
        ]
        return min(fits, key=lambda fit: fit[0])[1] if fits else None


class CheckedTransport(httpx.HTTPTransport):
    """Sends what the contract allows; anything else is the test's failure."""

    def __init__(self, contract: Contract, mounted_at: str) -> None:
        super().__init__()
        self._contract, self._mounted_at = contract, mounted_at
        self.checked: set[str] = set()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix(self._mounted_at)
        query = request.url.query.decode()
        complaints = self._contract.complaints(request.method, path, query, request.read())
        assert not complaints, f"{request.method} {request.url}: {complaints}"
        self.checked.add(f"{request.method} {path}")
        return super().handle_request(request)


def _fits(template: str, path: str) -> bool:
    pairs = list(zip(template.split("/"), path.split("/"), strict=False))
    return template.count("/") == path.count("/") and all(
        a == b or a.startswith("{") for a, b in pairs
    )


def _about_query(operation: dict[str, Any], query: str) -> list[str]:
    known = {row["name"]: row for row in operation.get("parameters", []) if row["in"] == "query"}
    sent = dict(parse_qsl(query, keep_blank_values=True))
    missing = [name for name, row in known.items() if row.get("required") and name not in sent]
    found = [f"query {name} is missing" for name in missing]
    for name, text in sent.items():
        if name not in known:
            found.append(f"query {name} is unknown")
            continue
        schema = known[name]["schema"]
        is_list = "omma" in known[name].get("description", "")
        for item in text.split(",") if is_list else [text]:
            found += [
                f"query {name}: {error.message}" for error in _errors(schema, _typed(schema, item))
            ]
    return found


def _about_body(operation: dict[str, Any], body: bytes) -> list[str]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return ["a body is not foreseen"] if body else []
    schema = content["schema"]
    parts = [schema, *schema.get("allOf", []), *schema.get("anyOf", []), *schema.get("oneOf", [])]
    known = {name for part in parts for name in part.get("properties", {})}
    sent = json.loads(body)
    unknown = [f"body key {name} is unknown" for name in sent if name not in known]
    return unknown + [f"body: {error.message}" for error in _errors(schema, sent)]


def _errors(schema: dict[str, Any], value: Any) -> list[Any]:
    return list(jsonschema.Draft4Validator(schema).iter_errors(value))


def _typed(schema: dict[str, Any], text: str) -> Any:
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return int(text) if text.lstrip("-").isdigit() else text
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    return text
