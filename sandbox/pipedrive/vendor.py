"""The vendor as the sandbox's server sees it: doors, limits, routes, played events."""

from collections.abc import Mapping
from typing import Any

import orjson

from sandbox.pipedrive import answers
from sandbox.pipedrive.access import Access
from sandbox.pipedrive.answers import RefusalError, WholeAnswerError
from sandbox.pipedrive.assumptions import Assumptions
from sandbox.pipedrive.call import Call
from sandbox.pipedrive.company import Company
from sandbox.pipedrive.limits import Limits
from sandbox.pipedrive.oauth import CLIENT_ID, CLIENT_SECRET
from sandbox.pipedrive.played import KINDS, play
from sandbox.pipedrive.routes import RETIRED_IN_V1, Route, find
from sandbox.pipedrive.seed import API_TOKENS, seed_company
from sandbox.vendor import Answer, Request
from sandbox.world import World

BLOCK_PAGE = b"""<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>
<body><h1>Sorry, you have been blocked</h1><p>You are unable to access pipedrive.com</p>
</body></html>"""


class PipedriveVendor:
    """One company account, "Acme"."""

    name = "pipedrive"

    def __init__(self, world: World) -> None:
        self._assume = Assumptions()
        self._company = Company(world, self._assume)
        self._access = Access(world.seed, API_TOKENS, self._assume)
        self._limits = Limits(self._assume)
        self.books = self._company.books
        seed_company(self._company)

    @property
    def tokens_spent(self) -> int:
        return self._limits.tokens_spent

    def call_name(self, request: Request) -> str:
        return request.path

    def handle(self, request: Request) -> Answer:
        version = "v2" if request.path.startswith("/api/v2/") else "v1"
        try:
            root = request.headers.get("x-sandbox-root", "")
            answer = self._access.oauth.answer(request, root)
            return answer or self._admit(version, request)
        except RefusalError as refusal:
            return answers.dump(refusal.body(version), refusal.status)
        except WholeAnswerError as whole:
            return answers.dump(whole.body, whole.status)

    def rate_limited(self, request: Request) -> Answer:
        """429. Its body is published nowhere; this one is what users quote."""
        token = self._token(request)
        headers = dict(answers.JSON) | self._limits.headers(token, request.at)
        if self._assume["retry_after_header"]:
            headers["retry-after"] = str(self._limits.reset_s(token, request.at))
        body = {"success": False, "error": "request over limit", "errorCode": 429}
        return Answer(429, headers, orjson.dumps(body | {"error_info": answers.INFO_V1}))

    def blocked(self, request: Request) -> Answer:  # noqa: ARG002  the protocol has it
        return Answer(403, {"content-type": "text/html; charset=UTF-8"}, BLOCK_PAGE)

    def play(self, event: Mapping[str, Any]) -> dict[str, Any]:
        return play(self._company, self._access, event)

    def account(self) -> dict[str, Any]:
        users = self.books["users"]
        told = [
            {"token": token, "user": user_id, "email": (users.get(user_id) or {}).get("email")}
            for token, user_id in self._access.api_tokens.items()
        ]
        return {
            "api": {"v2": "/api/v2", "v1": "/v1", "v1_too": "/api/v1"},
            "company": "Acme",
            "tokens": told,
            "oauth": {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET},
            "users": [
                {"id": u["id"], "email": u["email"], "is_admin": u["access"][0]["admin"]}
                | {"is_active": u["active_flag"]}
                for u in users.live()
            ],
            "daily_budget": self._limits.daily_budget,
            "spent_today": self._limits.today,
            "events": list(KINDS),
        }

    def assumptions(self) -> dict[str, dict[str, Any]]:
        return self._assume.told()

    def assume(self, name: str, value: Any) -> None:
        self._assume.switch(name, value)
        self._company.forget_bytes()

    def attempt_body(self, body: bytes, attempt: int) -> bytes:
        """Webhook bodies tell which attempt this is."""
        told = orjson.loads(body)
        told["meta"]["attempt"] = attempt
        return orjson.dumps(told)

    def delivered(self, url: str, status: int, attempt: int) -> None:
        self._company.hooks.fared(url, status, attempt)

    def _token(self, request: Request) -> str:
        try:
            return self._access.who(request)[0]
        except (RefusalError, WholeAnswerError):
            return ""

    def _admit(self, version: str, request: Request) -> Answer:
        token, user_id = self._access.who(request)
        user = self._company.user(user_id)
        if user is None or not user["active_flag"]:
            raise RefusalError(401, "unauthorized access")
        route, matched = self._route(version, request)
        refused = self._limits.admit(token, request.at, route.cost, is_search=route.is_search)
        if refused:
            return self.rate_limited(request) if refused == 429 else self.blocked(request)
        call = Call(
            version=version,
            user=user,
            path=matched,
            query=dict(request.query),
            raw=request.body,
            at=request.at,
            search_lag_s=float(request.headers.get("x-sandbox-search-lag", 0)),
        )
        answer = self._answered(route, call)
        if answer.status < 400 or self._assume["errors_cost_tokens"]:
            self._limits.charge(route.cost)
        headers = {**answer.headers, **self._limits.headers(token, request.at)}
        return answer._replace(headers=headers)

    def _answered(self, route: Route, call: Call) -> Answer:
        try:
            return route.answer(self._company, call)
        except RefusalError as refusal:
            return answers.dump(refusal.body(call.version), refusal.status)
        except WholeAnswerError as whole:
            return answers.dump(whole.body, whole.status)

    def _route(self, version: str, request: Request) -> tuple[Route, dict[str, str]]:
        parts = [part for part in request.path.split("/") if part]
        if parts[:1] == ["api"]:
            parts = parts[1:]
        if parts[:1] != [version]:
            raise RefusalError(404, "Unknown method .")
        parts = parts[1:]
        found = find(version, request.method, parts)
        if found is None:
            if version == "v1" and parts and parts[0] in RETIRED_IN_V1:
                status = 410 if self._assume["legacy_v1"] == "off" else 404
                raise RefusalError(status, "This endpoint is no longer available, use API v2.")
            raise RefusalError(404, "Unknown method .")
        route, matched = found
        return route, matched | ({"fields": parts[0]} if parts[0].endswith("Fields") else {})
