"""The door of the Mailigen sandbox: POST /<version>/?output=json&method=<name>, a form inside.

Everything is answered with status 200, errors too; a caller has to look for `error` in the body.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from sandbox.mailigen import playing
from sandbox.mailigen.account import ADMIN_KEY, RESTRICTED_KEY, Account
from sandbox.mailigen.account_calls import check_key
from sandbox.mailigen.calls import VERSIONS, find_call
from sandbox.mailigen.errors import CODES, MailigenError
from sandbox.mailigen.forms import Form, first_rows, read_form, serialize_php, split_body
from sandbox.mailigen.seed import seed_account
from sandbox.vendor import Answer, Request
from sandbox.world import World

_PATH = re.compile(r"/(\d\.\d)/?")
_FORM = "application/x-www-form-urlencoded"


class MailigenVendor:
    """One Mailigen account, "Acme"; building it seeds its books."""

    name = "mailigen"

    def __init__(self, world: World) -> None:
        self._account = Account(world)
        seed_account(self._account)
        self._account.seeded()
        self.books = self._account.books()

    def handle(self, request: Request) -> Answer:
        path = _PATH.fullmatch(request.path)
        if path is None:
            return Answer(404, {"content-type": "text/html"}, b"<h1>Not Found</h1>")
        output = _asked(request, "output")
        status = 200
        try:
            value = self._call(path[1], request)
        except MailigenError as error:
            is_flat = self._account.assumed.text("error_codes") == "flat"
            is_confirmed = error.reason == "invalid_key"
            code = 0 if is_flat and not is_confirmed else CODES[error.reason]
            value = {"error": error.text, "code": code}
            status = self._account.assumed.number("error_http_status")
        self._account.deliver_announcements()
        if output == "php":
            body = serialize_php(value).encode()
            return Answer(status, {"content-type": "text/html; charset=utf-8"}, body)
        return Answer(status, {"content-type": "application/json"}, orjson.dumps(value))

    def _call(self, version: str, request: Request) -> Any:
        assumed = self._account.assumed
        if version not in VERSIONS:
            raise MailigenError("unknown_version", f"Unknown API version: {version}")
        output = _asked(request, "output")
        if output not in ("json", "php") and assumed.text("unknown_output") == "refuse":
            raise MailigenError("invalid_parameter", f"Unknown output: {output}")
        method = _asked(request, "method")
        call = find_call(version, method)
        form = self._form(request)
        key = form.optional("apikey")
        check_key(self._account, key, method, call.is_account_level)
        value = call.answer(self._account, form)
        if isinstance(value, bool) and output != "php" and assumed.is_on("booleans_as_text"):
            return "true" if value else "false"
        return value

    def _form(self, request: Request) -> Form:
        pairs: list[tuple[str, str]] = []
        if self._account.assumed.is_on("accepts_query_parameters"):
            pairs += request.query
        if request.headers.get("content-type", "").lower().startswith(_FORM):
            pairs += split_body(request.body, self._account.assumed.limit("max_input_vars"))
        is_on = self._account.assumed.is_on("text_false_is_false")
        return Form(read_form(pairs), text_false_is_false=is_on)

    def call_name(self, request: Request) -> str:
        """`/1.8/listMembers`: the version and the method, since every call has the same path."""
        path = _PATH.fullmatch(request.path)
        return f"/{path[1]}/{_asked(request, 'method')}" if path else request.path

    def first_rows(self, request: Request, rows: int) -> Request:
        return request._replace(body=first_rows(request.body, rows))

    def rate_limited(self, request: Request) -> Answer:  # noqa: ARG002 - the answer is always one
        text = "Too many requests, please try again later"
        if self._account.assumed.text("rate_limit_answer") == "error_body":
            body = orjson.dumps({"error": text, "code": -50})
            return Answer(200, {"content-type": "application/json"}, body)
        return Answer(429, {"content-type": "text/plain", "retry-after": "5"}, text.encode())

    def blocked(self, request: Request) -> Answer:  # noqa: ARG002 - so is the page
        page = b"<html><head><title>403 Forbidden</title></head><body>Forbidden</body></html>"
        return Answer(403, {"content-type": "text/html"}, page)

    def play(self, event: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return playing.play(self._account, event)
        except MailigenError as error:
            raise ValueError(error.text) from error
        finally:
            self._account.deliver_announcements()

    def account(self) -> dict[str, Any]:
        return {
            "path": "/1.8/",
            "versions": list(VERSIONS),
            "keys": {ADMIN_KEY: "account administrator", RESTRICTED_KEY: "no account-level calls"},
            "events": playing.EVENTS,
            "lists": {record["name"]: record["id"] for record in self._account.lists.live()},
            "campaigns": {
                record["title"]: record["id"] for record in self._account.campaigns.live()
            },
        }

    def assumptions(self) -> dict[str, dict[str, Any]]:
        return self._account.assumed.listing()

    def assume(self, name: str, value: Any) -> None:
        self._account.assumed.switch(name, value)
        if name == "emails_left":
            self._account.emails_spent = 0


def _asked(request: Request, name: str) -> str:
    """The last value of a name in the query, as PHP reads it."""
    return next((value for key, value in reversed(request.query) if key == name), "")
