"""A desk in front of a Mailigen of one's own: calls go in, answers, effects and webhooks come out."""

import heapq
import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson

from sandbox.books import Effect
from sandbox.mailigen import MailigenVendor
from sandbox.population import populate
from sandbox.vendor import Answer, Request
from sandbox.world import World

KEY = "sandbox-mailigen-key"
RESTRICTED = "sandbox-mailigen-restricted"
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


class StandingClock:
    """Stands at noon of 2 November 2026 until it is moved."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 2, 12, tzinfo=UTC)
        self._order = itertools.count()
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []

    def now(self) -> datetime:
        return self._now

    def at(self, when: datetime, work: Callable[[], None]) -> None:
        heapq.heappush(self._due, (when, next(self._order), work))

    def advance(self, **by: float) -> None:
        self._now += timedelta(**by)
        while self._due and self._due[0][0] <= self._now:
            heapq.heappop(self._due)[2]()


class Desk:
    """One vendor in this process."""

    def __init__(self, seed: int = 7, people: int = 200) -> None:
        self.clock = StandingClock()
        self.effects: list[Effect] = []
        self.delivered: list[tuple[str, dict[str, str], bytes]] = []
        world = World(
            seed=seed,
            people=populate(seed, people),
            clock=self.clock,
            note=self.effects.append,
            deliver=lambda _vendor, url, headers, body: self.delivered.append((url, headers, body)),
        )
        self.vendor = MailigenVendor(world)
        self.list_id = self.vendor.account()["lists"]["Newsletter"]

    def send(self, method: str, parameters: dict[str, Any], **how: str) -> Answer:
        """Post a form as the vendor's class does; `how` may set version, key and output."""
        form = dict(php_pairs({"apikey": how.get("key", KEY), **parameters}))
        return self.vendor.handle(
            Request(
                method="POST",
                path=f"/{how.get('version', '1.8')}/",
                query=[("output", how.get("output", "json")), ("method", method)],
                headers=FORM,
                body=urlencode(form).encode(),
                at=self.clock.now(),
            )
        )

    def call(self, method: str, **parameters: Any) -> Any:
        return orjson.loads(self.send(method, parameters).body)

    def book(self, name: str) -> list[dict[str, Any]]:
        return list(self.vendor.books[name].everything())

    def subscribe(self, email: str, **parameters: Any) -> Any:
        """Put one address on the newsletter, without any mail."""
        quietly = {"double_optin": False, "send_welcome": False}
        return self.call(
            "listSubscribe", **{"id": self.list_id, "email_address": email} | quietly | parameters
        )

    def status(self, email: str) -> str | None:
        shown = self.call("listMemberInfo", id=self.list_id, email_address=email)
        return shown.get("status")

    def emails(self, status: str = "subscribed") -> list[str]:
        rows = self.call("listMembers", id=self.list_id, status=status, limit=15000)
        return [row["email"] for row in rows]

    def draft(self, **options: Any) -> str:
        """A campaign of two links, not sent yet; returns its id."""
        wanted = {
            "list_id": self.list_id,
            "subject": "Spring",
            "from_email": "news@acme.example",
            "from_name": "Acme",
        }
        html = '<a href="https://acme.example/a">a</a> <a href="https://acme.example/b">b</a>'
        content = {"html": html}
        made = self.call("campaignCreate", type="html", options=wanted | options, content=content)
        return str(made)


def php_pairs(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """The pairs PHP's http_build_query makes of nested values."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from php_pairs(item, f"{name}[{key}]" if name else str(key))
    elif isinstance(value, bool):
        yield name, "1" if value else "0"
    else:
        yield name, str(value)
