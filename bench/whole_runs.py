"""Whole runs of each sync: a first one, one with nothing changed, one with 1 % of persons changed.

    python -m bench.whole_runs                    all, at 1,000, 10,000 and 100,000 persons
    python -m bench.whole_runs --sync mailchimp_pipedrive --people 10000 --repeat 5
    python -m bench.whole_runs --sync segments    five tags that hold every person

Sandbox and sync are processes of their own and share the machine. Time and memory are the sync's
alone: from starting the interpreter to its end, as the operating system counts them; the sandbox's
memory stands below the table. Sizes above 10,000 are played once, others three times. The accounts
are on the largest plan and all of it is ours, 60 requests a second at Pipedrive: where that pace is
what a run waits for, the processor's time says what the run itself costs.
"""

import argparse
import json
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil  # type: ignore[import-untyped]

from bench.house import ROOT, House, at_their_pace, sandbox_process
from bench.machine import described, on_disk
from bench.tables import markdown, with_spread

CRM_TOKEN, LIST_KEY = "sandbox-pipedrive-admin", "sandbox-mailigen-key"
MAIL_KEY = "ac3eac3eac3eac3eac3eac3eac3eac3e-us6"
ENVIRONMENT = {"CRM_TOKEN": CRM_TOKEN, "LIST_KEY": LIST_KEY, "MAIL_KEY": MAIL_KEY}
AUDIENCE, TAGS = "Newsletter", tuple(f"Bench {n}" for n in range(1, 6))
ROWS = 500  # a page of Pipedrive's, a call of Mailchimp's
CHANGED = 100  # one person in so many
SIZES = (1_000, 10_000, 100_000)
SMALL, OFTEN = 10_000, 3  # up to so many persons a size is played so often, above it once
MOST_SETTLING = 5
PATIENCE_S = 600.0
CONSENT = {"confirmed_by": "ann@acme.example", "on": "2026-11-01"}
NEVER_HELD = {"first_activation": "allow", "max_creates": 10**7, "max_create_share": 1}
COLUMNS = (
    "sync", "persons", "run", "seconds", "processor, s", "peak memory, MiB", "requests", "tokens",
    "writes",
)  # fmt: skip
Definition = Mapping[str, Any]


class Measured(NamedTuple):
    """One run: seconds by the clock and on the processor, peak bytes, and what it asked for."""

    seconds: float
    processor_s: float
    peak: int
    requests: int
    tokens: int
    writes: int


class Played(NamedTuple):
    """The runs of one sandbox by name, and the bytes the sandbox held after them."""

    runs: Mapping[str, Measured]
    sandbox: int


class BrokenRunError(Exception):
    """A run ended otherwise than it should: what it measured means nothing."""


class Place(House):
    """A sandbox with so many people, and one sync's files beside it."""

    def __init__(self, url: str, folder: Path, definition: Definition) -> None:
        super().__init__(folder, definition, connections(url), ENVIRONMENT)
        self.pipedrive = httpx.Client(
            base_url=f"{url}/pipedrive", headers={"x-api-token": CRM_TOKEN}, timeout=PATIENCE_S
        )
        self.mailchimp = httpx.Client(
            base_url=f"{url}/mailchimp/3.0", auth=("key", MAIL_KEY), timeout=PATIENCE_S
        )
        self._control = httpx.Client(base_url=f"{url}/_sandbox", timeout=PATIENCE_S)
        for name, value in (("plan", "ultimate"), ("daily_budget", 10**9)):
            self.assume(name, value)

    def assume(self, name: str, value: object) -> None:
        asked = {"vendor": "pipedrive", "name": name, "value": value}
        self._control.post("/assumptions", json=asked).raise_for_status()

    def wait_an_hour(self) -> None:
        self._control.post("/clock", json={"advance_s": 3600}).raise_for_status()

    def costs(self) -> tuple[int, int]:
        """Requests at every vendor, and Pipedrive's tokens, so far."""
        told = self._control.get("/costs").raise_for_status().json()
        return sum(one["requests"] for one in told.values()), int(told["pipedrive"]["tokens"])

    def measured(self) -> Measured:
        """One `syncline run` from start to end; BrokenRunError unless it ended well."""
        requests, tokens = self.costs()
        began = time.perf_counter()
        peak_to = self.folder / "peak"
        with tempfile.TemporaryFile("w+") as out:
            process = self.start("run", self.sync, "--json", to=out, peak_to=peak_to)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            seconds = time.perf_counter() - began
            out.seek(0)
            said = out.read()
        if process.returncode != 0:
            raise BrokenRunError(f"{self.sync} ended with {process.returncode}: {said[-2000:]}")
        after = self.costs()
        counts = json.loads(said)["counts"]
        return Measured(
            seconds, used.ru_utime + used.ru_stime, int(peak_to.read_text()),
            after[0] - requests, after[1] - tokens, counts["done"] + counts["adopted"],
        )  # fmt: skip

    def persons(self) -> Iterator[dict[str, Any]]:
        """Every person that is there, as Pipedrive's own list tells them."""
        asked: dict[str, Any] = {"limit": ROWS}
        while True:
            page = at_their_pace(
                partial(self.pipedrive.get, "/api/v2/persons", params=asked)
            ).json()
            yield from page["data"]
            asked["cursor"] = page["additional_data"].get("next_cursor")
            if not asked["cursor"]:
                return

    def members(self, path: str, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        answer = self.mailchimp.get(path, params=asked).raise_for_status()
        found: list[dict[str, Any]] = answer.json()["members"]
        return found

    def audience(self) -> str:
        lists = self.mailchimp.get("/lists").raise_for_status().json()["lists"]
        return next(str(one["id"]) for one in lists if one["name"] == AUDIENCE)


def connections(url: str) -> Mapping[str, object]:
    """The accounts of both syncs, at the sandbox."""
    return {
        "crm": {
            "vendor": "pipedrive", "base_url": f"{url}/pipedrive", "plan": "ultimate",
            "secret": {"token": "CRM_TOKEN"}, "seats": 5000, "quota_share": 1,
        },
        "list": {
            "vendor": "mailigen", "base_url": f"{url}/mailigen", "calls_per_second": 1000,
            "calls_per_day": 10**9, "secret": {"key": "LIST_KEY"},
        },
        "mail": {
            "vendor": "mailchimp", "base_url": f"{url}/mailchimp", "calls_per_day": 10**9,
            "quota_share": 1, "secret": {"key": "MAIL_KEY"},
        },
    }  # fmt: skip


MAILIGEN: Definition = {
    "kind": "mailigen_pipedrive", "name": "mailigen_pipedrive", "schedule": {"every": "1d"},
    "connections": {"crm": "crm", "engagement": "list"}, "list": {"title": "Newsletter"},
    "fields": {}, "guards": NEVER_HELD,
    "bots": [{"id": "all", "contacts": "all", "notes": ["open"], "consent": CONSENT}],
}  # fmt: skip
MAPPING = {"first_name": "FNAME", "last_name": "LNAME"}
MAILCHIMP: Definition = {
    "kind": "mailchimp_pipedrive", "name": "mailchimp_pipedrive", "schedule": {"every": "1d"},
    "connections": {"crm": "crm", "engagement": "mail"}, "guards": NEVER_HELD,
    "flows": [
        {
            "id": "out", "active": True, "trigger": {"filters": ["Customers EU"]},
            "audience": AUDIENCE, "mapping": MAPPING, "consent": CONSENT,
        },
        {
            "id": "in", "active": True, "trigger": {"tags": ["Customer"]}, "audience": AUDIENCE,
            "mapping": MAPPING, "consent": CONSENT,
        },
    ],
}  # fmt: skip
SEGMENTS: Definition = {
    **MAILCHIMP, "name": "segments",
    "flows": [{
        "id": "in", "active": True, "trigger": {"tags": list(TAGS)}, "audience": AUDIENCE,
        "mapping": MAPPING, "consent": CONSENT,
    }],
}  # fmt: skip


def nothing_before(place: Place) -> None:
    """The sandbox's own people are enough."""


def everybody_tagged(place: Place) -> None:
    """Put every person with an address on the audience, under one of the five tags."""
    rows = (
        {
            "email_address": one["emails"][0]["value"], "status": "subscribed",
            "tags": [TAGS[one["id"] % len(TAGS)]],
            "merge_fields": {"FNAME": one["first_name"] or "", "LNAME": one["last_name"] or ""},
        }
        for one in place.persons() if one["emails"]
    )  # fmt: skip
    list_id = place.audience()
    while chunk := list(islice(rows, ROWS)):
        body = {"members": chunk, "update_existing": True}
        place.mailchimp.post(f"/lists/{list_id}", json=body).raise_for_status()


def some_rename(place: Place) -> None:
    """One person in a hundred is called something else in Pipedrive."""
    for person_id in [one["id"] for one in islice(place.persons(), 0, None, CHANGED)]:
        path, body = f"/api/v2/persons/{person_id}", {"first_name": f"Renamed {person_id}"}
        at_their_pace(partial(place.pipedrive.patch, path, json=body))


def some_members_rename(place: Place) -> None:
    """One member of the five tags in a hundred is called something else in Mailchimp."""
    members_at = f"/lists/{place.audience()}/members"
    asked: dict[str, Any] = {"count": 1000, "fields": "members.contact_id", "offset": 0}
    chosen: list[str] = []  # first, since the sandbox finds everybody anew after a write
    while members := place.members(members_at, asked):
        chosen += [one["contact_id"] for one in members[::CHANGED]]
        asked["offset"] += 1000
    for contact_id in chosen:
        body = {"merge_fields": {"FNAME": f"Renamed {contact_id[:4]}"}}
        place.mailchimp.patch(f"{members_at}/{contact_id}", json=body).raise_for_status()


class Subject(NamedTuple):
    """What is measured: a sync, how its accounts stand before, and what changes."""

    definition: Definition
    prepare: Callable[[Place], None]
    change: Callable[[Place], None]


SUBJECTS = {
    "mailigen_pipedrive": Subject(MAILIGEN, nothing_before, some_rename),
    "mailchimp_pipedrive": Subject(MAILCHIMP, nothing_before, some_rename),
    "segments": Subject(SEGMENTS, everybody_tagged, some_members_rename),
}


def until_quiet(run: Callable[[], int]) -> None:
    """Run until one has written nothing; BrokenRunError when the fifth still wrote."""
    if all(run() for _ in range(MOST_SETTLING)):
        raise BrokenRunError(f"run {MOST_SETTLING} after the first one's writes still wrote")


def measure(subject: Subject, people: int, begins: Callable[[str], None]) -> Played:
    """The three runs on a fresh sandbox; a run with nothing to do must not have written.

    `begins` is told of each before it starts.
    """

    def run(name: str) -> Measured:
        begins(name)
        return place.measured()

    with on_disk("whole-runs") as folder, sandbox_process(people) as (url, sandbox_id):
        place = Place(url, folder, subject.definition)
        begins("its accounts are made")
        subject.prepare(place)
        runs = {"first": run("first")}
        place.wait_an_hour()  # what was made just now is read again for some minutes
        # What the first run's own writes caused, read-backs among it, is dealt with.
        until_quiet(lambda: run("not measured").writes)
        runs["no change"] = run("no change")
        if runs["no change"].writes:
            raise BrokenRunError(f"{place.sync} wrote where nothing had changed")
        subject.change(place)
        runs["1 % changed"] = run("1 % changed")
        return Played(runs, int(psutil.Process(sandbox_id).memory_info().rss))


def repetitions(people: int) -> int:
    """How often a size is played unless asked otherwise: fewer times the longer it takes."""
    return OFTEN if people <= SMALL else 1


def play(sync: str, people: int, repeat: int) -> list[Played]:
    """All repetitions of one sync and size, each run told on stderr before it starts."""
    played = []
    for number in range(1, repeat + 1):

        def begins(run: str, number: int = number) -> None:
            say(f"{sync}, {people:,} persons, {number} of {repeat}: {run}")

        played.append(measure(SUBJECTS[sync], people, begins))
    return played


def say(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stderr.flush()


def row(sync: str, people: int, run: str, taken: Sequence[Measured]) -> list[str]:
    """A line of the table: medians, and between what the repetitions lay."""
    figures = [
        with_spread([one.seconds for one in taken], 1),
        with_spread([one.processor_s for one in taken], 1),
        with_spread([one.peak / 2**20 for one in taken]),
        with_spread([one.requests for one in taken]),
        with_spread([one.tokens for one in taken]),
        with_spread([one.writes for one in taken]),
    ]
    return [sync, f"{people:,}", run, *figures]


def held(sync: str, people: int, played: Sequence[Played]) -> str:
    """What the sandbox held, as a line below the table."""
    sizes = with_spread([one.sandbox / 2**20 for one in played])
    return f"- the sandbox itself, {sync} at {people:,}: {sizes} MiB"


def main(words: Sequence[str]) -> int:
    """Print the table, of all that could be measured; 1 when a sync broke. Each line of it is on
    stderr as soon as it is known."""
    parser = argparse.ArgumentParser(prog="bench.whole_runs")
    parser.add_argument("--sync", choices=SUBJECTS, action="append")
    parser.add_argument("--people", type=int, action="append")
    parser.add_argument("--repeat", type=int, help="as often whatever the size")
    asked = parser.parse_args(words)
    machine = described(ROOT)  # before this is what the machine is busy with
    rows: list[list[str]] = []
    sandboxes, broken = [], []
    for people in asked.people or SIZES:
        for sync in asked.sync or SUBJECTS:
            try:
                played = play(sync, people, asked.repeat or repetitions(people))
            except BrokenRunError as error:
                broken.append(f"- not measured, {sync} at {people:,}: {error}")
                say(broken[-1])
                continue
            for run in played[0].runs:
                rows.append(row(sync, people, run, [one.runs[run] for one in played]))
                say(" | ".join(rows[-1]))
            sandboxes.append(held(sync, people, played))
    command = shlex.join(["python", "-m", "bench.whole_runs", *words])
    table = markdown(COLUMNS, rows)
    told = [f"`{command}`", *machine, "", table, "", *sandboxes, *broken]
    sys.stdout.write("\n".join(told) + "\n")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
