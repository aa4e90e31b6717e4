"""Everything of Mailchimp that is not a call of the API: the login host, the store of batch
results, what is said of itself to the server (how many at once, whose webhooks, which page first).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

import orjson

from sandbox.mailchimp.access import Access
from sandbox.mailchimp.account import Account
from sandbox.mailchimp.batch_calls import RESULTS, serve_results
from sandbox.mailchimp.notices import gave_up, retry_after_s, signed, tell_of_change
from sandbox.mailchimp.oauth import PREFIX, OAuth, Person
from sandbox.mailchimp.played_mails import note_leaving
from sandbox.mailchimp.problems import ProblemError
from sandbox.mailchimp.webhook_calls import is_address
from sandbox.vendor import Answer, Request

VISITOR = "MailChimp.com WebHook Validator"
MOST_IN_FLIGHT = 10
OWNER = "owner@{}.example"
LOOKED_AT = ("POST", "PATCH")  # the methods that name an address to send to


def open_outside(accounts: tuple[Account, ...], access: Access, seed: int) -> "Outside":
    """Let the login host grant tokens like keys, and webhooks hear of changes."""
    by_name = {account.name: account for account in accounts}
    people = tuple(
        Person(
            name, name, place, 100_000 + place, f"{name.lower()}-owner", OWNER.format(name.lower())
        )
        for place, name in enumerate(by_name, start=1)
    )
    for account in accounts:
        account.listeners += [partial(note_leaving, account), partial(tell_of_change, account)]
    return Outside(accounts, access, OAuth(seed, people, Tokens(access, by_name)))


class Tokens(NamedTuple):
    """The API's keys, as the login host gives them out."""

    access: Access
    by_name: Mapping[str, Account]

    def grant(self, token: str, account: str) -> None:
        self.access.grant(token, self.by_name[account])

    def opens(self, token: str) -> bool:
        return bool(_account_of(self.access, {"authorization": f"OAuth {token}"}))


def _account_of(access: Access, headers: Mapping[str, str]) -> str:
    try:
        return access.who(headers).name
    except ProblemError:
        return ""


class Outside(NamedTuple):
    accounts: tuple[Account, ...]
    access: Access
    oauth: OAuth

    def answer(self, request: Request) -> Answer | None:
        """The page of a path outside the API; None for any other."""
        if request.path.startswith(PREFIX):
            return self.oauth.answer(request)
        if request.method == "GET" and request.path.startswith(RESULTS):
            return serve_results(self.accounts, request)
        return None

    def account_of(self, request: Request) -> str:
        """Calls of the API with a good key are counted, by account."""
        if not request.path.startswith("/3.0"):
            return ""
        return _account_of(self.access, request.headers)

    def wants_to_see(self, request: Request) -> str:
        """The address that a webhook is about to be made for."""
        steps = request.path.strip("/").split("/")
        is_hook = steps[1:2] == ["batch-webhooks"] or steps[3:4] == ["webhooks"]
        if not is_hook or request.method not in LOOKED_AT or not self.account_of(request):
            return ""
        if not self.accounts[0].assumed["webhook_address_is_visited"]:
            return ""
        try:
            asked = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            return ""
        url = asked.get("url") if isinstance(asked, dict) else None
        return url if isinstance(url, str) and is_address(url) else ""

    def retry_after_s(self) -> Sequence[float]:
        return retry_after_s(self.accounts[0])

    def attempt_headers(self, url: str, body: bytes, at: datetime) -> dict[str, str]:
        return signed(self.accounts, url, body, at)

    def delivered(self, url: str, status: int, attempt: int) -> None:
        if not 200 <= status < 300 and attempt > len(self.retry_after_s()):
            gave_up(self.accounts, url)
