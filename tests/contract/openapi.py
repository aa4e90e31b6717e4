"""A vendor's OpenAPI files, reduced to what an exchange is held against.

The files take seconds to read, so the reduced copy is kept in build/contract.
"""

import json
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
SPECS = ROOT.parent / "shared" / "specs"
KEPT = ROOT / "build" / "contract"
EDITION = 1  # of the reduced copy; raised when Operation changes
METHODS = ("get", "post", "put", "patch", "delete")
SAID_OF_VALUES = (
    "type", "enum", "required", "minItems", "minimum", "maximum", "maxLength", "additionalProperties"
)  # fmt: skip
JOINTS = ("allOf", "anyOf", "oneOf")
Json = dict[str, Any]
Key = tuple[str, str, str]  # version, METHOD, path template


class Parameter(NamedTuple):
    schema: Json
    is_required: bool
    is_list: bool  # comma separated: the schema is that of one item


class Operation(NamedTuple):
    """`bodies` by content type, `answers` by status (None: no JSON is promised)."""

    cost: int | None
    query: dict[str, Parameter]
    bodies: dict[str, Json]
    answers: dict[str, Json | None]


def read_operations(
    vendor: str, files: Mapping[str, Path], *, with_answers: bool = True
) -> dict[Key, Operation]:
    """Every operation of the files, one file per version of the API; answers that hold each other
    without end have to be left out."""
    sizes = "-".join(str(path.stat().st_size) for path in files.values())
    kept = KEPT / f"{vendor}-{EDITION}-{sizes}.pickle"
    if kept.exists():
        loaded: dict[Key, Operation] = pickle.loads(kept.read_bytes())
        return loaded
    read = {
        key: operation
        for version, path in files.items()
        for key, operation in _read(version, path, with_answers=with_answers).items()
    }
    kept.parent.mkdir(parents=True, exist_ok=True)
    written = kept.with_suffix(f".{os.getpid()}")
    written.write_bytes(pickle.dumps(read))
    written.replace(kept)
    return read


def _load(path: Path) -> Any:
    if path.suffix == ".json":
        return json.loads(path.read_bytes())
    import yaml

    return yaml.load(path.read_bytes(), yaml.CSafeLoader)


def _read(version: str, path: Path, *, with_answers: bool) -> dict[Key, Operation]:
    spec = _load(path)
    found: dict[Key, Operation] = {}
    for template, item in spec["paths"].items():
        for method in (m for m in METHODS if m in item):
            operation = item[method]
            content = _resolve(operation.get("requestBody", {}), spec).get("content", {})
            rows = [*item.get("parameters", []), *operation.get("parameters", [])]
            asked = [_resolve(row, spec) for row in rows]
            found[version, method.upper(), template] = Operation(
                operation.get("x-token-cost"),
                {row["name"]: _parameter(row, spec) for row in asked if row["in"] == "query"},
                {kind: _reshape(told.get("schema", {}), spec) for kind, told in content.items()},
                {
                    status: _answer_schema(answer, spec) if with_answers else None
                    for status, answer in operation["responses"].items()
                },
            )
    return found


def _parameter(row: Json, spec: Json) -> Parameter:
    schema = _reshape(row["schema"], spec)
    is_array = schema.get("type") == "array"
    is_list = is_array or "omma" in row.get("description", "")
    schema = schema.get("items", {}) if is_array else schema
    return Parameter(schema, bool(row.get("required")), is_list)


def _answer_schema(answer: Json, spec: Json) -> Json | None:
    content = _resolve(answer, spec).get("content", {})
    if "application/json" not in content:
        return None
    schema: Json = _reshape(content["application/json"].get("schema", {}), spec)
    return schema


def _resolve(node: Any, spec: Json) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        target = spec
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def _reshape(schema: Any, spec: Json) -> Any:
    """OpenAPI 3.0 as JSON Schema: references in place, `nullable` as a type."""
    schema = _resolve(schema, spec)
    if not isinstance(schema, dict):
        return schema
    told = {k: v for k, v in schema.items() if k in SAID_OF_VALUES}
    if isinstance(told.get("additionalProperties"), dict):
        told["additionalProperties"] = _reshape(told["additionalProperties"], spec)
    if "properties" in schema:
        told["properties"] = {k: _reshape(v, spec) for k, v in schema["properties"].items()}
    if "items" in schema:
        told["items"] = _reshape(schema["items"], spec)
    for joint in JOINTS:
        if joint in schema:
            told[joint] = [_reshape(part, spec) for part in schema[joint]]
    return {"anyOf": [told, {"type": "null"}]} if schema.get("nullable") else told


def members(schema: Any) -> dict[str, Any]:
    """The members an object may have by any part of its schema."""
    if not isinstance(schema, dict):
        return {}
    found: dict[str, Any] = dict(schema.get("properties", {}))
    for joint in JOINTS:
        for part in schema.get(joint, []):
            found = members(part) | found
    return found
