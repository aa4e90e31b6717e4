"""A desk in front of a Mailchimp of one's own: calls go in, answers, effects and changes come out."""

from typing import Any

import orjson
from mailigen_desk import StandingClock

from sandbox.books import Effect
from sandbox.mailchimp import MailchimpVendor
from sandbox.mailchimp.access import ACME_KEY, EMPTY_KEY
from sandbox.mailchimp.account import hash_of
from sandbox.mailchimp.changes import Change
from sandbox.population import populate
from sandbox.vendor import Answer, Request
from sandbox.world import World

__all__ = ["ACME_KEY", "EMPTY_KEY", "Desk", "hash_of"]
ROOT = "http://127.0.0.1:8400/mailchimp"


class Desk:
    """One vendor in this process; `changes` is what its account announced."""

    def __init__(self, seed: int = 7, people: int = 200) -> None:
        self.clock = StandingClock()
        self.effects: list[Effect] = []
        self.changes: list[Change] = []
        self.delivered: list[tuple[str, dict[str, str], bytes]] = []
        world = World(
            seed=seed,
            people=populate(seed, people),
            clock=self.clock,
            note=self.effects.append,
            deliver=lambda _vendor, url, headers, body: self.delivered.append((url, headers, body)),
        )
        self.vendor = MailchimpVendor(world)
        self.vendor.acme.listeners.append(self.changes.append)
        self.list_id = self.vendor.account()["lists"]["Newsletter"]
        self.partners = self.vendor.account()["lists"]["Partners"]

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """A request as it is; `path` is below /3.0 and may carry a query, headers write - as _."""
        path, _, query = path.partition("?")
        pairs = [pair.partition("=") for pair in query.split("&") if pair]
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        raw = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        return self.vendor.handle(
            Request(
                method=method,
                path=f"/3.0{path}",
                query=[(name, value) for name, _, value in pairs],
                headers={"authorization": f"Bearer {ACME_KEY}", "x-sandbox-root": ROOT} | named,
                body=raw,
                at=self.clock.now(),
            )
        )

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The body of an answer that must be good; None for 204."""
        answer = self.send(method, path, body)
        assert answer.status < 300, answer.body
        return orjson.loads(answer.body) if answer.body else None

    def refusal(self, method: str, path: str, body: Any = None) -> Any:
        """The problem of an answer that must be bad."""
        answer = self.send(method, path, body)
        assert answer.status >= 400, answer.body
        return orjson.loads(answer.body)

    def path(self, email: str) -> str:
        return f"/lists/{self.list_id}/members/{hash_of(email)}"

    def add(self, email: str, status: str = "subscribed", **body: Any) -> Any:
        wanted = {"email_address": email, "status": status, **body}
        return self.call("POST", f"/lists/{self.list_id}/members", wanted)

    def put(self, email: str, **body: Any) -> Any:
        return self.call("PUT", self.path(email), {"email_address": email, **body})

    def member(self, email: str) -> Any:
        return self.call("GET", self.path(email))

    def status(self, email: str) -> str:
        return str(self.member(email)["status"])

    def members(self, query: str = "") -> list[str]:
        """Addresses of the newsletter, as a listing with that query has them."""
        told = self.call("GET", f"/lists/{self.list_id}/members?count=1000&{query}")
        return [member["email_address"] for member in told["members"]]

    def play(self, kind: str, email: str = "", **event: Any) -> dict[str, Any]:
        named = {"email": email} if email else {}
        return self.vendor.play({"kind": kind, **named, **event})

    def assume(self, name: str, value: Any) -> None:
        self.vendor.assume(name, value)

    def book(self, name: str) -> list[dict[str, Any]]:
        return list(self.vendor.books[name].everything())

    def told(self) -> list[tuple[str, str]]:
        """Kind and source of what was announced so far, in order."""
        return [(change.kind, change.source) for change in self.changes]
