"""Random histories: a few dozen acts between runs, compared with the oracle after each.

    python -m tests.oracle.histories --seed 1 --count 500 --jobs 2

plays each seed, in as many processes as told, and tells of every history that ends in a
difference: the seed, what was done, and what differs. The same seed acts the same. Ends with 1
when any history differs.
"""

import argparse
import multiprocessing
import random
import socket
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from sandbox import server
from tests.oracle import full_plan, ringing, weights
from tests.oracle import scenarios as make
from tests.oracle.bench import Bench
from tests.oracle.drawn import definition_of
from tests.oracle.invariants import Left, resubscribed, unclear_reasons
from tests.oracle.listener import Listener
from tests.oracle.reading import Json

ROUNDS, ACTS, PEOPLE = 3, 16, 70


@dataclass(frozen=True)
class Features:
    """What of the product takes part; each can be left out while it is being built."""

    imports: bool = False  # new subscribers become persons (MG-22 to MG-24)
    merges: bool = True  # the vendor's own merge of two persons
    overriding: bool = True  # a bot for all contacts beside others (MG-17)
    full_plan: bool = True  # the list's plan limit (MG-21)
    webhooks: bool = False  # `listen` beside some rounds, whose runs it wakes (ALL-12)


class History:
    """One seeded history on one bench."""

    def __init__(self, bench: Bench, seed: int, features: Features | None = None) -> None:
        self.bench, self.dice = bench, random.Random(seed)
        self.features = features or Features()
        self.listener = Listener(bench)
        self.told: list[str] = []
        self.retired: dict[str, Json] = {}
        self._serial = 0
        self.wanted = definition_of(
            self.dice, imports=self.features.imports, overriding=self.features.overriding
        )
        bench.start(self.wanted, seed=seed, people=PEOPLE)
        dead = self.dice.choice(("everybody", "empty", "error"))
        bench.control("assumptions", vendor="pipedrive", name="dead_filter", value=dead)
        self.world = bench.seeded
        self.left = Left(self.world)
        self.owners = sorted(self.world.users)[:3]
        first = bench.crm.call("GET", f"/v1/filters/{make.filter_id(self.world)}")["data"]
        self.tier_condition: Json = first["conditions"]["conditions"][1]["conditions"][0]
        self._titles = list(make.SEEDED)
        self._bots_told()

    def live_through(self, rounds: int = ROUNDS, acts: int = ACTS) -> None:
        """AssertionError at the first difference; `told` is what was done until then."""
        try:
            self._live_through(rounds, acts)
        finally:
            self.listener.kill()

    def _live_through(self, rounds: int, acts: int) -> None:
        self.settle()
        rung = self._rung_rounds(rounds)
        for number in range(rounds):
            self.told.append(f"-- round {number + 1}")
            # What was written is visible by now: until then nobody can tell who took it off again.
            self.bench.control("clock", advance_s=3)
            if number in rung:
                ringing.live_through(self, acts)
            else:
                self._act(acts)
                self.settle()
            if self.features.full_plan and self.dice.random() < 0.1:
                full_plan.live_through(self)
        if self.features.imports:
            self.settle()  # who was created by the last run is selected by this one
        self.bench.check_quiet()
        unclear = list(unclear_reasons(self.bench.published))
        if unclear:
            raise AssertionError("\n".join(unclear))

    def _rung_rounds(self, rounds: int) -> set[int]:
        """Those beside which `listen` runs: one at least."""
        if not self.features.webhooks:
            return set()
        more = {number for number in range(rounds) if self.dice.random() < 0.3}
        return more | {self.dice.randrange(rounds)}

    def _act(self, count: int) -> None:
        for _ in range(count):
            self.glance()
            self.told.append(weights.draw(self.dice, self.features)(self))

    def settle(self) -> None:
        """Run until nothing waits; then both vendors must be as expected."""
        start = self.bench.seq()
        self.bench.settle()
        self.judge(start)

    def judge(self, since: int) -> None:
        """AssertionError with every difference; `since` is the journal's line before the runs."""
        again = list(resubscribed(self.bench.ever_members(), self.left, self.bench.journal(since)))
        found = [*again, *self.bench.found()]
        if found:
            raise AssertionError("\n".join([f"{len(found)} differences:", *found]))

    # -- who could act

    def glance(self) -> None:
        """What acts choose from: persons and members as they are by now."""
        persons = {p["id"]: p for p in self.bench.crm.walk("/persons")}
        members = self.bench.glance_at_members()
        self.world = replace(self.bench.last_seen, persons=persons, members=members)

    def person(self) -> int:
        return self.dice.choice(sorted(self.world.persons))

    def member(self, status: str = "subscribed") -> str:
        """An address of the list in that status; empty when there is none."""
        found = [a for a, m in self.world.members.items() if m.status == status]
        return self.dice.choice(sorted(found)) if found else ""

    def contact(self) -> str:
        """A subscribed address that belongs to a contact of some bot."""
        ours = self.bench.oracle.synced()
        found = [a for a, m in self.world.members.items() if m.status == "subscribed" and a in ours]
        # Few people do much: otherwise no count would ever reach a second multiple.
        return self.dice.choice(sorted(found)[:12]) if found else ""

    def fresh(self) -> str:
        return f"Fresh.{self.serial()}@example.org"

    def serial(self) -> int:
        self._serial += 1
        return self._serial

    def title(self) -> str:
        return self.dice.choice(self._titles)

    def new_title(self) -> str:
        self._titles.append(f"Letter {self.serial()}")
        return self._titles[-1]

    # -- the definition

    def listed(self) -> set[str]:
        return {bot["id"] for bot in self.wanted["bots"]}

    def redefine(self, **changes: object) -> None:
        self.wanted = self.wanted | changes
        self.bench.define(self.wanted)

    def filter_of(self, bot_id: str) -> int | None:
        """The live filter a bot goes by; None when it is gone or there is no such bot."""
        live = {f["id"]: f for f in self.bench.crm.call("GET", "/v1/filters")["data"]}
        for bot in self.wanted["bots"]:
            if bot["id"] == bot_id:
                wanted = bot["contacts"]["filter"]
                return next((i for i, f in live.items() if wanted in (i, f["name"])), None)
        return None

    def _bots_told(self) -> None:
        for bot in self.wanted["bots"]:
            kept = {key: value for key, value in bot.items() if key != "consent"}
            self.told.append(f"bot {kept}")
        more = {key: self.wanted.get(key) for key in ("count_from", "guards")}
        self.told.append(f"and {more}")


class Verdict(NamedTuple):
    """How one seed ended: what differs, after what was done; empty when it agrees."""

    seed: int
    said: str
    told: tuple[str, ...]


def play(seed: int, features: Features) -> Verdict:
    """One history in a sandbox of its own."""
    built, bound = server.build(0, seed=7, people=10, only=None)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with server.Running(built, bound) as running, tempfile.TemporaryDirectory() as home:
        history = History(Bench(running.url, Path(home)), seed, features)
        try:
            history.live_through()
        except AssertionError as wrong:
            return Verdict(seed, str(wrong) or "an assertion failed", tuple(history.told))
        return Verdict(seed, "", ())


def play_all(seeds: range, features: Features, jobs: int) -> Iterator[Verdict]:
    """Every verdict as it comes; processes are spawned, so that none inherits a sandbox."""
    if jobs == 1:
        yield from (play(seed, features) for seed in seeds)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=spawn) as pool:
        for done in as_completed([pool.submit(play, seed, features) for seed in seeds]):
            yield done.result()


def main() -> None:
    given = _arguments()
    left_out = dict.fromkeys(given.without, False)
    features = Features(**{"imports": given.imports, "webhooks": given.webhooks} | left_out)
    seeds = range(given.seed, given.seed + given.count)
    differing = []
    for verdict in play_all(seeds, features, given.jobs):
        if verdict.said:
            differing.append(verdict.seed)
            told = [f"seed {verdict.seed} differs:", *verdict.told, *verdict.said.splitlines()]
            print("\n  ".join(told), flush=True)
        else:
            print(f"seed {verdict.seed} agrees", flush=True)
    print(f"{len(seeds) - len(differing)} of {len(seeds)} histories agree", flush=True)
    if differing:
        print(f"these differ: {sorted(differing)}", flush=True)
    sys.exit(1 if differing else 0)


def _arguments() -> argparse.Namespace:
    ask = argparse.ArgumentParser(description="Random histories, judged by the oracle.")
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--count", type=int, default=5)
    ask.add_argument("--jobs", type=int, default=1, help="processes that play at once")
    ask.add_argument("--imports", action="store_true", help="new subscribers become persons")
    ask.add_argument("--webhooks", action="store_true", help="`listen` wakes some of the runs")
    ask.add_argument(
        "--without", nargs="*", default=[], choices=["merges", "full_plan", "overriding"]
    )
    return ask.parse_args()


if __name__ == "__main__":
    main()
