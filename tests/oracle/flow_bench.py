"""A sandbox, the product as a command and the model of flows beside it.

bench.start(definition, seed)   a fresh world and a fresh home
bench.settle()                  runs until one has nothing to do, each judged
bench.through_trouble(...)      a run that is killed or meets faults, then the same
"""

import json
import os
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.oracle.bench import DONE, GUARDED, OPEN, RUN_SECONDS, Ended
from tests.oracle.flow_compare import compare
from tests.oracle.flow_landed import keep_what_landed
from tests.oracle.flow_model import Decided, Model
from tests.oracle.flow_world import Both, Json, Reader
from tests.oracle.reading import Pipedrive
from tests.oracle.warm import Command

KEY = "ac3e" * 8 + "-us6"
MOST_RUNS = 6
FIELDS = (
    {"tag": "JOB", "name": "Job", "type": "text"},
    {"tag": "REGION", "name": "Region", "type": "text"},
    {"tag": "TEL", "name": "Tel", "type": "phone", "options": {"phone_format": "International"}},
)
TAGS = ("lead", "vip")
Meanwhile = Callable[[list[Decided], Both, set[str]], None]


def connections(url: str) -> Json:
    """Both accounts at the sandbox, with a budget that paces nothing."""
    horizon = {"list": 2, "search": 2}
    return {
        "crm": {
            "vendor": "pipedrive", "base_url": f"{url}/pipedrive", "plan": "ultimate",
            "secret": {"token": "ORACLE_CRM"}, "seats": 100, "quota_share": 1, "horizon": horizon,
        },
        "engagement": {
            "vendor": "mailchimp", "base_url": f"{url}/mailchimp",
            "secret": {"key": "ORACLE_MC"}, "horizon": {"list": 2},
        },
    }  # fmt: skip


class FlowBench:
    """One history at a time; `home` is a folder of its own for everything it writes."""

    def __init__(self, url: str, home: Path) -> None:
        self.url, self.home = url, home
        self.crm = Pipedrive(url)
        self._sandbox = httpx.Client(base_url=f"{url}/_sandbox", timeout=60, trust_env=False)
        self._mailchimp = httpx.Client(
            base_url=f"{url}/mailchimp/3.0", auth=("anybody", KEY), timeout=60, trust_env=False
        )
        self._commands = 0
        self.runs = 0

    def start(self, wanted: Json, *, seed: int, people: int) -> None:
        """A fresh world in which everything the definition can name is there."""
        self.control("reset", seed=seed, people=people)
        for name, value in (("plan", "ultimate"), ("seats", 100)):
            self.assume("pipedrive", name, value)
        self.reader = Reader(self.url)
        lists = {name: i for i, name in self.reader.audiences.items()}
        for audience in ("Newsletter", "Partners"):
            for field in FIELDS:
                self.engage("POST", f"/lists/{lists[audience]}/merge-fields", field)
            for tag in TAGS:
                body = {"name": tag, "static_segment": []}
                self.engage("POST", f"/lists/{lists[audience]}/segments", body)
        self._make_filter("Buyers", "job_title", "=", "Buyer")
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "connections.yaml").write_text(yaml.safe_dump(connections(self.url)))
        self.define(wanted)
        self.model = Model(wanted)
        self.later()

    def define(self, wanted: Json) -> None:
        folder = self.home / "syncs"
        folder.mkdir(exist_ok=True)
        (folder / "outside.yaml").write_text(yaml.safe_dump(wanted, sort_keys=False))

    def _make_filter(self, name: str, code: str, operator: str, value: str) -> None:
        fields = self.reader.book("pipedrive", "personFields")
        field = next(f["id"] for f in fields if f["field_code"] == code)
        one = {"object": "person", "field_id": str(field), "operator": operator, "value": value}
        groups = [{"glue": "and", "conditions": [one]}, {"glue": "or", "conditions": []}]
        conditions = {"glue": "and", "conditions": groups}
        body = {"name": name, "type": "people", "conditions": conditions}
        self.crm.call("POST", "/v1/filters", body)

    # -- the sandbox

    def control(self, what: str, **order: Any) -> Any:
        answer = self._sandbox.post(f"/{what}", json=order)
        if answer.status_code >= 400:
            raise ValueError(f"{what} {order}: {answer.text}")
        return answer.json()

    def assume(self, vendor: str, name: str, value: object) -> None:
        self.control("assumptions", vendor=vendor, name=name, value=value)

    def act(self, kind: str, email: str, audience: str, **more: Any) -> None:
        """What somebody does in Mailchimp; a ValueError when it cannot happen there."""
        self.control("events/mailchimp", kind=kind, email=email, list=audience, **more)

    def engage(self, method: str, path: str, body: Json) -> None:
        """A call of somebody else's with the account's own key."""
        answer = self._mailchimp.request(method, path, json=body)
        if answer.is_error:
            raise ValueError(f"{method} {path}: {answer.text}")

    def later(self, seconds: float = 3) -> None:
        """Vendors count in seconds: what happens in one of them happens at once."""
        self.control("clock", advance_s=seconds)

    def journal(self, after: int = 0) -> list[Json]:
        told = self._sandbox.get("/journal", params={"after": after})
        return [json.loads(line) for line in told.text.splitlines()]

    def seq(self) -> int:
        lines = self.journal()
        return int(lines[-1]["seq"]) if lines else 0

    def effects(self, after: int) -> list[str]:
        """What was written since that line, whoever did it."""
        return [
            f"{line['method']} {line['path']}: {line['status']}"
            for line in self.journal(after) if line["effects"]
        ]  # fmt: skip

    # -- the product

    def environ(self) -> Mapping[str, str]:
        ours = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "SYNCLINE_"))}
        return ours | {
            "ORACLE_CRM": "sandbox-pipedrive-admin", "ORACLE_MC": KEY,
            "SYNCLINE_HOME": str(self.home / "state"), "SYNCLINE_SYNCS": str(self.home / "syncs"),
            "SYNCLINE_CONNECTIONS": str(self.home / "connections.yaml"),
            "PREFECT_HOME": str(self.home / "prefect"), "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_LOGGING_TO_API_ENABLED": "false", "DO_NOT_TRACK": "1",
            "GX_ANALYTICS_ENABLED": "false", "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }  # fmt: skip

    def spawn(self, *words: str) -> Command:
        self._commands += 1
        return Command(words, self.environ(), self.home / f"said-{self._commands}.txt")

    def command(self, *words: str) -> Ended:
        running = self.spawn(*words)
        running.wait(RUN_SECONDS)
        return Ended(1 if running.code is None else running.code, running.said)

    def run(self) -> list[str]:
        """A run that must come through, guards approved; what it wrote."""
        start = self.seq()
        for _ in range(3):
            ended = self.command("run", "outside")
            self.runs += 1
            if ended.code in (DONE, OPEN):
                return self.effects(start)
            if ended.code != GUARDED:
                raise AssertionError(f"the run ended with {ended.code}:\n{ended.said}")
            approved = self.command("approve", "outside")
            if approved.code != DONE:
                raise AssertionError(f"approve ended with {approved.code}:\n{approved.said}")
        raise AssertionError("the guard stopped what had been approved")

    # -- the verdict

    def settle(self) -> None:
        """Runs until one writes nothing; after each the vendors must be as the model says."""
        for _ in range(MOST_RUNS):
            self.later()
            before = self.reader.read()
            right = self.model.sweep(before)
            written = self.run()
            self.judge(before, right, self.reader.read())
            if not written:
                return
        raise AssertionError(f"after {MOST_RUNS} runs there is still something written: {written}")

    def through_trouble(
        self, kill_after: int, faults: list[Json], meanwhile: Meanwhile | None = None
    ) -> None:
        """One run in trouble, then runs until one writes nothing; judged at the end, since what a
        run that died left undone may be done in the same run as what follows from it.

        `meanwhile` acts before the first of those, if it can be said what the trouble left done.
        """
        self.later()
        before = self.reader.read()
        forgetting = deepcopy(self.model)
        planned = self.model.sweep(before)
        for fault in faults:
            self.control("faults", **fault)
        running = self.spawn("run", "outside")
        start = self.seq()
        while running.is_running and (not kill_after or len(self.effects(start)) < kill_after):
            continue
        running.kill()
        self._sandbox.delete("/faults")
        self.later()
        left = self.reader.read()
        sure = keep_what_landed(self.model, before, planned, left) if meanwhile else None
        if meanwhile and sure:
            meanwhile(sure, left, self._doubted(start))
            self.later()
            before = self.reader.read()
        else:
            self.model = forgetting
        right = self._fixpoint(before)
        for _ in range(MOST_RUNS):
            if not self.run():
                break
            self.later()
        else:
            raise AssertionError(f"{MOST_RUNS} runs after a trouble there is something written")
        self.judge(before, right, self.reader.read())

    def _doubted(self, after: int) -> set[str]:
        """Ids of the records that were written without a good answer, and of the last written."""
        written = [line for line in self.journal(after) if line["effects"]]
        doubted = [line for line in written if not 200 <= line["status"] < 300] + written[-1:]
        return {effect["id"] for line in doubted for effect in line["effects"]}

    def _fixpoint(self, before: Both) -> Both:
        world = before
        written = set()
        for _ in range(MOST_RUNS):
            world = self.model.sweep(world)
            written |= self.model.written
            if not self.model.written:
                break
        self.model.written = written
        return world

    def judge(self, before: Both, right: Both, after: Both) -> None:
        """AssertionError with every difference."""
        done = compare(self.model, before, right, after)
        if done.said:
            raise AssertionError("\n".join([f"{len(done.said)} differences:", *done.said]))
        self.model.found(done.persons, done.members, after)
