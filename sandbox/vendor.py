"""What the server needs of a vendor, and what it hands to one.

A vendor does no I/O: it is given a `Request` and returns an `Answer`, both plain values.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol, runtime_checkable

from sandbox.books import Book


class Request(NamedTuple):
    """A request as it arrived. Header names are lower case; `path` starts at the vendor's root.

    The server adds headers: `x-sandbox-root`, the URL of the vendor's root; for a `stale_search`
    fault `x-sandbox-search-lag`, the seconds that searches are to lag behind; for a `Visiting`
    vendor `x-sandbox-visited`, what the page it wanted to see was answered with.
    """

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes
    at: datetime


class Answer(NamedTuple):
    """What goes back over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Vendor(Protocol):
    """One vendor on loopback. Building one seeds its books (without journal entries)."""

    name: str
    books: dict[str, Book]

    def handle(self, request: Request) -> Answer:
        """Do what the vendor would do, commit it to the books, and answer as the vendor would."""

    def call_name(self, request: Request) -> str:
        """The path faults are matched against (an RPC vendor names the method here)."""

    def rate_limited(self, request: Request) -> Answer:
        """The vendor's answer to too many requests."""

    def blocked(self, request: Request) -> Answer:
        """The vendor's block page (HTML)."""

    def play(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out an event of the control surface; ValueError names what is wrong with it."""

    def account(self) -> dict[str, Any]:
        """What `GET /_sandbox` tells: base path, tokens or keys it accepts, users."""

    def assumptions(self) -> dict[str, dict[str, Any]]:
        """Name -> {"value", "default", "choices", "why"} of what the vendor leaves unknown."""

    def assume(self, name: str, value: Any) -> None:
        """Switch an assumption; ValueError for an unknown name or value."""


@runtime_checkable
class Charging(Protocol):
    """A vendor that counts what calls cost; `GET /_sandbox/costs` shows it."""

    tokens_spent: int


@runtime_checkable
class Notifying(Protocol):
    """A vendor whose webhooks tell the attempt, or that wants to know how they fared."""

    def attempt_body(self, body: bytes, attempt: int) -> bytes:
        """The body as the vendor writes it for this attempt (1 is the first)."""

    def delivered(self, url: str, status: int, attempt: int) -> None:
        """One attempt is over; status 0 means no answer came."""


@runtime_checkable
class Insisting(Protocol):
    """A vendor whose retries depend on what is supposed of it, and that signs every attempt."""

    def retry_after_s(self) -> Sequence[float]:
        """Seconds to wait after each failed attempt; none left: the webhook is given up."""

    def attempt_headers(self, url: str, body: bytes, at: datetime) -> dict[str, str]:
        """What this attempt bears besides the headers it was sent off with."""

    def most_waiting(self) -> int:
        """How many webhooks may be unsent or on their way to another attempt; more are lost."""


@runtime_checkable
class Visiting(Protocol):
    """A vendor that looks at a page of its caller's before it answers."""

    visitor: str  # the user-agent it comes with

    def wants_to_see(self, request: Request) -> str:
        """The URL to GET first; empty for most requests."""


@runtime_checkable
class Batching(Protocol):
    """A vendor that takes many rows in one call, each for itself."""

    def first_rows(self, request: Request, rows: int) -> Request:
        """What it had read of the request when it broke off; all of it for one without rows."""


@runtime_checkable
class Crowded(Protocol):
    """A vendor that lets only so many requests of an account be in flight at once."""

    most_in_flight: int

    def account_of(self, request: Request) -> str:
        """Whose requests this one is counted with; empty for one that is not counted."""

    def answer_takes_s(self) -> float:
        """Real seconds from the commit to the answer; 0 leaves no two requests in flight."""

    def crowded_out(self, request: Request) -> Answer:
        """The answer to one request too many; the vendor has not looked at it."""
