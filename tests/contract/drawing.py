"""Requests drawn from a contract: what it describes, with parts missing, wrong or out of place.

What the vendor is only called with, thousands in seconds, and what it accepts and answers held
against the contract. schemathesis (test_schemathesis.py) asks over HTTP, by its own lights.
"""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from sandbox.vendor import Request
from tests.contract.openapi import JOINTS, Json, Operation, Parameter, members

AGENT = "random requests"
NUMBERS = st.one_of(
    st.integers(0, 40),
    st.sampled_from([101, 102, -1, 500, 501, 2**31, 2**53, 2**64 - 1, -(2**63), 10**20]),
)
TEXTS = st.one_of(
    st.sampled_from(["", " ", "ann@acme.example", "2026-01-31", "2026-01-31T10:00:00Z", "0", "²",
                     "2026-02-30", "10:30", "null", "-", "9" * 5000, "\x00", "a,b,,1", "%", "[]"]),
    st.text(max_size=12),
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), NUMBERS, TEXTS, st.floats(allow_nan=False, allow_infinity=False)
)
WILD: SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda part: st.one_of(
        st.lists(part, max_size=3), st.dictionaries(st.text(max_size=8), part, max_size=3)
    ),
    max_leaves=5,
)
CONTENT_TYPES = st.sampled_from(
    ["application/json", "application/json; charset=utf-8", "text/plain", "", "multipart/form-data"]
)


def spoilt(value: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Mostly the value, now and then anything."""
    return st.integers(0, 9).flatmap(lambda n: WILD if n == 0 else value)


def of_schema(schema: Any) -> SearchStrategy[Any]:
    """Values the schema allows, each part now and then spoilt."""
    if not isinstance(schema, dict):
        return WILD
    if "enum" in schema:
        return spoilt(st.sampled_from(schema["enum"]))
    if parts := members(schema):
        told = {name: of_schema(part) for name, part in parts.items()}
        return spoilt(st.fixed_dictionaries({}, optional=told | {"nickname": WILD}))
    for joint in JOINTS:
        if joint in schema:
            return st.one_of([of_schema(part) for part in schema[joint]])
    kinds: dict[Any, SearchStrategy[Any]] = {
        "integer": NUMBERS,
        "number": NUMBERS | st.floats(allow_nan=False, allow_infinity=False),
        "boolean": st.booleans(),
        "null": st.none(),
        "string": TEXTS,
        "array": st.deferred(lambda: st.lists(of_schema(schema.get("items")), max_size=3)),
        "object": st.dictionaries(TEXTS, WILD, max_size=3),
    }
    return spoilt(kinds.get(schema.get("type"), WILD))


def query_text(parameter: Parameter) -> SearchStrategy[str]:
    def written(value: Any) -> str:
        return value if isinstance(value, str) else json.dumps(value)

    one = of_schema(parameter.schema).map(written)
    return st.lists(one, min_size=1, max_size=4).map(",".join) if parameter.is_list else one


def body_of(schema: Json | None) -> SearchStrategy[bytes]:
    """JSON by the schema, JSON of any kind, or no JSON at all."""
    by_schema = of_schema(schema) if schema else WILD
    return st.one_of(
        by_schema.map(lambda value: json.dumps(value).encode()),
        by_schema.map(lambda value: json.dumps(value).encode()),
        st.binary(max_size=20),
        st.just(b""),
    )


@st.composite
def requests(
    draw: st.DrawFn, method: str, path: str, operation: Operation, ids: SearchStrategy[str]
) -> Request:
    """One request for the operation; `path` may hold placeholders, which get `ids`."""
    parts = [draw(ids) if part.startswith("{") else part for part in path.split("/")]
    wanted = {name: query_text(told) for name, told in operation.query.items()}
    query = list(draw(st.fixed_dictionaries({}, optional=wanted)).items())
    query += draw(st.lists(st.tuples(TEXTS, TEXTS), max_size=1))
    schema = next(iter(operation.bodies.values()), None)
    has_body = method != "GET" or draw(st.booleans())
    body = draw(body_of(schema)) if has_body else b""
    headers = {
        "x-api-token": "sandbox-pipedrive-admin",
        "user-agent": AGENT,
        "content-type": draw(CONTENT_TYPES),
        "x-sandbox-root": "http://127.0.0.1:1",
    }
    return Request(method, "/".join(parts), query, headers, body, datetime.now(UTC))


@st.composite
def forms(draw: st.DrawFn, names: list[str], known: SearchStrategy[str]) -> bytes:
    """A form of these names: values, lists, nested lists, and what PHP would make strange of."""
    pairs = []
    for name in draw(st.lists(st.sampled_from(names), max_size=6)) if names else []:
        nest = draw(st.sampled_from(["", "", "[]", "[0]", "[0][EMAIL]", "[EMAIL]", "[field]", "["]))
        pairs.append((f"{name}{nest}", draw(known)))
    return urlencode(pairs).encode() + draw(st.sampled_from([b"", b"&%ff", b"&=", b"&a[[]]=1"]))
