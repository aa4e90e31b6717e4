"""From a change at one vendor to its effect at the other, through webhooks: how soon, and is it so.

    python -m bench.windows                                      20 a second for ten minutes
    python -m bench.windows --per-second 2 --seconds 20          a minute in all

Everything is real and on this machine: a sandbox, a sync with flows both ways, `syncline listen`,
which registers its own webhooks and gets what the sandbox delivers, and `syncline run` again and
again meanwhile. People edit persons and members, join the audience and move deals by a timetable;
some of their webhooks are dropped, doubled or overtaken. Judged by the sandbox's journal and books.
"""

import argparse
import itertools
import re
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil  # type: ignore[import-untyped]

from bench.house import House, Sleep
from bench.machine import described, on_disk
from bench.windows_house import PLAN, SEATS, Known, World, built, opened
from bench.windows_judge import Books, Change, Verdict, judge

# Of twenty changes; two in fifteen edits a second would be of the same contact within a minute
# if there were fewer than a thousand.
MIX = (
    ("person", "member") * 3 + ("deal", "joined") + ("person", "member") * 3 + ("deal",)
    + ("person", "joined", "person", "deal", "member")
)  # fmt: skip
FATES = {"drop_webhook": "dropped", "double_webhook": "doubled", "reorder_webhooks": "reordered"}
FATE_EVERY = 11  # a change in so many meets the next kind of fault: three in a hundred each
CALLERS = 8
MOST_DEALS = 300  # each of which enters its stage again and again
USABLE = re.compile(r"[a-z0-9.]+@[a-z0-9.]+\.[a-z]+")
RINGS = r"Mailchimp rings at|Pipedrive rings at"
QUIET_S = 5.0  # of the journal: nothing is on its way any more


class Plan(NamedTuple):
    """How much happens, and how large the accounts are."""

    per_second: float = 20.0
    seconds: float = 600.0
    people: int = 3000
    sweep_every: float = 60.0

    @property
    def changes(self) -> int:
        return int(self.per_second * self.seconds)


class Crowd:
    """Who does something next. Each contact is somebody's turn again when all others had theirs."""

    def __init__(self, world: World, most: int) -> None:
        """`most`: how many changes there will be at most."""
        self._world = world
        stages = world.stages()
        self._before, self._stage = stages["Lead In"], stages["Qualified"]
        members = {str(one["email_address"]).lower(): one for one in world.members()}
        alone, tag = list(_alone(world)), world.tag()
        tagged = {
            email for email, one in members.items()
            if one["status"] in ("subscribed", "unsubscribed") and tag in one["tags"]
        }  # fmt: skip
        self._both = deque(one for one in alone if one.email in tagged)
        strangers = [one for one in alone if one.email not in members]
        self._deals = deque(
            self._deal(one) for one in strangers[: min(max(most * 3 // 20, 10), MOST_DEALS)]
        )
        self._turn, self._number = threading.Lock(), itertools.count(1)

    @property
    def sizes(self) -> str:
        return f"{len(self._both)} contacts on both sides, {len(self._deals)} with a deal"

    def act(self, kind: str, fault: str = "") -> Change:
        """Do one thing, now."""
        number = next(self._number)
        value = f"Name{number:06d}x"
        with self._turn:
            who, deal = self._next(kind, number)
        if fault:
            vendor = "pipedrive" if kind in ("person", "deal") else "mailchimp"
            about = f"Deal {value}" if kind == "deal" else value
            self._world.control("faults", kind=fault, vendor=vendor, about=about)
        at = self._do(kind, who, deal, value)
        return Change(kind, who.email, value, at, FATES.get(fault, ""))

    def _next(self, kind: str, number: int) -> tuple[Known, int]:
        """Whose turn it is, and with which deal."""
        if kind == "joined":
            return Known(0, f"joined{number}@new.example"), 0
        if kind == "deal":
            self._deals.rotate(-1)
            return self._deals[0]
        self._both.rotate(-1)
        return self._both[0], 0

    def _do(self, kind: str, who: Known, deal: int, value: str) -> float:
        world = self._world
        if kind == "deal":  # whose name is another by then, so that there is something to carry
            world.crm("PATCH", f"persons/{who.person_id}", {"first_name": value})
            world.crm("PATCH", f"deals/{deal}", {"stage_id": self._before})
        at = time.time()
        if kind == "person":
            world.crm("PATCH", f"persons/{who.person_id}", {"first_name": value})
        elif kind == "deal":
            moved = {"stage_id": self._stage, "title": f"Deal {value}"}
            world.crm("PATCH", f"deals/{deal}", moved)
        else:
            act = "edit" if kind == "member" else "subscribe"
            world.act(act, who.email, fields={"FNAME": value})
        return at

    def _deal(self, one: Known) -> tuple[Known, int]:
        body = {"title": "Deal", "person_id": one.person_id, "stage_id": self._before}
        return one, int(self._world.crm("POST", "deals", body)["id"])


def _alone(world: World) -> Iterator[Known]:
    """Persons of one address that nobody else has, nor any other of the account's audiences."""
    persons = world.book("pipedrive", "persons")
    list_id = world.audience()
    taken = [str(e["value"]).lower() for one in persons for e in one["emails"]]
    taken += [
        str(one["email_address"]).lower() for one in world.book("mailchimp", "members")
        if one["list_id"] != list_id
    ]  # fmt: skip
    once = {
        email for email, times in Counter(taken).items() if times == 1 and USABLE.fullmatch(email)
    }
    for one in persons:
        emails = [str(e["value"]).lower() for e in one["emails"]]
        if len(emails) == 1 and emails[0] in once:
            yield Known(int(one["id"]), emails[0])


def play(crowd: Crowd, plan: Plan, sleep: Sleep = time.sleep) -> list[Change]:
    """Let people do what they do by the timetable, however long the vendors take."""
    kinds = itertools.cycle(MIX)
    faults = itertools.cycle(FATES)
    began = time.perf_counter()
    going = []
    with ThreadPoolExecutor(CALLERS) as callers:
        for place in range(plan.changes):
            sleep(max(began + place / plan.per_second - time.perf_counter(), 0))
            fault = next(faults) if place % FATE_EVERY == FATE_EVERY - 1 else ""
            going.append(callers.submit(crowd.act, next(kinds), fault))
        return sorted((one.result() for one in going), key=lambda change: change.at)


@contextmanager
def sweeping(house: House, every: float) -> Iterator[list[float]]:
    """Run the sync again and again meanwhile, as a schedule would; how long each run took."""
    ended, took = threading.Event(), list[float]()

    def sweep() -> None:
        while not ended.is_set():
            began = time.perf_counter()
            code = house.run()
            took.append(time.perf_counter() - began)
            if code not in (0, 4):  # 4: a write of a window's was still open
                sys.stderr.write(f"a sweep ended with {code}\n")
            ended.wait(max(every - took[-1], 0))

    thread = threading.Thread(target=sweep)
    if every:
        thread.start()
    try:
        yield took
    finally:
        ended.set()
        if every:
            thread.join()


def wait_for_quiet(world: World, sleep: Sleep = time.sleep) -> None:
    """Return once nothing is on its way to us and nobody has written for a while."""
    before, since = -1, time.perf_counter()
    while time.perf_counter() - since < QUIET_S:
        costs = world.told("costs")
        now = sum(one["requests"] for one in costs.values())
        if now != before or world.told("")["pending_deliveries"]:
            before, since = now, time.perf_counter()
        sleep(0.25)


def measure(world: World, house: House, plan: Plan) -> Iterator[str]:
    """Play it, and tell what came of it; the last line says whether all is well."""
    for number in (1, 2):  # with the second the flows of tags know whom the first tagged
        if code := house.run():
            yield f"the sync did not get through its run {number}: exit {code}"
            return
    crowd = Crowd(world, plan.changes)
    if code := house.run():  # the deals are before their stage
        yield f"the sync did not get through its run 3: exit {code}"
        return
    yield f"{plan.people} people in the CRM: {crowd.sizes}"
    before = Books(world.book("pipedrive", "persons"), world.members())
    start = len(world.journal())
    with house.listening("--port", "0", until=RINGS, times=2) as (process, _):
        busy = psutil.Process(process.pid)
        with sweeping(house, plan.sweep_every) as took:
            changes = play(crowd, plan)
        wait_for_quiet(world)
        spent = sum(busy.cpu_times()[:2])
    last = house.run()
    settled = len(world.journal())
    again = house.run()
    journal = world.journal()
    after = Books(world.book("pipedrive", "persons"), world.members())
    verdict = judge(changes, journal[start:settled], before, after)
    more = [one for one in journal[settled:] if one["effects"]]
    yield from _told(changes, took, verdict, spent)
    yield f"the last sweep ended with {last}, one after it with {again} and wrote {len(more)} times"
    yield "all is well" if verdict.is_well and not (last or again or more) else "NOT WELL"


def _told(
    changes: Sequence[Change], took: Sequence[float], verdict: Verdict, spent: float
) -> Iterator[str]:
    went_on = changes[-1].at - changes[0].at
    rate = len(changes) / max(went_on, 1)
    yield f"{len(changes)} changes in {went_on:.0f} s, {rate:.1f} a second"
    if took:
        longest = max(took)
        yield f"{len(took)} sweeps meanwhile, the longest {longest:.1f} s, {sum(took):.0f} s in all"
    each = spent / len(changes) * 1000
    yield f"the listener took {each:.1f} ms of a processor per change"
    yield from verdict.lines()


def main(words: Sequence[str]) -> int:
    """Print what became of the changes; 1 when anything is lost or doubled."""
    parser = argparse.ArgumentParser(prog="bench.windows")
    parser.add_argument("--per-second", type=float, default=Plan().per_second)
    parser.add_argument("--seconds", type=float, default=Plan().seconds)
    parser.add_argument("--people", type=int, default=Plan().people)
    parser.add_argument(
        "--sweep-every", type=float, default=Plan().sweep_every, help="seconds; 0: no sweeps"
    )
    parser.add_argument(
        "--answer-ms", type=int, default=0, help="how long Mailchimp's answers take"
    )
    parser.add_argument("--keep", type=Path, help="a folder to leave the logs in")
    asked = parser.parse_args(words)
    plan = Plan(asked.per_second, asked.seconds, asked.people, asked.sweep_every)
    with on_disk("windows") as made, opened(plan.people) as world:
        folder = asked.keep or made
        folder.mkdir(parents=True, exist_ok=True)
        if asked.answer_ms:
            world.control(
                "assumptions", vendor="mailchimp", name="answer_takes_ms", value=asked.answer_ms
            )
        lines = [
            *described(folder),
            f"Pipedrive {PLAN} with {SEATS} seats, one API token: 60 requests a second, all of it "
            "ours; Mailchimp: ten connections",
            f"{plan.per_second:g} changes a second for {plan.seconds:g} s, a sweep every "
            f"{plan.sweep_every:g} s",
            f"one run, not several: its median and p95 are over {plan.changes:,} changes each of "
            "which has a time of its own, and over every phase of the sweeps between them",
        ]
        for line in itertools.chain(lines, measure(world, built(world.url, folder), plan)):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
    return 0 if line == "all is well" else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
