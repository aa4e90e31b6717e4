"""One authenticated call, as the functions of the routes see it.

A function of a route takes a `Call` and returns the body of the answer: an object (200) or None
(204, no body). Whatever is refused is a `ProblemError`.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import orjson

from sandbox.books import Record
from sandbox.mailchimp.account import Account, alive, stamp
from sandbox.mailchimp.problems import ProblemError, invalid, not_found

Body = dict[str, Any] | None
FEWEST, MOST = 10, 1000
Row = TypeVar("Row")


class Asked(NamedTuple):
    """What a call is made of: over the wire, or as an operation of a batch."""

    method: str
    path: str  # after /3.0
    query: Mapping[str, str]
    raw: bytes


class Replied(NamedTuple):
    status: int
    body: Body
    headers: Mapping[str, str] = {}


class Call(NamedTuple):
    """`path` holds what the placeholders of the route matched; `root` is the URL up to /3.0.

    `replay` performs another call of the same account, as a batch does; it never raises a problem
    but replies it.
    """

    account: Account
    path: Mapping[str, str]
    query: Mapping[str, str]
    raw: bytes
    at: datetime
    root: str
    replay: Callable[[Asked], Replied]
    search_lag_s: float = 0.0
    visited: int | None = None  # what a page of the caller's answered; None: nobody looked

    @property
    def list_id(self) -> str:
        """The list of the path, which exists."""
        return str(self.account.the_list(self.path["list_id"])["id"])

    def the_member(self) -> Record:
        """The member of the path, archived or not; a 404 when there is none."""
        found = self.account.members.find(self.list_id, self.path["subscriber_hash"])
        if found is None:
            raise not_found()
        return found

    def the_segment(self) -> Record:
        segment = alive(self.account.segments, self.path["segment_id"])
        if segment["list_id"] != self.list_id:
            raise not_found()
        return segment

    def body(self) -> dict[str, Any]:
        """The body as an object; anything else is refused."""
        try:
            read = orjson.loads(self.raw or b"{}")
        except orjson.JSONDecodeError as wrong:
            said = "We encountered an unspecified JSON parsing error."
            raise ProblemError(400, "JSON Parse Error", said) from wrong
        if not isinstance(read, dict):
            raise invalid(("", f"Schema describes object, {kind_of(read)} found instead"))
        return read

    def whole(self, name: str, fallback: int) -> int:
        """A whole number of the query from 0."""
        text = self.query.get(name, "")
        if not text:
            return fallback
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise invalid((name, f"Schema describes integer, {text!r} found instead"))
        return int(text)

    def page_of(self, rows: list[Row]) -> list[Row]:
        """The part of the rows that `count` and `offset` ask for."""
        count, offset = self.whole("count", FEWEST), self.whole("offset", 0)
        if count > MOST and self.account.assumed["count_above_1000"] == "refuse":
            raise invalid(("count", f"This value should be {MOST} or less."))
        return rows[offset : offset + min(count, MOST)]

    def flag(self, name: str) -> bool:
        """True for `true` and `1`; a caller who writes `True` is understood too."""
        return self.query.get(name, "").lower() in ("true", "1")

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        """A word of the query, empty when not given."""
        word = self.query.get(name, "")
        if word and word not in choices:
            raise invalid((name, f"Value must be one of these: {', '.join(choices)}"))
        return word

    def time(self, name: str) -> str:
        """A time of the query as the books write them, empty when not given."""
        return read_time(name, self.query.get(name, ""))

    def is_since(self, name: str, value: str) -> bool:
        """Whether a time of the books is after what `name` of the query says, if it says one."""
        since = self.time(name)
        if not since:
            return True
        return value > since or (value == since and self.account.assumed["since_is_inclusive"])

    def is_before(self, name: str, value: str) -> bool:
        before = self.time(name)
        return not before or "" < value < before

    def url(self, path: str) -> str:
        return f"{self.root}{path}"


def read_time(name: str, text: Any) -> str:
    """An ISO 8601 time as the books write it; one without a zone is UTC, an empty one stays."""
    if text in ("", None):
        return ""
    try:
        return _stamp_of(str(text))
    except ValueError as wrong:
        raise invalid((name, "This value is not a valid datetime.")) from wrong


@lru_cache(maxsize=256)  # a filter asks once a row
def _stamp_of(text: str) -> str:
    # A plus that was not escaped arrives as a space.
    when = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    return stamp(when if when.tzinfo else when.replace(tzinfo=UTC))


def kind_of(value: Any) -> str:
    """The vendor's word for the type of a JSON value."""
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return "null" if value is None else kinds.get(type(value), "object")
