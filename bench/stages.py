"""Where a whole run's time goes: imports, each step, Great Expectations, and Prefect around it.

    python -m bench.stages                                100,000 persons, nothing changed, thrice
    python -m bench.stages --people 10000 --repeat 1

A sync of all persons with a Mailigen list: a first run, then runs that have nothing to do, by turns
plainly and as a Prefect flow run on a server of its own. Each is a process that imports everything
before its clock starts, so that what Prefect and Great Expectations cost is what they cost a run.
The sandbox is another process, behind a front that has the lists of people ready.
"""

import argparse
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple, TypeVar

import httpx

from bench.front import front
from bench.house import ROOT, free_port, sandbox
from bench.machine import described, on_disk
from bench.own_peak import own_peak
from bench.processes import answers, end_family, wait_until
from bench.tables import markdown, with_spread
from bench.whole_runs import MAILIGEN, BrokenRunError, Place, until_quiet

T = TypeVar("T")
PLAIN, RECORDED = "plain", "recorded"
CHECKED, SEALED = "Plan", "Seal the plan"  # the step after which nothing is written; the next
COLUMNS = ("nothing changed", "seconds", "processor, s", "peak beyond imports, MiB")


class Taken(NamedTuple):
    """One run, beyond its imports: seconds, processor seconds, bytes at its peak; `checked` is the
    second in which its plan was made and checked, `judged` what Great Expectations took, `paced`
    what it stood still for the vendor's burst limit."""

    imports: float
    seconds: float
    processor_s: float
    peak: int
    checked: float
    judged: float
    paced: float
    steps: Mapping[str, float]
    writes: int


class Clock:
    """Adds up what functions take, by name."""

    def __init__(self) -> None:
        self.took: defaultdict[str, float] = defaultdict(float)
        self.began = perf_counter()
        self.ended: dict[str, float] = {}

    def step(self, name: str, stage: Callable[..., T], *args: Any) -> T:
        """A step of the run, as `pipelines.step.Step`."""
        began = perf_counter()
        try:
            return stage(*args)
        finally:
            ended = perf_counter()
            self.took[name] += ended - began
            self.ended[name] = ended - self.began


def answer(way: str, syncs: str) -> None:
    """In a process of its own: one run of the one sync there, told as a line of JSON."""
    began = perf_counter()
    import great_expectations  # noqa: F401
    import pandas  # noqa: F401

    import deployments.scheduled  # noqa: F401
    from deployments.definitions import load
    from deployments.running import run_recorded
    from pipelines import accounts, checks
    from pipelines.kinds import KINDS
    from pipelines.report import Outcome, RunOptions
    from pipelines.settings import read_settings

    settings = read_settings(syncs=Path(syncs))
    definitions = load(settings)
    definition = definitions.get(MAILIGEN["name"])
    imported, clock, judge = perf_counter() - began, Clock(), checks._judge
    checks._judge = lambda *asked: clock.step("judged", judge, *asked)
    sleeping = accounts.impatiently
    accounts.impatiently = lambda *known: partial(clock.step, "paced", sleeping(*known))
    before, worked = own_peak(), process_time()
    clock.began = perf_counter()
    outcome: Outcome
    if way == RECORDED:
        outcome = run_recorded(settings, definition, RunOptions())
    else:
        outcome = KINDS[definition.kind].doors.run(
            definition, definitions.connections, options=RunOptions(), report=lambda _: None,
            settings=settings, step=clock.step,
        )  # fmt: skip
    took = perf_counter() - clock.began
    if outcome.outcome != "done":
        raise BrokenRunError(f"{outcome.outcome}: {outcome.said}")
    judged, paced = clock.took.pop("judged", 0.0), clock.took.pop("paced", 0.0)
    told = Taken(
        imported, took, process_time() - worked, own_peak() - before,
        clock.ended.get(CHECKED, 0.0), judged, paced, clock.took, outcome.counts["done"],
    )  # fmt: skip
    sys.stdout.write(f"\n{json.dumps(told._asdict())}\n")


def take(place: Place, way: str, environ: Mapping[str, str]) -> Taken:
    command = [sys.executable, "-m", "bench.stages", "--answer", way, "--in", str(place.syncs)]
    done = subprocess.run(
        command, cwd=ROOT, env={**place.environ, **environ}, stdout=subprocess.PIPE, text=True,
        check=True,
    )  # fmt: skip
    return Taken(**json.loads(done.stdout.splitlines()[-1]))


@contextmanager
def prefect_server(folder: Path) -> Iterator[Mapping[str, str]]:
    """A server of our own; the environment that points at it."""
    port = free_port()
    environ = {
        "PREFECT_HOME": str(folder), "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1",
    }  # fmt: skip
    with ExitStack() as stack:
        log = stack.enter_context((folder / "server.log").open("ab"))
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)],
            env={**os.environ, **environ}, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        stack.callback(end_family, process)
        api = stack.enter_context(httpx.Client(base_url=environ["PREFECT_API_URL"], timeout=60))
        wait_until(lambda: answers(api), "the Prefect server answers")
        yield environ


def measure(people: int, repeat: int) -> tuple[Taken, dict[str, list[Taken]]]:
    """The first run, and those that have nothing to do by how they were run."""
    with ExitStack() as stack:
        folder = stack.enter_context(on_disk("stages"))
        before = stack.enter_context(front(stack.enter_context(sandbox(people))))
        place = Place(before.url, folder, MAILIGEN)
        first = take(place, PLAIN, {})
        place.wait_an_hour()  # what was made just now is read again for some minutes
        until_quiet(lambda: take(place, PLAIN, {}).writes)
        before.is_settled = True
        (folder / "prefect").mkdir()
        server = stack.enter_context(prefect_server(folder / "prefect"))
        take(place, RECORDED, server)  # the server's own first requests take longer
        taken: dict[str, list[Taken]] = {PLAIN: [], RECORDED: []}
        for _ in range(repeat):
            for way, each in taken.items():
                each.append(take(place, way, server if way == RECORDED else {}))
                sys.stderr.write(f"{way}: {each[-1].seconds:.2f} s\n")
    return first, taken


def report(first: Taken, taken: Mapping[str, Sequence[Taken]]) -> Iterator[str]:
    plain, recorded = taken[PLAIN], taken[RECORDED]
    rows = [
        [
            f"{way} run", with_spread([one.seconds for one in each], 2),
            with_spread([one.processor_s for one in each], 2),
            with_spread([one.peak / 2**20 for one in each]),
        ]
        for way, each in taken.items()
    ]  # fmt: skip
    yield markdown(COLUMNS, rows)
    names = sorted(plain[0].steps, key=lambda name: -median(one.steps[name] for one in plain))
    yield markdown(
        ("step of the plain run", "seconds"),
        [[name, with_spread([one.steps[name] for one in plain], 2)] for name in names],
    )
    whole = median(one.seconds - one.paced for one in plain)
    prefect = median(one.seconds - one.paced for one in recorded) - whole
    paced = [one.paced for one in (*plain, *recorded)]
    judged = median(one.judged for one in plain)
    yield "\n".join([
        f"- imports, before all that: {with_spread([one.imports for one in plain], 2)} s",
        f"- planned and checked after {with_spread([one.checked for one in plain], 2)} s",
        f"- standing still for the vendor's burst limit: {with_spread(paced, 2)} s, left out below",
        f"- Great Expectations: {judged:.2f} s, {judged / whole:.1%} of the run",
        f"- Prefect around it: {prefect:.2f} s, {prefect / whole:.1%}",
        f"- the first run: {first.writes:,} writes in {first.seconds:.1f} s, planned and checked "
        f"after {first.checked:.1f} s, its plan sealed in {first.steps[SEALED]:.2f} s",
    ])  # fmt: skip


def main(words: Sequence[str]) -> int:
    """Print the machine, the tables and what of the run is whose."""
    parser = argparse.ArgumentParser(prog="bench.stages")
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--answer", help=argparse.SUPPRESS)
    parser.add_argument("--in", dest="syncs", help=argparse.SUPPRESS)
    asked = parser.parse_args(words)
    if asked.answer:
        answer(asked.answer, asked.syncs)
        return 0
    first, taken = measure(asked.people, asked.repeat)
    sys.stdout.write("\n".join(described(ROOT)) + "\n\n" + "\n\n".join(report(first, taken)) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
