"""One story of one flow: the world it begins in, the unkilled twin, and trials against both."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import duckdb
import httpx

from tests.lab.flows import flow_named
from tests.lab.kill.boundaries import Boundary
from tests.lab.kill.judge import Seen, Verdict, judge, look
from tests.lab.kill.runs import Order, Report, Run
from tests.lab.kill.world import Vendors, surroundings
from tests.lab.stories.story import LabDesk

MEMORY = Path("/dev/shm")  # homes may lie in memory: SIGKILL takes nothing away that was written
QUICK = MEMORY if MEMORY.is_dir() else None


@dataclass(frozen=True)
class Trial:
    """Killed at each number in turn, the second during the recovery, and then left alone.

    `recovery` holds the boundaries that the last run passed: where a pair may strike.
    """

    flow: str
    at: tuple[int, ...]
    was_killed: bool
    verdict: Verdict
    recovery: tuple[Boundary, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        missed = () if self.was_killed else ("it ended before it could be killed",)
        return missed + self.verdict.sentences


class Bench:
    """A story ready for trials, one at a time. Its homes lie in `folder`, and go with the bench."""

    def __init__(self, flow: str, vendors: Vendors, folder: Path | None = QUICK) -> None:
        self._vendors = vendors
        self._folder = Path(tempfile.mkdtemp(prefix="syncline-kill-", dir=folder))
        self._flow = flow_named(flow)
        self._desk = self._flow.desk(vendors.url, self._folder)
        self._desk.around = surroundings(vendors.url, lambda: httpx.Client(trust_env=False))
        self._flow.begin(self._desk)
        self._beginning = self._desk.home
        vendors.keep()
        self._seq = len(self._journal())
        self._before = self._look()
        self.counted = self.alone()
        self._require_its_end(self.counted)
        if self._flow.recover is not None:
            self._require_its_end(Run(replace(self.order, recovers=True)).end())
        self._twin = self._look()

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *_: object) -> None:
        self._desk.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def boundaries(self) -> tuple[Boundary, ...]:
        return self.counted.boundaries

    @property
    def expected(self) -> Seen:
        """The world as the unkilled twin left it."""
        return self._twin

    def begin_again(self) -> Order:
        """The story's first moment, in a fresh world and home; how to run it there."""
        self._vendors.restore()
        if self._desk.home != self._beginning:
            shutil.rmtree(self._desk.home)
        self._desk.home = Path(tempfile.mkdtemp(dir=self._folder))
        shutil.copytree(self._beginning, self._desk.home, dirs_exist_ok=True)
        return self.order

    @property
    def order(self) -> Order:
        desk = self._desk
        return Order(self._flow.name, desk.url, desk.home, desk.wanted, desk.horizon)

    @property
    def desk(self) -> LabDesk:
        return self._desk

    def alone(self) -> Report:
        """An unkilled run from the beginning."""
        return Run(self.begin_again()).end()

    def trial(self, *at: int, without: str = "") -> Trial:
        """Kill, recover, judge; `without` a protection from the start."""
        order = replace(self.begin_again(), without=without)
        orders = [order] + [replace(order, recovers=True)] * len(at)
        killed = [Run(replace(one, at=place)).end() for one, place in zip(orders, at, strict=False)]
        recovered = Run(orders[-1]).end()
        verdict = judge(self._before, self._twin, self._look())
        if recovered.outcome != self._flow.ends:
            ended = (
                f"the recovery ended {recovered.outcome or recovered.exit_code}: {recovered.said}"
            )
            verdict = replace(verdict, differences=(ended, *verdict.differences))
        was_killed = all(report.was_killed for report in killed)
        return Trial(self._flow.name, at, was_killed, verdict, recovered.boundaries)

    def verdict(self, home: Path | None = None) -> Verdict:
        """Of the world as it stands, and of what `home` (else the desk's) remembers of it."""
        return judge(self._before, self._twin, self._look(home))

    def number_of(self, what: str) -> int:
        """The first boundary of that name."""
        return next(number for number, _, said in self.boundaries if said == what)

    def effects(self) -> int:
        """How many lines of the journal committed something."""
        return sum(1 for line in self._journal() if '"effects":[]' not in line)

    def calls(self) -> set[str]:
        """What was asked of whom since the beginning, of the calls that committed something:
        `pipedrive POST persons`, and by the method's name where all share one path."""
        lines = [json.loads(line) for line in self._journal()[self._seq :]]
        return {_call(line) for line in lines if line["effects"] and line["path"]}

    def written(self) -> set[str]:
        """The operations and verbs of the last sweep, as the history names them."""
        path = str(self._desk.home / "published" / "acme.duckdb")
        with duckdb.connect(path, read_only=True) as db:
            return {action for (action,) in db.execute(WRITTEN).fetchall()}

    def _require_its_end(self, twin: Report) -> None:
        if twin.outcome != self._flow.ends:
            raise AssertionError(f"{self._flow.name}: the twin ended {twin.outcome}: {twin.said}")

    def _look(self, home: Path | None = None) -> Seen:
        books = self._flow.books(self._desk)
        return look(self._vendors.url, home or self._desk.home, books, after=self._seq)

    def _journal(self) -> Sequence[str]:
        answer = httpx.get(f"{self._vendors.url}/_sandbox/journal", trust_env=False)
        return answer.text.splitlines()


def _call(line: dict[str, Any]) -> str:
    path, _, query = line["path"].partition("?")
    if named := parse_qs(query).get("method"):
        return f"{line['vendor']} {named[0]}"
    nouns = [part for part in path.split("/") if part.isalpha()]
    return f"{line['vendor']} {line['method']} {nouns[-1]}"


WRITTEN = """
SELECT DISTINCT action FROM history.writes
WHERE state = 'done' AND sweep = (SELECT max(sweep) FROM history.runs)
"""
