"""The vendor as the sandbox's server sees it: doors, keys, headers, played events."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from sandbox.mailchimp import playing
from sandbox.mailchimp.access import ACME_KEY, DATACENTER, EMPTY_KEY, Access
from sandbox.mailchimp.account import Account
from sandbox.mailchimp.assumptions import Assumptions
from sandbox.mailchimp.call import Asked, Replied
from sandbox.mailchimp.oauth import CLIENT_ID, CLIENT_SECRET, PREFIX
from sandbox.mailchimp.outside import MOST_IN_FLIGHT, VISITOR, open_outside
from sandbox.mailchimp.played_mails import MAIL_EVENTS, play_mail
from sandbox.mailchimp.problems import DESCRIBED_BY, ProblemError, not_found, too_many
from sandbox.mailchimp.router import Visit, perform, refused
from sandbox.mailchimp.seed import seed_account
from sandbox.mailchimp.seed_campaigns import seed_campaigns
from sandbox.vendor import Answer, Request
from sandbox.world import World

VERSION = "/3.0"
HTML = {"content-type": "text/html; charset=utf-8", "server": "openresty"}
BLOCK_PAGE = (
    b"<html><head><title>Access Denied</title></head><body><h1>Access Denied</h1></body></html>"
)


class MailchimpVendor:
    """Two accounts: "Acme" with its audiences, and "Empty" without any."""

    name = "mailchimp"
    most_in_flight = MOST_IN_FLIGHT
    visitor = VISITOR

    def __init__(self, world: World) -> None:
        self._assumed = Assumptions()
        self.acme = Account(world, self._assumed, "Acme")
        self._empty = Account(world, self._assumed, "Empty", prefix="empty/")
        self._access = Access()
        self._access.grant(ACME_KEY, self.acme)
        self._access.grant(EMPTY_KEY, self._empty)
        seed_account(self.acme)
        seed_campaigns(self.acme)
        self.acme.seeded()
        self._empty.seeded()
        self.books = self.acme.books | self._empty.books
        self._outside = open_outside((self.acme, self._empty), self._access, world.seed)

    def call_name(self, request: Request) -> str:
        return request.path

    def handle(self, request: Request) -> Answer:
        if (answer := self._outside.answer(request)) is not None:
            return answer
        if request.path != VERSION and not request.path.startswith(f"{VERSION}/"):
            return self._told(refused(self.acme, not_found()))
        try:
            account = self._access.who(request.headers)
            method = _method(request)
        except ProblemError as problem:
            return self._told(refused(self.acme, problem))
        visit = Visit(
            account=account,
            at=request.at,
            root=f"{request.headers.get('x-sandbox-root', '')}{VERSION}",
            search_lag_s=float(request.headers.get("x-sandbox-search-lag", 0)),
            visited=int(seen) if (seen := request.headers.get("x-sandbox-visited")) else None,
        )
        path = request.path.removeprefix(VERSION) or "/"
        return self._told(perform(visit, Asked(method, path, dict(request.query), request.body)))

    def rate_limited(self, request: Request) -> Answer:  # noqa: ARG002 - the answer is always one
        """No Retry-After and no rate-limit headers: the vendor has none."""
        if self._assumed["too_many_answer"] == "json":
            return self._told(refused(self.acme, too_many()))
        status = 429 if self._assumed["too_many_answer"] == "bare_429" else 403
        return Answer(status, HTML, b"")

    def blocked(self, request: Request) -> Answer:  # noqa: ARG002 - so is the page
        return Answer(403, HTML, BLOCK_PAGE)

    def play(self, event: Mapping[str, Any]) -> dict[str, Any]:
        try:
            if event.get("kind") in MAIL_EVENTS:
                return play_mail(self.acme, event)
            return playing.play(self.acme, self._access, event)
        except ProblemError as problem:
            said = "; ".join(f"{field}: {text}" for field, text in problem.errors)
            raise ValueError(said or problem.detail) from problem

    def account(self) -> dict[str, Any]:
        return {
            "path": VERSION,
            "datacenter": DATACENTER,
            "keys": {ACME_KEY: "Acme, owner", EMPTY_KEY: "an account without an audience"},
            "oauth": {"path": PREFIX, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
            | {"users": {"1": "the owner of Acme", "2": "the owner of the empty account"}},
            "events": playing.EVENTS | MAIL_EVENTS,
            "lists": {record["name"]: record["id"] for record in self.acme.lists.live()},
            "campaigns": {c["title"]: c["id"] for c in self.acme.campaigns.live()},
            "segments": {str(s["id"]): s["name"] for s in self.acme.segments.live()},
        }

    def assumptions(self) -> dict[str, dict[str, Any]]:
        return self._assumed.listing()

    def assume(self, name: str, value: Any) -> None:
        self._assumed.switch(name, value)

    def account_of(self, request: Request) -> str:
        return self._outside.account_of(request)

    def answer_takes_s(self) -> float:
        return float(self._assumed["answer_takes_ms"]) / 1000

    def crowded_out(self, request: Request) -> Answer:
        return self.rate_limited(request)

    def wants_to_see(self, request: Request) -> str:
        return self._outside.wants_to_see(request)

    def retry_after_s(self) -> Sequence[float]:
        return self._outside.retry_after_s()

    def most_waiting(self) -> int:
        return int(self._assumed["webhooks_waiting_most"])

    def attempt_headers(self, url: str, body: bytes, at: datetime) -> dict[str, str]:
        return self._outside.attempt_headers(url, body, at)

    def attempt_body(self, body: bytes, attempt: int) -> bytes:  # noqa: ARG002 - always the same
        return body

    def delivered(self, url: str, status: int, attempt: int) -> None:
        self._outside.delivered(url, status, attempt)

    def _told(self, replied: Replied) -> Answer:
        headers = {"server": "openresty", **replied.headers}
        if replied.body is None:
            headers["x-request-id"] = self.acme.new_instance()
            return Answer(replied.status, headers, b"")
        is_problem = replied.status >= 400
        kind = "application/problem+json" if is_problem else "application/json"
        headers["content-type"] = f"{kind}; charset=utf-8"
        if is_problem:
            headers["x-request-id"] = replied.body["instance"]
            headers["link"] = DESCRIBED_BY
        else:
            headers["x-request-id"] = self.acme.new_instance()
        return Answer(replied.status, headers, orjson.dumps(replied.body))


def _method(request: Request) -> str:
    """The method, or the one that X-HTTP-Method-Override names on a POST."""
    override = request.headers.get("x-http-method-override", "").upper()
    if not override:
        return request.method
    if request.method != "POST" or override not in ("GET", "POST", "PATCH", "PUT", "DELETE"):
        said = "The X-HTTP-Method-Override header may be used with POST requests alone."
        raise ProblemError(422, "Method Override Invalid", said)
    return override
