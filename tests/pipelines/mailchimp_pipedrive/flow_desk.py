"""A sandbox and a sync of Mailchimp flows beside it: arrange, run, look at the vendors' books."""

import tempfile
from pathlib import Path
from typing import Any

import httpx
from pydantic import TypeAdapter

from pipelines.mailchimp_pipedrive.config import Definition
from pipelines.mailchimp_pipedrive.run import plan_sync, run_sync
from pipelines.report import Outcome, PlanReport, RunOptions
from pipelines.settings import Connections
from pipelines.step import Step, plainly
from tests.pipelines.mailchimp_pipedrive.wanted import CONSENT
from tests.pipelines.mailigen_pipedrive import desk

Json = dict[str, Any]
KEY = "ac3e" * 8 + "-us6"
AUDIENCE = "Newsletter"
OUT = {
    "id": "out", "active": True, "trigger": {"filters": ["Customers EU"]}, "audience": AUDIENCE,
    "mapping": {"first_name": "FNAME", "last_name": "LNAME"}, "consent": CONSENT,
}  # fmt: skip
INTO = {
    "id": "into", "active": True, "trigger": {"tags": ["Nobody yet"]}, "audience": AUDIENCE,
    "mapping": {"first_name": "FNAME", "last_name": "LNAME"},
}  # fmt: skip
NEW = INTO | {"id": "new", "trigger": {"new_contacts": True}}
STAGE = OUT | {"id": "stage", "trigger": {"pipeline": "Sales", "stage": "Qualified"}}


class FlowDesk(desk.Desk):
    """One world at a time, as the other sync's desk has it."""

    def __init__(self, url: str, folder: Path) -> None:
        super().__init__(url, folder)
        self.mailchimp = httpx.Client(
            base_url=f"{url}/mailchimp/3.0", auth=("anybody", KEY), timeout=30, trust_env=False
        )

    def close(self) -> None:
        self.mailchimp.close()
        super().close()

    def start(self, *flows: Json, people: int = 40, **more: Any) -> "FlowDesk":
        """A fresh world and a fresh home; nothing has run, and activation asks nobody."""
        self.control("reset", seed=7, people=people)
        self.assume("pipedrive", "plan", "ultimate")
        self.assume("pipedrive", "seats", 50)
        self.home = Path(tempfile.mkdtemp(dir=self._folder))
        self.wanted = {
            "kind": "mailchimp_pipedrive", "name": "acme", "schedule": {"every": "15m"},
            "connections": {"crm": "crm", "engagement": "engagement"},
            "guards": {"first_activation": "allow"}, "flows": list(flows or (OUT,)),
        } | more  # fmt: skip
        self.secrets = {"CRM_TOKEN": desk.CRM_TOKEN, "MC_KEY": KEY}
        self.horizon = desk.HORIZON
        self.facts: dict[str, Json] = {}
        self._given: set[int] = set()
        self._seq = 0
        return self

    @property
    def connections(self) -> Connections:
        known = TypeAdapter(Connections).validate_python({
            "crm": {
                "vendor": "pipedrive", "base_url": f"{self.url}/pipedrive",
                "secret": {"token": "CRM_TOKEN"}, "plan": "ultimate", "seats": 50,
                "quota_share": 1, "horizon": {"list": self.horizon, "search": self.horizon},
            },
            "engagement": {
                "vendor": "mailchimp", "base_url": f"{self.url}/mailchimp",
                "secret": {"key": "MC_KEY"}, "horizon": {"list": self.horizon},
            },
        })  # fmt: skip
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

    def change(self, flow_id: str, **said: Any) -> None:
        """Edit a flow in the file."""
        self.wanted["flows"] = [
            flow | said if flow["id"] == flow_id else flow for flow in self.wanted["flows"]
        ]

    @classmethod
    def at_home(cls, url: str, home: Path, wanted: Json) -> "FlowDesk":
        """A desk in another process, at the same world and home."""
        one = cls(url, home)
        one.home, one.wanted, one.horizon = home, wanted, desk.HORIZON
        one.secrets = {"CRM_TOKEN": desk.CRM_TOKEN, "MC_KEY": KEY}
        one.facts = {}
        return one

    # -- Mailchimp

    @property
    def audience(self) -> str:
        lists = self.book("mailchimp", "lists")
        return str(next(one["id"] for one in lists if one["name"] == AUDIENCE))

    def act(self, kind: str, email: str, **more: Any) -> None:
        """What somebody does in Mailchimp: join, leave, edit, archive, tag."""
        self.control("events/mailchimp", kind=kind, email=email, list=AUDIENCE, **more)

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """A call of somebody else's, with the account's own key."""
        answer = self.mailchimp.request(method, path, json=body)
        if answer.is_error:
            raise RuntimeError(f"{method} {path}: {answer.text}")
        return dict(answer.json()) if answer.content else {}

    def members(self) -> list[Json]:
        return [one for one in self.book("mailchimp", "members") if one["list_id"] == self.audience]

    def member(self, email: str) -> Json | None:
        return next(
            (m for m in self.members() if m["email_address"].lower() == email.lower()), None
        )

    def merges(self, email: str) -> Json:
        found = self.member(email)
        assert found is not None, f"{email} is no contact of the audience"
        return dict(found["merge_fields"])

    def tags(self, email: str) -> set[str]:
        path = f"/lists/{self.audience}/members/{email}/tags"
        return {one["name"] for one in self.call("GET", path)["tags"]}

    # -- Pipedrive

    def persons_with(self, email: str) -> list[Json]:
        return [
            one for one in self.book("pipedrive", "persons")
            if email.lower() in [e["value"].lower() for e in one["emails"]]
        ]  # fmt: skip

    def untouched(self) -> tuple[int, str]:
        """A person of the filter, with one address that no audience knows: id and address."""
        known = {one["email_address"].lower() for one in self.book("mailchimp", "members")}
        for record in self.selected():
            emails = [e["value"] for e in record["emails"]]
            if record["id"] in self._given or len(emails) != 1 or not self.is_alone(emails[0]):
                continue
            if emails[0].lower() not in known:
                self._given.add(record["id"])
                return int(record["id"]), str(emails[0])
        raise AssertionError("nobody is left: start with more people")

    def deal(self, person: int | None, stage: str, pipeline: str = "Sales") -> int:
        """A new deal in a stage."""
        body: Json = {"title": "A deal", "stage_id": self.stage(stage, pipeline)}
        made = self._crm("POST", "/api/v2/deals", body | ({"person_id": person} if person else {}))
        return int(made["data"]["id"])

    def move(self, deal: int, stage: str, pipeline: str = "Sales") -> None:
        self._crm("PATCH", f"/api/v2/deals/{deal}", {"stage_id": self.stage(stage, pipeline)})

    def stage(self, stage: str, pipeline: str) -> int:
        pipelines = {p["name"]: p["id"] for p in self.book("pipedrive", "pipelines")}
        return next(
            int(s["id"]) for s in self.book("pipedrive", "stages")
            if s["name"] == stage and s["pipeline_id"] == pipelines[pipeline]
        )  # fmt: skip
