"""Hold one exchange against OpenAPI operations and the published list of their mistakes.

What does not fit is looked up among the corrections before it is complained of, so that one
nobody needs any more is noticed.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from tests.contract.exchange import Exchange
from tests.contract.openapi import Json, Key, Operation, Parameter, members, read_operations

NOT_THERE = (0, 401, 404, 405, 410)  # how a call is refused that a vendor does not have
MOST_TOLD = 5
JSON_TYPE, FORM_TYPE = "application/json", "application/x-www-form-urlencoded"


class Correction(NamedTuple):
    """Where the contract is wrong. `where` is the first part of the path, `*` for all of them.

    kind      members are ...
    null      null in answers although the contract does not say so
    listed    "member=value": a value that the contract's list lacks
    unset     null in bodies: it empties them
    taken     taken in bodies (or "METHOD /path", in `members`: a call that exists)
    refused   listed for bodies and refused
    absent    missing, in answers or bodies, although they are required; of every body of a method
              ("PATCH"), of every answer to a query with that parameter ("?fields")
    answered  what is wrong below them in a body is answered row by row
    """

    kind: str
    where: str
    members: str
    seen: str


class Published:
    """One vendor's OpenAPI files. `places` tells by how a path begins which version it is, and
    what the contract's paths have there instead. `asked_by` is a file that knows more calls and
    parameters, and nothing of answers."""

    def __init__(
        self,
        name: str,
        files: Mapping[str, Path],
        places: Mapping[str, tuple[str, str]],
        corrections: tuple[Correction, ...],
        implemented: Callable[[], set[str]],
        asked_by: Path | None = None,
    ) -> None:
        self.name, self.implemented, self.used = name, implemented, Counter[str]()
        self._files, self._places, self._asked_by = files, places, asked_by
        self._forgiven = {
            (row.kind, row.where, member) for row in corrections for member in _split(row)
        }
        self._validators: dict[tuple[Key, str], Draft202012Validator] = {}

    @cached_property
    def known(self) -> dict[Key, Operation]:
        told = read_operations(self.name, self._files)
        if self._asked_by is None:
            return told
        version = next(iter(self._files))
        files = {version: self._asked_by}
        newer = read_operations(f"{self.name}-asked", files, with_answers=False)
        return {key: _asked_as(told.get(key), asked) for key, asked in newer.items()} | {
            key: operation for key, operation in told.items() if key not in newer
        }

    def why_absent(self) -> str:
        files = [*self._files.values(), *([self._asked_by] if self._asked_by else [])]
        absent = [path.name for path in files if not path.exists()]
        return f"{self.name}: no contract file {', '.join(absent)} in ../shared/specs" * bool(
            absent
        )

    def operations(self) -> list[str]:
        return [" ".join(key) for key in self.known]

    def corrections(self) -> list[str]:
        return sorted(" ".join(row) for row in self._forgiven)

    def operation_of(self, exchange: Exchange) -> str | None:
        key = self.find(exchange.method, exchange.path)
        return " ".join(key) if key else None

    def find(self, method: str, path: str) -> Key | None:
        """The operation of a path; one without placeholders wins."""
        place = next((p for p in self._places if path.startswith(p)), None)
        if place is None:
            return None
        version, begins = self._places[place]
        parts = (begins + path.removeprefix(place)).strip("/").split("/")
        fitting = [
            key for key in self.known if key[:2] == (version, method) and _fits(key[2], parts)
        ]
        return min(fitting, key=lambda key: key[2].count("{"), default=None)

    def hold(self, exchange: Exchange) -> list[str]:
        key = self.find(exchange.method, exchange.path)
        if exchange.status >= 500:
            return [f"{exchange.name}: the sandbox failed"]
        if key is None:
            is_refused = exchange.status in NOT_THERE and not exchange.is_ours
            is_taken = self._is_taken(exchange)
            return [] if is_refused or is_taken else [f"{exchange.name}: not in the contract"]
        found = []
        if exchange.is_request_held:
            found += self._about_query(key, exchange) if exchange.is_ours else []
            found += self._about_body(key, exchange)
        found += self._about_answer(key, exchange)
        return [f"{exchange.name}: {wrong}" for wrong in found[:MOST_TOLD]]

    def _is_taken(self, exchange: Exchange) -> bool:
        """A call that exists beside the contract, named whole or by its first step."""
        first = f"/{exchange.path.strip('/').partition('/')[0]}/*"
        return any(
            self._forgives("taken", "", f"{exchange.method} {path}")
            for path in (exchange.path, first)
        )

    def _about_query(self, key: Key, exchange: Exchange) -> list[str]:
        known, sent = self.known[key].query, dict(exchange.query)
        found = [
            f"query {name} is missing"
            for name, parameter in known.items()
            if parameter.is_required and name not in sent
        ]
        for name, text in sent.items():
            if name in known:
                found += [f"query {name}: {said}" for said in _wrong(known[name], text)]
            else:
                found.append(f"query {name} is unknown")
        return found

    def _about_body(self, key: Key, exchange: Exchange) -> list[str]:
        bodies, request = self.known[key].bodies, exchange.request
        if request is None:
            return []
        if request["type"] not in bodies:
            is_told = (
                exchange.is_ours
            )  # a vendor does not mind, and the contract says nothing of it
            return [f"a body of {request['type'] or 'no type'} is not foreseen"] * is_told
        sent = dict(request["form"]) if "form" in request else request.get("json")
        schema, where = bodies[request["type"]], _segment(key)
        if "required" in schema and self._forgives("absent", "*", key[1]):
            schema = {name: part for name, part in schema.items() if name != "required"}
        known = members(schema)
        found = []
        if isinstance(sent, dict):
            is_strict = key[0] == "v2" or exchange.is_ours
            found += [
                f"body member {name!r} is unknown"
                for name in sent
                if is_strict and name not in known and not self._forgives("taken", where, name)
            ]
            found += [
                f"body member {name!r} is listed, and read-only"
                for name in sent
                if self._forgives("refused", where, name)
            ]
        validator = self._validator(key, f"request {request['type']}", schema)
        return found + self._errors(validator, sent, "unset", where, "body")

    def _about_answer(self, key: Key, exchange: Exchange) -> list[str]:
        answers, answer = self.known[key].answers, exchange.answer
        status = str(exchange.status)
        if status not in answers:
            is_good = 0 < exchange.status < 300
            if is_good or "default" not in answers or (answer and "json" not in answer):
                return [f"status {status} is not in the contract"] if is_good else []
            status = "default"
        schema = answers[status]
        if schema is None or answer is None:
            return []
        if "json" not in answer:
            return [f"the answer is {answer['type']}, not JSON"]
        validator = self._validator(key, status, schema)
        is_part = any(self._forgives("absent", "*", f"?{name}") for name, _ in exchange.query)
        told = answer["json"]
        return self._errors(validator, told, "null", _segment(key), "answer", is_part=is_part)

    def _validator(self, key: Key, part: str, schema: Json) -> Draft202012Validator:
        kept = self._validators.get((key, part))
        if kept is None:
            kept = self._validators[key, part] = Draft202012Validator(schema)
        return kept

    def _errors(
        self,
        validator: Draft202012Validator,
        value: Any,
        kind: str,
        where: str,
        what: str,
        *,
        is_part: bool = False,
    ) -> list[str]:
        return [
            f"{what} {'.'.join(map(str, error.absolute_path))}: {error.message[:200]}"
            for error in validator.iter_errors(value)
            if not self._is_forgiven(error, kind, where)
            and not (is_part and error.validator == "required")
        ]

    def _is_forgiven(self, error: ValidationError, kind: str, where: str) -> bool:
        """A null where a correction has it; of alternatives, one whose mistakes all are."""
        branches: dict[Any, list[ValidationError]] = {}
        for inner in error.context or ():
            branches.setdefault(inner.schema_path[0], []).append(inner)
        if any(all(self._is_forgiven(e, kind, where) for e in b) for b in branches.values()):
            return True
        top = str(next(iter(error.absolute_path), ""))
        if (
            kind == "unset"
            and len(error.absolute_path) > 1
            and self._forgives("answered", where, top)
        ):
            return True
        if error.validator == "required":
            missing = (part for part in error.validator_value if repr(part) in error.message)
            return any(self._forgives("absent", where, part) for part in missing)
        name = next((part for part in reversed(error.absolute_path) if isinstance(part, str)), "")
        if error.instance is None:
            return bool(name) and self._forgives(kind, where, name)
        is_listed = error.validator == "enum" and kind == "null"
        return is_listed and self._forgives("listed", where, f"{name}={error.instance}")

    def _forgives(self, kind: str, where: str, member: str) -> bool:
        for row in ((kind, where, member), (kind, "*", member), (kind, "*", "*")):
            if row in self._forgiven:
                self.used[" ".join(row)] += 1
                return True
        return False


def _asked_as(told: Operation | None, asked: Operation) -> Operation:
    """The operation with all parameters of both; one that the newer file alone knows is its."""
    return told._replace(query=told.query | asked.query) if told else asked


def _split(row: Correction) -> list[str]:
    return [row.members] if "/" in row.members else row.members.split()


def _segment(key: Key) -> str:
    return key[2].split("/")[1]


def _fits(template: str, parts: list[str]) -> bool:
    pattern = template.strip("/").split("/")
    return len(pattern) == len(parts) and all(
        p.startswith("{") or p == part for p, part in zip(pattern, parts, strict=True)
    )


def _wrong(parameter: Parameter, text: str) -> list[str]:
    validator = Draft202012Validator(parameter.schema)
    items = text.split(",") if parameter.is_list else [text]
    return [
        error.message
        for item in items
        for error in validator.iter_errors(_typed(parameter.schema, item))
    ]


def _typed(schema: Json, text: str) -> Any:
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return int(text) if text.removeprefix("-").isdecimal() else text
    return {"true": True, "false": False}.get(text, text) if kind == "boolean" else text
