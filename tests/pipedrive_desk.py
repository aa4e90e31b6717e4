"""A desk at the sandbox's Pipedrive: calls go over HTTP, and every exchange is checked.

Answers are held against the published contract (tests/contract), whatever the test is about.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx

from tests.contract.exchange import met
from tests.contract.pipedrive import PIPEDRIVE

ADMIN, BOB, CARA = "sandbox-pipedrive-admin", "sandbox-pipedrive-bob", "sandbox-pipedrive-user"


class Reply(NamedTuple):
    status: int
    body: Any  # None when it was not JSON
    headers: Mapping[str, str]

    @property
    def result(self) -> Any:
        return self.body["data"]


class Desk:
    """`crm.get("/api/v2/persons", limit=5).result`; `crm.control` talks to the sandbox itself."""

    def __init__(self, url: str, token: str = ADMIN) -> None:
        self.url, self.token = url, token
        self.http = httpx.Client(timeout=5, trust_env=False)

    def close(self) -> None:
        self.http.close()

    def as_user(self, token: str) -> "Desk":
        """The same desk with another token."""
        other = Desk(self.url, token)
        other.http.close()
        other.http = self.http
        return other

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Reply:
        answer = self.http.request(
            method,
            f"{self.url}/pipedrive{path}",
            params=query,
            json=body,
            headers={"x-api-token": self.token},
        )
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        read = answer.json() if is_json else None
        # One of 5xx was ordered by the test; whether the vendor's are its own the session's end tells.
        if is_json and answer.status_code < 500 and not PIPEDRIVE.why_absent():
            complaints = PIPEDRIVE.hold(met(answer, f"{self.url}/pipedrive"))
            assert not complaints, complaints
        return Reply(answer.status_code, read, answer.headers)

    def get(self, path: str, **query: Any) -> Reply:
        return self.call("GET", path, **query)

    def post(self, path: str, body: Any, **query: Any) -> Reply:
        return self.call("POST", path, body, **query)

    def patch(self, path: str, body: Any) -> Reply:
        return self.call("PATCH", path, body)

    def delete(self, path: str, body: Any = None) -> Reply:
        return self.call("DELETE", path, body)

    def walk(self, path: str, **query: Any) -> list[Any]:
        """All records of a v2 list."""
        reply = self.get(path, **query)
        records = list(reply.result)
        while cursor := reply.body["additional_data"]["next_cursor"]:
            reply = self.get(path, **query, cursor=cursor)
            records += reply.result
        return records

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """`/_sandbox` calls; anything but a 200 is an error."""
        answer = self.http.request(method, f"{self.url}/_sandbox{path}", json=body)
        answer.raise_for_status()
        is_lines = "ndjson" in answer.headers["content-type"]
        return answer.text.splitlines() if is_lines else answer.json()

    def assume(self, name: str, value: Any) -> None:
        order = {"vendor": "pipedrive", "name": name, "value": value}
        self.control("POST", "/assumptions", order)

    def fault(self, kind: str, **order: Any) -> None:
        self.control("POST", "/faults", {"kind": kind, "vendor": "pipedrive", **order})

    def book(self, name: str) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = self.control("GET", f"/books/pipedrive/{name}")
        return records

    def field_code(self, label: str) -> str:
        """The code of a seeded custom person field; the first of several with one name."""
        fields = self.book("personFields")
        return str(next(f["field_code"] for f in fields if f["field_name"] == label))
