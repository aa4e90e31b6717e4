"""Pipedrive's published contract, asked about one exchange at a time.

    check_pipedrive("POST", "/api/v2/persons", 200, {"name": "A"}, answer_body)

Raises AssertionError with what does not fit. Requests the vendor accepted are checked too: v2
takes no member that its contract lacks. Does nothing where the contract files are absent
(`is_available`). The files take a second to read, so a reduced copy is kept in pytest's cache.
"""

import os
import pickle
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from pipedrive_corrections import (
    NULL_EVERYWHERE,
    NULL_IN_PRACTICE,
    REFUSED_ANYWAY,
    TAKEN_ANYWAY,
)

ROOT = Path(__file__).parent.parent
SPECS = ROOT.parent / "shared" / "specs"
FILES = {version: SPECS / f"pipedrive-{version}.yaml" for version in ("v1", "v2")}
METHODS = ("get", "post", "put", "patch", "delete")
Json = dict[str, Any]
Key = tuple[str, str, str]  # version, METHOD, path template


def is_available() -> bool:
    return all(path.exists() for path in FILES.values())


def check_pipedrive(
    method: str, path: str, status: int, request_body: Any, response_body: Any
) -> None:
    """Nothing when the exchange fits the contract; AssertionError names what does not."""
    if not is_available():
        return
    version, parts = split_path(path)
    key = find_operation(version, method, parts)
    if key is None:
        assert status in (401, 404, 405, 410), f"{method} {path} is not in the {version} contract"
        return
    if request_body is not None and status < 400:
        _check(f"{method} {path} request", _validator(key, "request"), request_body)
    if str(status) in operations()[key]["answers"]:
        _check(f"{method} {path} {status}", _validator(key, str(status)), response_body)


def costs() -> dict[Key, int]:
    """The published token cost of every call."""
    return {key: operation["cost"] for key, operation in operations().items()}


def split_path(path: str) -> tuple[str, list[str]]:
    parts = [part for part in path.split("?", maxsplit=1)[0].split("/") if part]
    parts = parts[1:] if parts[:1] == ["api"] else parts
    return parts[0], parts[1:]


def find_operation(version: str, method: str, parts: list[str]) -> Key | None:
    """The contract's operation for a path; one without placeholders wins."""
    fitting = [
        key
        for key in operations()
        if key[:2] == (version, method)
        and len(pattern := key[2].strip("/").split("/")) == len(parts)
        and all(p.startswith("{") or p == part for p, part in zip(pattern, parts, strict=True))
    ]
    return min(fitting, key=lambda key: key[2].count("{"), default=None)


@cache
def operations() -> dict[Key, Json]:
    """Every operation, reduced to its cost and schemas."""
    sizes = "-".join(str(path.stat().st_size) for path in FILES.values())
    kept = ROOT / ".pytest_cache" / "d" / f"pipedrive-contract-2-{sizes}.pickle"
    if kept.exists():
        loaded: dict[Key, Json] = pickle.loads(kept.read_bytes())
        return loaded
    read = {k: v for version, path in FILES.items() for k, v in _read(version, path).items()}
    kept.parent.mkdir(parents=True, exist_ok=True)
    written = kept.with_suffix(f".{os.getpid()}")
    written.write_bytes(pickle.dumps(read))
    written.replace(kept)
    return read


def _read(version: str, path: Path) -> dict[Key, Json]:
    import yaml

    spec = yaml.load(path.read_bytes(), yaml.CSafeLoader)
    found: dict[Key, Json] = {}
    for template, item in spec["paths"].items():
        segment = template.split("/")[1]
        for method in (m for m in METHODS if m in item):
            operation = item[method]
            body = _json_schema(operation.get("requestBody", {}), spec)
            answers = {
                status: _reshape(_json_schema(answer, spec), spec, segment)
                for status, answer in operation["responses"].items()
            }
            found[version, method.upper(), template] = {
                "cost": operation.get("x-token-cost"),
                "request": _reshape_body(body, spec, segment, is_strict=version == "v2"),
                "answers": {status: schema for status, schema in answers.items() if schema},
            }
    return found


def _json_schema(holder: Json, spec: Json) -> Json:
    holder = _resolve(holder, spec)
    schema: Json = holder.get("content", {}).get("application/json", {}).get("schema", {})
    return schema


def _resolve(node: Any, spec: Json) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        target = spec
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def _reshape(schema: Any, spec: Json, segment: str, name: str = "") -> Any:
    """OpenAPI 3.0 as JSON Schema: references in place, `nullable` as a type, corrections applied."""
    schema = _resolve(schema, spec)
    if not isinstance(schema, dict):
        return schema
    told = {k: v for k, v in schema.items() if k in ("type", "enum", "required", "minItems")}
    if "properties" in schema:
        told["properties"] = {
            k: _reshape(v, spec, segment, k) for k, v in schema["properties"].items()
        }
    if "items" in schema:
        told["items"] = _reshape(schema["items"], spec, segment)
    for joint in ("allOf", "anyOf", "oneOf"):
        if joint in schema:
            told[joint] = [_reshape(part, spec, segment, name) for part in schema[joint]]
    is_null = name in NULL_EVERYWHERE or name in NULL_IN_PRACTICE.get(segment, frozenset())
    return {"anyOf": [told, {"type": "null"}]} if is_null or schema.get("nullable") else told


def _reshape_body(schema: Json, spec: Json, segment: str, *, is_strict: bool) -> Any:
    told = _reshape(schema, spec, segment)
    if is_strict and isinstance(told, dict) and "properties" in told:
        properties = told["properties"] | {key: {} for key in TAKEN_ANYWAY.get(segment, ())}
        refused = REFUSED_ANYWAY.get(segment, frozenset())
        # A null unsets a member: the guides say so, the contract does not.
        told["properties"] = {
            k: {"anyOf": [v, {"type": "null"}]} for k, v in properties.items() if k not in refused
        }
        told["additionalProperties"] = False
    return told


@cache
def _validator(key: Key, part: str) -> Draft202012Validator:
    operation = operations()[key]
    return Draft202012Validator(
        operation["request"] if part == "request" else operation["answers"][part]
    )


def _check(what: str, validator: Draft202012Validator, value: Any) -> None:
    wrong = [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in validator.iter_errors(value)
    ]
    assert not wrong, f"{what} does not fit the contract: {wrong[:5]}"
