"""The stage of `bench.windows`: its sync, and what people do meanwhile, by an administrator of the
CRM who is not the sync, and over the control surface.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from bench.house import House, Sleep, at_their_pace, sandbox

Json = dict[str, Any]
KEY = "ac3e" * 8 + "-us6"
SECRET = "a secret for the windows of ten minutes"
TAG, AUDIENCE, SYNC = "Nobody yet", "Newsletter", "windows"
CONSENT = {"confirmed_by": "ann@acme.example", "on": "2026-11-01"}
NAMES = {"mapping": {"first_name": "FNAME", "last_name": "LNAME"}, "audience": AUDIENCE}
ENVIRONMENT = {
    "CRM_TOKEN": "sandbox-pipedrive-admin", "MC_KEY": KEY, "CRM_HOOK": SECRET, "MC_HOOK": SECRET,
}  # fmt: skip
PLAN, SEATS = "ultimate", 50
# Both ways over the same people, and the two triggers of things that happen once.
FLOWS = (
    {"id": "out", "trigger": {"filters": ["Customers EU"]}, "tag": TAG, "consent": CONSENT},
    {"id": "into", "trigger": {"tags": [TAG]}},
    {"id": "new", "trigger": {"new_contacts": True}},
    {"id": "stage", "trigger": {"pipeline": "Sales", "stage": "Qualified"}, "consent": CONSENT},
)
DEFINITION = {
    "kind": "mailchimp_pipedrive", "name": SYNC, "schedule": {"every": "15m"},
    "connections": {"crm": "crm", "engagement": "engagement"},
    "guards": {"first_activation": "allow", "max_creates": 100_000},
    "flows": [flow | NAMES | {"active": True} for flow in FLOWS],
}  # fmt: skip


class Known(NamedTuple):
    """Somebody both sides can hold: a person of one address."""

    person_id: int
    email: str


class World:
    """The sandbox, as its control surface and an administrator reach it."""

    def __init__(
        self, url: str, token: str = "sandbox-pipedrive-bob", sleep: Sleep = time.sleep
    ) -> None:
        self.url, self._sleep = url, sleep
        self.http = httpx.Client(base_url=url, timeout=60, trust_env=False)
        self._token = {"x-api-token": token}

    def __enter__(self) -> "World":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def control(self, path: str, **asked: Any) -> Any:
        return _read(self.http.post(f"/_sandbox/{path}", json=asked))

    def told(self, path: str) -> Any:
        return _read(self.http.get(f"/_sandbox/{path}"))

    def journal(self) -> list[Json]:
        lines = self.http.get("/_sandbox/journal").text.splitlines()
        return [json.loads(line) for line in lines]

    def book(self, vendor: str, name: str) -> list[Json]:
        records: list[Json] = self.told(f"books/{vendor}/{name}")
        return [one for one in records if not one["_deleted"]]

    def crm(self, method: str, path: str, body: Json) -> Json:
        """A call of somebody's; the journal shows it by its query."""
        place = f"/pipedrive/api/v2/{path}?by=somebody"
        ask = partial(self.http.request, method, place, json=body, headers=self._token)
        return dict(at_their_pace(ask, self._sleep).json()["data"])

    def act(self, kind: str, email: str, **more: Any) -> None:
        self.control("events/mailchimp", kind=kind, email=email, list=AUDIENCE, **more)

    def stages(self) -> dict[str, int]:
        """The stages of the pipeline that the flow names, by name."""
        (sales,) = [
            one["id"] for one in self.book("pipedrive", "pipelines") if one["name"] == "Sales"
        ]
        found = self.book("pipedrive", "stages")
        return {str(one["name"]): int(one["id"]) for one in found if one["pipeline_id"] == sales}

    def audience(self) -> str:
        lists = self.book("mailchimp", "lists")
        return str(next(one["id"] for one in lists if one["name"] == AUDIENCE))

    def tag(self) -> str:
        """The id of the flows' tag, as members hold it."""
        segments = self.book("mailchimp", "segments")
        return str(next(one["id"] for one in segments if one["name"] == TAG))

    def members(self) -> list[Json]:
        list_id = self.audience()
        return [one for one in self.book("mailchimp", "members") if one["list_id"] == list_id]


def _read(answer: httpx.Response) -> Any:
    if answer.is_error:
        raise RuntimeError(f"{answer.request.method} {answer.request.url}: {answer.text}")
    return answer.json()


@contextmanager
def opened(people: int) -> Iterator[World]:
    """A sandbox of that size whose accounts have the largest plan."""
    with sandbox(people) as url, World(url) as world:
        for name, value in (("plan", PLAN), ("seats", SEATS)):
            world.control("assumptions", vendor="pipedrive", name=name, value=value)
        yield world


def built(url: str, folder: Path) -> House:
    """The sync's files in a folder, with both accounts at that sandbox."""
    return House(folder, DEFINITION, connections(url), ENVIRONMENT)


def connections(url: str) -> Mapping[str, object]:
    """Both accounts, at the sandbox. All of the budget is ours: it is what is measured."""
    return {
        "crm": {
            "vendor": "pipedrive", "base_url": f"{url}/pipedrive", "plan": PLAN, "seats": SEATS,
            "secret": {"token": "CRM_TOKEN", "webhook": "CRM_HOOK"}, "quota_share": 1,
        },
        "engagement": {
            "vendor": "mailchimp", "base_url": f"{url}/mailchimp", "quota_share": 1,
            "secret": {"key": "MC_KEY", "webhook": "MC_HOOK"},
        },
    }  # fmt: skip
