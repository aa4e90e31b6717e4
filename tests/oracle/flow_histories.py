"""Random histories of Mailchimp flows: acts at both vendors between runs, judged by the model.

    python -m tests.oracle.flow_histories --seed 1 --count 100 --jobs 2

    python -m tests.oracle.flow_histories --seed 1 --count 100 --jobs 2 --troubles

plays each seed and tells of every history that ends in a difference: what was done, what differs.
The same seed acts the same. Ends with 1 when any history differs.
"""

import argparse
import multiprocessing
import random
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

from sandbox import server
from tests.oracle.flow_acts import EDITS, NEWSLETTER, WEIGHTS, Act, value_of
from tests.oracle.flow_bench import FlowBench, Meanwhile
from tests.oracle.flow_drawn import MAPPINGS, definition_of, faults_of, opposite_of
from tests.oracle.flow_meanwhile import edit_meanwhile
from tests.oracle.flow_model import Decided
from tests.oracle.flow_world import Both, Json, Member, Person

ROUNDS, ACTS, PEOPLE = 4, 7, 30


class History:
    """One seeded history on one bench."""

    def __init__(
        self, bench: FlowBench, seed: int,
        drawn: Callable[[random.Random], Json] = definition_of,
    ) -> None:  # fmt: skip
        self.bench, self.dice = bench, random.Random(seed)
        self.told: list[str] = []
        self.deals: list[int] = []
        self.gone_tags: set[tuple[str, str]] = set()  # audience, name
        self._serial = 0
        self.wanted = drawn(self.dice)
        bench.start(self.wanted, seed=seed, people=PEOPLE)
        dead = self.dice.choice(["everybody", "empty", "error"])
        bench.assume("pipedrive", "dead_filter", dead)
        for name in ("tags_move_last_changed", "same_values_move_last_changed"):
            bench.assume("mailchimp", name, self.dice.random() < 0.3)
        stages = bench.crm.walk("/stages")
        self.stages = {s["name"]: s["id"] for s in stages if s["pipeline_id"] == 1}
        self.told += [f"flow {flow}" for flow in self.wanted["flows"]]
        self.told.append(f"conflicts {self.wanted['conflicts']}")

    def live_through(self, rounds: int = ROUNDS, acts: int = ACTS) -> None:
        """AssertionError at the first difference; `told` is what was done until then."""
        self._act(acts)
        self.bench.settle()
        self.bench.later()  # what a deal passes in the second of an activation is not after it
        for number in range(rounds):
            self.told.append(f"-- round {number + 1}")
            self._switch()
            self._act(acts)
            if self.dice.random() < 0.35:
                self._trouble()
            self.bench.settle()

    def live_through_troubles(self, rounds: int = ROUNDS) -> None:
        """Only edits of people both flows have: before a run in trouble, and before the next."""
        for member in sorted(self.bench.reader.read().members.values(), key=lambda m: m.email):
            if member.audience == NEWSLETTER and self.dice.random() < 0.8:
                self.bench.act("tag", member.email, member.audience, tag="lead")
        self.bench.settle()
        for number in range(rounds):
            self.told.append(f"-- round {number + 1}")
            self.bench.later()
            self._act(self.dice.randrange(3, 12), EDITS)
            self._trouble(self._edit_meanwhile)
            self.bench.settle()

    def _trouble(self, meanwhile: Meanwhile | None = None) -> None:
        kill_after = self.dice.choice([0, 1, 2, 4])
        faults = faults_of(self.dice) if self.dice.random() < 0.6 or not kill_after else []
        self.told.append(f"a run killed after {kill_after or 'no'} writes, {faults}")
        self.bench.through_trouble(kill_after, faults, meanwhile)

    def _act(self, count: int, weighted: Mapping[Act, int] = WEIGHTS) -> None:
        acts, weights = list(weighted), list(weighted.values())
        for _ in range(count):
            self.world = self.bench.reader.read()
            (act,) = self.dice.choices(acts, weights)
            try:
                said = act(self)
            except ValueError as refused:
                said = f"{act.__name__} could not happen: {str(refused)[-80:]}"
            self.told.append(said)
            if self.dice.random() < 0.8:
                self.bench.later()

    def _edit_meanwhile(self, sure: list[Decided], left: Both, doubted: set[str]) -> None:
        self.told += edit_meanwhile(self, sure, left, doubted)

    def _switch(self) -> None:
        """Now and then a flow is switched on or off; a run sees it before anything happens."""
        if self.dice.random() > 0.3:
            return
        flow = self.dice.choice(self.wanted["flows"])
        flow["active"] = not flow["active"]
        self.bench.define(self.wanted)
        self.bench.model.change(flow["id"], active=flow["active"])
        self.told.append(f"flow {flow['id']} is {'on' if flow['active'] else 'off'}")
        self.bench.settle()
        self.bench.later()

    # -- who could act

    def person(self) -> Person:
        """Those of a contact more often: few people do much."""
        known = {c.person for c in self.bench.model.book.contacts}
        everybody = sorted(self.world.persons)
        ours = [i for i in everybody if i in known] or everybody
        chosen = self.dice.choice(ours[:14] if self.dice.random() < 0.7 else everybody)
        return self.world.persons[chosen]

    def member(self, status: str = "") -> Member:
        members = self.world.members.values()
        found = [m for m in members if m.status == status or not status]
        found.sort(key=lambda m: (m.audience, m.email))
        known = {i for c in self.bench.model.book.contacts for i in c.members.values()}
        ours = [m for m in found if m.id in known][:14] or found
        return self.dice.choice(ours if self.dice.random() < 0.7 else found)

    def serial(self) -> int:
        self._serial += 1
        return self._serial

    def drawn_address(self) -> str:
        """A new one, mostly; or one that somebody has."""
        dice = self.dice.random()
        if dice < 0.65:
            return f"fresh.{self.serial()}@example.org"
        if dice < 0.85:
            return self.dice.choice(sorted(m.email for m in self.world.members.values()))
        held = sorted(p.emails[0] for p in self.world.persons.values() if p.emails)
        return self.dice.choice(held)

    def drawn_value(self) -> tuple[str, str]:
        number = self.dice.randrange(4)
        return self.dice.choice([
            ("first_name", f"First{number}"), ("last_name", f"van Last{number}"),
            ("job_title", self.dice.choice(["Buyer", "Director", "Boss"])),
            ("phone", f"+371 2000000{number}"), ("Region", f"Région {number}"),
            ("Renewal", f"2027-02-0{number + 1}"),
        ])  # fmt: skip

    def fresh_value(self, name: str) -> str:
        return value_of(name, self.serial())

    def tag_of(self, name: str) -> str:
        return MAPPINGS[name]

    def crm(self, method: str, person: Person, **body: Any) -> None:
        self.bench.crm.call(method, f"/api/v2/persons/{person.id}", body or None)

    def edit(self, person: Person, name: str, value: str) -> None:
        if name == "phone":
            ways = [{"value": value, "primary": True, "label": "work"}] if value else []
            self.crm("PATCH", person, phones=ways)
        elif name in self.bench.reader.custom:
            code = self.bench.reader.custom[name]
            self.crm("PATCH", person, custom_fields={code: value or None})
        else:
            self.crm("PATCH", person, **{name: value or None})

    def put_in_tier(self, person: Person, tier: str) -> None:
        ids = {label: i for i, label in self.bench.reader.tiers.items()}
        code = self.bench.reader.custom["Customer tier"]
        self.crm("PATCH", person, custom_fields={code: ids.get(tier)})

    def readdress(self, person: Person, emails: list[str]) -> None:
        ways = [
            {"value": e, "primary": not place, "label": "work"} for place, e in enumerate(emails)
        ]
        self.crm("PATCH", person, emails=ways)


class Verdict(NamedTuple):
    """How one seed ended; `said` is empty when it agrees."""

    seed: int
    said: str
    told: tuple[str, ...]
    judged: str


def play(seed: int, *, troubles: bool = False) -> Verdict:
    """One history in a sandbox of its own; of troubles alone, or of everything."""
    built, bound = server.build(0, seed=7, people=10, only=None)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with server.Running(built, bound) as running, tempfile.TemporaryDirectory() as home:
        drawn = opposite_of if troubles else definition_of
        history = History(FlowBench(running.url, Path(home)), seed, drawn)
        said = ""
        try:
            if troubles:
                history.live_through_troubles()
            else:
                history.live_through()
        except AssertionError as wrong:
            said = str(wrong) or "an assertion failed"
        book = history.bench.model.book
        judged = f"{len(book.contacts)} contacts, {len(book.open)} records left open"
        meanwhile = sum(line.startswith("meanwhile") for line in history.told)
        judged = f"{judged}, {history.bench.runs} runs, {meanwhile} edits after trouble"
        return Verdict(seed, said, tuple(history.told), judged)


def play_all(seeds: range, jobs: int, *, troubles: bool = False) -> Iterator[Verdict]:
    """Every verdict as it comes; processes are spawned, so that none inherits a sandbox."""
    if jobs == 1:
        yield from (play(seed, troubles=troubles) for seed in seeds)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=spawn) as pool:
        for done in as_completed([pool.submit(play, seed, troubles=troubles) for seed in seeds]):
            yield done.result()


def main() -> None:
    ask = argparse.ArgumentParser(description="Random histories of flows, judged by the oracle.")
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--count", type=int, default=5)
    ask.add_argument("--jobs", type=int, default=1, help="processes that play at once")
    ask.add_argument("--troubles", action="store_true", help="only edits around runs in trouble")
    given = ask.parse_args()
    seeds = range(given.seed, given.seed + given.count)
    differing = []
    for verdict in play_all(seeds, given.jobs, troubles=given.troubles):
        if verdict.said:
            differing.append(verdict.seed)
            told = [f"seed {verdict.seed} differs:", *verdict.told, *verdict.said.splitlines()]
            print("\n  ".join(told), flush=True)
        else:
            print(f"seed {verdict.seed} agrees ({verdict.judged})", flush=True)
    print(f"{len(seeds) - len(differing)} of {len(seeds)} histories agree", flush=True)
    if differing:
        print(f"these differ: {sorted(differing)}", flush=True)
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
