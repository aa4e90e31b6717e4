"""A sandbox, the product as a command, and the oracle beside it.

bench.start(definition, people=80)      a fresh world and a fresh home
bench.activate()                        run (guarded), approve, run until nothing is left
bench.play("open", campaign, address)
bench.settle()                          run; approve what a guard stopped; run again
bench.check()                           every difference, as one AssertionError
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.oracle.compare import differences
from tests.oracle.model import Oracle
from tests.oracle.reading import Json, Mailigen, Member, Pipedrive, World, read_world
from tests.oracle.warm import Command

DONE, FAILED, USAGE, GUARDED, OPEN = range(5)
CONSENT = {"confirmed_by": "ann@acme.example", "on": "2026-11-01"}
SECRETS = {
    "ORACLE_CRM": "sandbox-pipedrive-admin",
    "ORACLE_LIST": "sandbox-mailigen-key",
    "ORACLE_HOOK": "what deliveries are signed with",
}
RUN_SECONDS = 240


@dataclass(frozen=True)
class Ended:
    """How a command ended and everything it said."""

    code: int
    said: str


def definition(*bots: Json, **more: Any) -> Json:
    """A definition that names this bench's connections; `bots` without consent get it."""
    return {
        "kind": "mailigen_pipedrive",
        "name": "outside",
        "schedule": {"every": "15m"},
        "connections": {"crm": "crm", "engagement": "engagement"},
        "list": {"title": "Newsletter"},
        "fields": {
            "person": ["phone", "job_title", "Customer tier", "Region"],
            "organization": ["name", "address"],
        },
        "bots": [{"consent": CONSENT} | bot for bot in bots],
    } | more


def connections(url: str) -> Json:
    """Both accounts at the sandbox, with a budget that paces nothing."""
    return {
        "crm": {
            "vendor": "pipedrive",
            "base_url": f"{url}/pipedrive",
            "secret": {"token": "ORACLE_CRM"},
            "plan": "ultimate",
            "seats": 100,
            "quota_share": 1,
            "horizon": {"list": 2, "search": 2},
        },
        "engagement": {
            "vendor": "mailigen",
            "base_url": f"{url}/mailigen",
            "secret": {"key": "ORACLE_LIST", "webhook": "ORACLE_HOOK"},
            "calls_per_second": 1000,
            "horizon": {"list": 2},
        },
    }


class Bench:
    """One scenario at a time; `home` is a folder of its own for everything it writes."""

    def __init__(self, url: str, home: Path) -> None:
        self.url, self.home = url, home
        self.crm, self.list = Pipedrive(url), Mailigen(url)
        self._sandbox = httpx.Client(base_url=f"{url}/_sandbox", timeout=60)
        self.secrets = dict(SECRETS)
        self.own_activities: list[int] = []
        self._known = self._commands = 0

    # -- setting up

    def start(self, wanted: Json, *, seed: int = 7, people: int = 80) -> None:
        self.control("reset", seed=seed, people=people)
        self._known = 0
        for name, value in (("plan", "ultimate"), ("seats", 100)):
            self.control("assumptions", vendor="pipedrive", name=name, value=value)
        self.home.mkdir(parents=True, exist_ok=True)
        self.define(wanted)
        self.connect(connections(self.url))
        self.title = wanted["list"].get("title", "Newsletter")
        self.oracle = Oracle(wanted)
        self.seeded = self.world()

    def define(self, wanted: Json) -> None:
        """Write the definition; the oracle goes by the new one from the next run on."""
        folder = self.home / "syncs"
        folder.mkdir(exist_ok=True)
        (folder / f"{wanted['name']}.yaml").write_text(yaml.safe_dump(wanted, sort_keys=False))
        if hasattr(self, "oracle"):
            self.oracle.definition = wanted

    def connect(self, accounts: Json) -> None:
        (self.home / "connections.yaml").write_text(yaml.safe_dump(accounts))

    @property
    def published(self) -> Path:
        """What an analyst reads."""
        return self.home / "state" / "published" / "outside.duckdb"

    # -- the sandbox

    def control(self, what: str, **order: Any) -> Any:
        answer = self._sandbox.post(f"/{what}", json=order)
        if answer.status_code >= 400:
            raise RuntimeError(f"{what} {order}: {answer.text}")
        return answer.json()

    def play(self, kind: str, campaign: str, email: str, **more: Any) -> None:
        event = {"kind": kind, "campaign": campaign, "email": email} | more
        self.control("events/mailigen", **event)

    def act(self, kind: str, email: str, **more: Any) -> None:
        """What somebody does to the list itself: subscribe, unsubscribe, remove, edit, ..."""
        self.control("events/mailigen", kind=kind, email=email, list=self.title, **more)

    def clear_faults(self) -> None:
        self._sandbox.delete("/faults")

    def hold_deliveries(self, are_held: bool) -> None:
        """Whether the vendors' webhooks wait on their way out."""
        self.control("deliveries", are_held=are_held)

    def pending_deliveries(self) -> int:
        return int(self._sandbox.get("/").json()["pending_deliveries"])

    def delivered(self) -> list[int]:
        """How each delivery so far was answered; 0: by nobody, -1: dropped by a fault."""
        return [tried["status"] for tried in self._sandbox.get("/deliveries").json()]

    def world(self) -> World:
        self.last_seen = read_world(self.url, self.title)
        return self.last_seen

    def glance_at_members(self) -> dict[str, Member]:
        """The list by the sandbox's books, in one call: for choosing whom something happens to."""
        return {
            m["email"].lower(): Member(m["email"], m["status"], m["merges"])
            for m in self._members()
            if m["list"] == self.last_seen.list_id
        }

    def subscribed_everywhere(self) -> int:
        """Subscribers of all lists: what a plan counts."""
        return sum(m["status"] == "subscribed" for m in self._members())

    def ever_members(self) -> list[Json]:
        """Every member by the sandbox's books, who is gone (`_deleted`) too."""
        told: list[Json] = self._sandbox.get("/books/mailigen/members").json()
        return told

    def _members(self) -> list[Json]:
        return [m for m in self.ever_members() if not m["_deleted"]]

    def journal(self, after: int = 0) -> list[Json]:
        told = self._sandbox.get("/journal", params={"after": after})
        return [json.loads(line) for line in told.text.splitlines()]

    def seq(self) -> int:
        lines = self.journal(self._known)
        self._known = int(lines[-1]["seq"]) if lines else self._known
        return self._known

    def effects(self, after: int) -> list[Json]:
        """What was committed at the vendors since line `after`, the scenario's own acts too."""
        return [line for line in self.journal(after) if line["effects"]]

    # -- the product

    def environ(self) -> Mapping[str, str]:
        ours = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "SYNCLINE_"))}
        return ours | self.secrets | {
            "SYNCLINE_HOME": str(self.home / "state"),
            "SYNCLINE_SYNCS": str(self.home / "syncs"),
            "SYNCLINE_CONNECTIONS": str(self.home / "connections.yaml"),
            "PREFECT_HOME": str(self.home / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_LOGGING_TO_API_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "GX_ANALYTICS_ENABLED": "false",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }  # fmt: skip

    def spawn(self, *words: str) -> Command:
        self._commands += 1
        return Command(words, self.environ(), self.home / f"said-{self._commands}.txt")

    def command(self, *words: str) -> Ended:
        running = self.spawn(*words)
        running.wait(RUN_SECONDS)
        return Ended(FAILED if running.code is None else running.code, running.said)

    def run(self, *, before: World | None = None) -> Ended:
        """One run of the product, which the oracle follows. Ends with 0 or 3, else an error."""
        before = before or self.world()
        ended = self.command("run", "outside")
        if ended.code not in (DONE, GUARDED):
            raise AssertionError(f"the run ended with {ended.code}:\n{ended.said}")
        self.oracle.sweep(before, wrote=ended.code == DONE)
        return ended

    def settle(self) -> None:
        """Run until a run was not stopped by a guard, approving what was."""
        for _ in range(3):
            if self.run().code == DONE:
                return
            self.approve()
        raise AssertionError("the guard stopped what had been approved")

    def activate(self) -> None:
        """The first run asks, the second does what was approved."""
        ended = self.run()
        if ended.code != GUARDED:
            raise AssertionError(f"a first run must be stopped by the guard:\n{ended.said}")
        self.approve()
        ended = self.run()
        if ended.code != DONE:
            raise AssertionError(f"the approved run ended with {ended.code}:\n{ended.said}")

    def approve(self) -> None:
        ended = self.command("approve", "outside")
        if ended.code != DONE:
            raise AssertionError(f"approve ended with {ended.code}:\n{ended.said}")

    def kill_after(self, count: int, *, of_requests: bool = False) -> bool:
        """Start a run and kill -9 it after so many effects or requests; False: it was faster."""
        start = self.seq()
        if of_requests:
            return self.kill_when(lambda: self.seq() >= start + count)
        return self.kill_when(lambda: len(self.effects(start)) >= count)

    def kill_when(self, is_time: Callable[[], bool]) -> bool:
        running = self.spawn("run", "outside")
        while running.is_running and not is_time():
            continue
        was_alive = running.is_running
        running.kill()
        return was_alive

    # -- the verdict

    def found_mails(self) -> list[Json]:
        """Mails caused so far: only the books know of them."""
        told = self._sandbox.get("/books/mailigen/mails").json()
        return [mail for mail in told if not mail["_deleted"]]

    def found(self, mails_before: int = 0) -> list[str]:
        """Every difference; `mails_before` are mails the scenario caused itself."""
        after = self.world()
        told = differences(self.oracle.expected, after, self.seeded, own=self.own_activities)
        self.oracle.compared(after)
        return told + [
            f"a {mail['kind']} mail went to {mail['to']}, caused by {mail['cause']}"
            for mail in self.found_mails()[mails_before:]
        ]

    def check(self, mails_before: int = 0) -> None:
        found = self.found(mails_before)
        if found:
            raise AssertionError("\n".join([f"{len(found)} differences:", *found]))

    def check_quiet(self) -> None:
        """One more run writes nothing, anywhere."""
        start = self.seq()
        self.settle()
        made = self.effects(start)
        if made:
            raise AssertionError(f"a run with nothing to do wrote: {made}")
