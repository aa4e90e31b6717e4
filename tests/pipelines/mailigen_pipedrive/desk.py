"""A sandbox and a sync beside it: arrange at the vendors, run, look at the vendors' books.

desk.start()                     a fresh world, a fresh home, nothing run yet
desk.settle()                    ... and a first run that was let through
desk.fault("lost_answer", "mailigen", "/1.8/listUpdateMember")
desk.run()                       the sync as the flow runs it, over real HTTP
desk.effects()                   what it committed, whatever was answered
"""

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import httpx
import pytest
from pydantic import TypeAdapter

from pipelines.approve import approve_latest
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.run import plan_sync, run_sync
from pipelines.report import Outcome, PlanReport, RunOptions
from pipelines.settings import Connections, Settings, read_settings
from pipelines.step import Step, plainly
from pipelines.surroundings import REAL, Surroundings
from state.database import State, open_state

Json = dict[str, Any]
T = TypeVar("T")
CRM_TOKEN, LIST_KEY = "sandbox-pipedrive-admin", "sandbox-mailigen-key"
SECRETS = {"CRM_TOKEN": CRM_TOKEN, "LIST_KEY": LIST_KEY}
CAMPAIGN = "Autumn offer"
HORIZON = 2  # seconds; the shortest that leaves room for a look before it
AT_ONCE = 0.001  # the horizon of an account that shows every write immediately
CONSENT = {"confirmed_by": "ann@acme.example", "on": "2026-11-01"}
# Every kind of automation, so that one event can cause an activity, a deal and a note.
CUSTOMERS = {
    "id": "customers",
    "contacts": {"filter": "Customers EU"},
    "consent": CONSENT,
    "activities": [{"id": "warm", "after": 1, "event": "open", "type": "call"}],
    "deals": [
        {"id": "hot", "after": 2, "event": "click", "owner": "bob@acme.example",
         "pipeline": "Sales", "stage": "Qualified"}
    ],
    "notes": ["open", "bounce"],
}  # fmt: skip
QUIET = {"id": "customers", "contacts": {"filter": "Customers EU"}, "consent": CONSENT}


def definition(*bots: Json, **more: Any) -> Json:
    """A sync of the sample list that asks nobody at its first activation."""
    return {
        "kind": "mailigen_pipedrive",
        "name": "acme",
        "schedule": {"every": "15m"},
        "connections": {"crm": "crm", "engagement": "engagement"},
        "list": {"title": "Newsletter"},
        "fields": {"person": ["phone", "Customer tier"], "organization": ["name"]},
        "guards": {"first_activation": "allow"},
        "bots": list(bots or (CUSTOMERS,)),
    } | more


def connections(url: str, horizon: float = HORIZON) -> Connections:
    return TypeAdapter(Connections).validate_python({
        "crm": {
            "vendor": "pipedrive", "base_url": f"{url}/pipedrive",
            "secret": {"token": "CRM_TOKEN"}, "plan": "ultimate", "seats": 50, "quota_share": 1,
            "horizon": {"list": horizon, "search": horizon},
        },
        "engagement": {
            "vendor": "mailigen", "base_url": f"{url}/mailigen", "secret": {"key": "LIST_KEY"},
            "calls_per_second": 500, "horizon": {"list": horizon},
        },
    })  # fmt: skip


class Desk:
    """One world at a time; `start` begins another. Used people are never given out twice."""

    around: Surroundings = REAL  # the laboratory gives its own

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self._folder = url, folder
        self._http = httpx.Client(timeout=30, trust_env=False)
        self.crm = httpx.Client(
            base_url=f"{url}/pipedrive", headers={"x-api-token": "sandbox-pipedrive-bob"},
            timeout=30, trust_env=False,
        )  # fmt: skip

    def close(self) -> None:
        self._http.close()
        self.crm.close()

    # -- setting up

    def start(self, *bots: Json, people: int = 60, **more: Any) -> "Desk":
        """A fresh world and a fresh home; nothing has run."""
        self.control("reset", seed=7, people=people)
        self.assume("pipedrive", "plan", "ultimate")
        self.assume("pipedrive", "seats", 50)
        self.home = Path(tempfile.mkdtemp(dir=self._folder))
        self.wanted = definition(*bots, **more)
        self.secrets = dict(SECRETS)
        self.horizon: float = HORIZON
        self.facts: dict[str, Json] = {}
        self._given: set[int] = set()
        self._seq = 0
        return self

    @classmethod
    def at_home(cls, url: str, home: Path, wanted: Json) -> "Desk":
        """A desk in another process, at the same world and home."""
        desk = cls(url, home)
        desk.home, desk.wanted, desk.secrets, desk.horizon = home, wanted, dict(SECRETS), HORIZON
        desk.facts = {}
        return desk

    def settle(self) -> Outcome:
        """Run; whatever was planned is written, and what the journal holds by then is old."""
        outcome = self.run()
        if outcome.outcome != "done":
            raise AssertionError(f"{outcome.outcome}: {outcome.said}")
        self.effects()
        return outcome

    # -- the product

    @property
    def settings(self) -> Settings:
        return read_settings({"SYNCLINE_HOME": str(self.home)} | self.secrets)

    @property
    def connections(self) -> Connections:
        """The accounts, with what a test says of them in `facts`."""
        known = connections(self.url, self.horizon)
        return {name: one.model_copy(update=self.facts.get(name)) for name, one in known.items()}

    def run(self, *, step: Step = plainly, **options: Any) -> Outcome:
        return run_sync(
            Definition.model_validate(self.wanted), self.connections,
            options=RunOptions(**options), report=lambda _: None, step=step,
            settings=self.settings, around=self.around,
        )  # fmt: skip

    def plan(self) -> PlanReport:
        return plan_sync(
            Definition.model_validate(self.wanted), self.connections, options=RunOptions(),
            report=lambda _: None, settings=self.settings,
        )  # fmt: skip

    def write_files(self, folder: Path) -> dict[str, str]:
        """Write what the command line reads of this sync; returns the environment it needs."""
        syncs = folder / "syncs"
        syncs.mkdir(exist_ok=True)
        # JSON is YAML.
        (syncs / "acme.yaml").write_text(json.dumps(self.wanted))
        written = {name: one.model_dump(mode="json") for name, one in self.connections.items()}
        (folder / "connections.yaml").write_text(json.dumps(written))
        return {"SYNCLINE_HOME": str(self.home), "SYNCLINE_SYNCS": str(syncs)} | self.secrets

    def export_files(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Write them, and make theirs the environment of this process: `main` then knows this
        sync, and no Prefect server, whatever the machine's own environment says."""
        folder.mkdir(exist_ok=True)
        for name in ("PREFECT_API_URL", "SYNCLINE_STATE_URL", "SYNCLINE_CONNECTIONS"):
            monkeypatch.delenv(name, raising=False)
        for name, value in self.write_files(folder).items():
            monkeypatch.setenv(name, value)

    def approve(self) -> str:
        return approve_latest(self.settings, "acme", approved_by="ann")

    @contextmanager
    def state(self) -> Iterator[State]:
        opened = open_state(self.settings.state_url)
        yield opened
        opened.close()

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """What an analyst gets from the published copy."""
        path = str(self.home / "published" / "acme.duckdb")
        with duckdb.connect(path, read_only=True) as db:
            return db.execute(query).fetchall()

    # -- the sandbox

    def control(self, what: str, **order: Any) -> Any:
        answer = self._http.post(f"{self.url}/_sandbox/{what}", json=order)
        if answer.is_error:
            raise RuntimeError(f"{what} {order}: {answer.text}")
        return answer.json()

    def assume(self, vendor: str, name: str, value: Any) -> None:
        self.control("assumptions", vendor=vendor, name=name, value=value)

    def fault(self, kind: str, vendor: str, path: str, **more: Any) -> None:
        self.control("faults", kind=kind, vendor=vendor, path=path, **more)

    def clear_faults(self) -> None:
        self._http.delete(f"{self.url}/_sandbox/faults")

    def faults_fired(self) -> int:
        return sum(f["fired"] for f in self._http.get(f"{self.url}/_sandbox/faults").json())

    def play(self, kind: str, email: str, **more: Any) -> None:
        self.control("events/mailigen", kind=kind, campaign=CAMPAIGN, email=email, **more)

    def act(self, kind: str, email: str, **more: Any) -> None:
        """What somebody does to the list itself: subscribe, unsubscribe, remove, edit."""
        self.control("events/mailigen", kind=kind, email=email, list="Newsletter", **more)

    def mailigen(self, method: str, **fields: Any) -> Any:
        """A call of somebody else's at Mailigen, with the account's own key."""
        answer = self._http.post(
            f"{self.url}/mailigen/1.8/", params={"output": "json", "method": method},
            data={"apikey": LIST_KEY, **fields},
        )  # fmt: skip
        return answer.json()

    def journal(self) -> list[Json]:
        told = self._http.get(f"{self.url}/_sandbox/journal", params={"after": self._seq})
        lines = [json.loads(line) for line in told.text.splitlines()]
        self._seq = lines[-1]["seq"] if lines else self._seq
        return lines

    def effects(self) -> list[Json]:
        """What calls committed since the last look; played events are not calls."""
        lines = [line for line in self.journal() if line["method"] != "PLAY"]
        return [effect for line in lines for effect in line["effects"]]

    def book(self, vendor: str, name: str) -> list[Json]:
        """The living records of a book."""
        rows = self._http.get(f"{self.url}/_sandbox/books/{vendor}/{name}").json()
        return [row for row in rows if not row["_deleted"]]

    # -- people

    def person(self, *, on_list: bool) -> tuple[int, str]:
        """A person of the filter nobody has used: id and its one address, subscribed or not."""
        members = {m["email"].lower(): m["status"] for m in self.members()}
        for record in self.selected():
            emails = [e["value"] for e in record["emails"]]
            if record["id"] in self._given or len(emails) != 1 or not self.is_alone(emails[0]):
                continue
            is_on_list = members.get(emails[0].lower())
            if (is_on_list == "subscribed") if on_list else is_on_list is None:
                self._given.add(record["id"])
                return int(record["id"]), str(emails[0])
        raise AssertionError("nobody is left: start with more people")

    def selected(self) -> list[Json]:
        filters = self.crm.get("/v1/filters").json()["data"]
        wanted = next(f["id"] for f in filters if f["name"] == "Customers EU")
        answer = self.crm.get("/api/v2/persons", params={"filter_id": wanted, "limit": 500})
        return list(answer.json()["data"])

    def is_alone(self, email: str) -> bool:
        held = [e["value"].lower() for p in self.book("pipedrive", "persons") for e in p["emails"]]
        return "@" in email and held.count(email.lower()) == 1

    def add_person(self, name: str, email: str) -> int:
        """A new person whom the filter selects."""
        fields = self.book("pipedrive", "personFields")
        tier = next(f for f in fields if f["field_name"] == "Customer tier")
        gold = next(o["id"] for o in tier["options"] if o["label"] == "Gold")
        body = {"name": name, "emails": [{"value": email, "primary": True, "label": "work"}],
                "custom_fields": {tier["field_code"]: gold}}  # fmt: skip
        made = self._crm("POST", "/api/v2/persons", body)
        return int(made["data"]["id"])

    def edit(self, person: int, **body: Any) -> None:
        self._crm("PATCH", f"/api/v2/persons/{person}", body)

    def readdress(self, person: int, email: str) -> None:
        self.edit(person, emails=[{"value": email, "primary": True, "label": "work"}])

    def delete_person(self, person: int) -> None:
        self._crm("DELETE", f"/api/v2/persons/{person}")

    def merge(self, person: int, *, into: int) -> None:
        self._crm("PUT", f"/v1/persons/{person}/merge", {"merge_with_id": into})

    def _crm(self, method: str, path: str, body: Json | None = None) -> Json:
        answer = self.crm.request(method, path, json=body)
        if answer.is_error:
            raise RuntimeError(f"{method} {path}: {answer.text}")
        return dict(answer.json())

    # -- what stands at the vendors

    def members(self) -> list[Json]:
        the_list = next(
            one["id"] for one in self.book("mailigen", "lists")
            if one["name"] == self.wanted["list"]["title"]
        )  # fmt: skip
        return [m for m in self.book("mailigen", "members") if m["list"] == the_list]

    def member(self, email: str) -> Json | None:
        return next((m for m in self.members() if m["email"].lower() == email.lower()), None)

    def ours(self, name: str, person: int) -> list[Json]:
        """The activities, deals or notes of a person that carry a reference of ours."""
        return [
            row for row in self.book("pipedrive", name)
            if "SL-" in json.dumps(row) and person in _people_of(row)
        ]  # fmt: skip


def _people_of(row: Json) -> list[Any]:
    return [row.get("person_id"), *(p["person_id"] for p in row.get("participants") or ())]


def crash_before(place: str) -> Step:
    """A step that dies when a stage is about to begin, as a killed process would."""

    def step(name: str, stage: Callable[..., T], *args: Any) -> T:
        if name == place:
            raise CrashedError(place)
        return stage(*args)

    return step


def crash_after(place: str) -> Step:
    """A step that dies when a stage has just ended."""

    def step(name: str, stage: Callable[..., T], *args: Any) -> T:
        result = stage(*args)
        if name == place:
            raise CrashedError(place)
        return result

    return step


class CrashedError(Exception):
    """No error of the product's: nothing there may catch it."""
