"""One authenticated call, as the routes see it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from sandbox.pipedrive.answers import RefusalError, forbidden, invalid

LONGEST_NUMBER = 18  # digits: what still is a number in 64 bits


class Call(NamedTuple):
    """`path` holds what the route's placeholders matched; `body` is `None` when there was none."""

    version: str
    user: Mapping[str, Any]
    path: Mapping[str, str]
    query: Mapping[str, str]
    raw: bytes
    at: datetime
    search_lag_s: float

    @property
    def time(self) -> str:
        """Now, as v2 writes times."""
        return rfc3339(self.at)

    @property
    def id(self) -> int:
        """The id in the path; v2 refuses one that is not a number."""
        return self._number("id", self.path["id"])

    def whole(self, name: str) -> int | None:
        """A whole number of the query, or `None` when it was not given."""
        return self._number(name, self.query[name]) if self.query.get(name) else None

    def flag(self, name: str) -> bool:
        return self.query.get(name, "") in ("true", "1")

    def words(self, name: str) -> list[str]:
        return [word for word in self.query.get(name, "").split(",") if word]

    def json(self) -> Any:
        """The body, whatever JSON it is."""
        try:
            return orjson.loads(self.raw or b"{}")
        except orjson.JSONDecodeError as wrong:
            raise RefusalError(
                400, "Invalid JSON in the request body", "ERR_BAD_REQUEST"
            ) from wrong

    def body(self) -> dict[str, Any]:
        """The body as an object; anything else is refused."""
        read = self.json()
        if not isinstance(read, dict):
            raise invalid({"body": "Expected object"})
        return read

    def admins_only(self) -> None:
        if not self.user["access"][0]["admin"]:
            raise forbidden()

    def counted(self, name: str, fallback: int, *, least: int = 0) -> int:
        """A whole number of the query that counts something."""
        asked = self.whole(name)
        if asked is not None and asked < least:
            raise invalid({name: f"Expected a number from {least}"})
        return fallback if asked is None else asked

    def _number(self, name: str, text: str) -> int:
        if not is_number(text.removeprefix("-")):
            raise invalid({name: f"Expected number, received '{text}'"})
        return int(text)


def is_number(text: str) -> bool:
    """Digits, and no more of them than an id has."""
    return text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER


def rfc3339(at: datetime) -> str:
    """As v2 writes times: UTC, whole seconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def v1_time(text: str | None) -> str | None:
    """A v2 time as v1 writes it."""
    return text.replace("T", " ").removesuffix("Z") if text else None
