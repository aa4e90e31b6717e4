"""From events to crossings: the product's models, the barest DuckDB query, pandas and polars.

    python -m bench.crossings                          10,000,000 events of 1,000,000 contacts
    python -m bench.crossings --events 1000000 --contacts 100000 --repeat 3

A history as a sync keeps it, made once; two rules, three e-mails opened and five clicks. Each
contestant is a process of its own that reads the history's file and says who crossed in which
sweep; all must say the same. Models: a view of whose the events are, the crossings as a table, as
in a run. pandas and polars get the events as Parquet, written before. At last ten thousand new
events come to that history, again and again, and those they belong to are counted anew.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

from bench.crossed import THRESHOLDS, Crossed, tell
from bench.house import ROOT
from bench.machine import described, on_disk
from bench.peers.environments import NotInstallableError, environment
from bench.tables import markdown, with_spread
from pipelines.mailigen_pipedrive import counting
from state.staging import open_work
from transforms.build import build

SYNC, MODELS = "mailigen_pipedrive", ("resolve.contact_events", "resolve.crossings")
OPENS, CLICKS = THRESHOLDS
CAMPAIGNS, SWEEPS, LINKS = 40, 200, 5
MEMORY, THREADS = "1GB", 2
COLUMNS = ("by", "seconds", "processor, s", "peak memory, MiB", "times the bare query")

# Of 40 campaigns each contact meets ten at most, seven of them by opens: a third of them cross.
EVENTS = """
INSERT INTO history.events
SELECT
    'campaign ' || (i // ($events // {campaigns})) AS campaign,
    'person' || (hash(i % ($events // {campaigns}), 7) % $contacts) || '@example.org' AS email,
    CASE WHEN i % 10 < 7 THEN 'open' ELSE 'click' END AS kind,
    CASE WHEN i % 10 < 7 THEN '' ELSE 'https://acme.example/' || (i % {links}) END AS link,
    1 + i % {sweeps} AS sweep,
    1 + i % 2 AS times,
    NULL AS happened_at,
    now() AS first_seen_at
FROM range($events) AS t (i)
"""
BESIDE = """
CREATE OR REPLACE TABLE resolve.holdings AS
SELECT 'c' || left(sha256(n::VARCHAR), 16) AS contact_id, 'person' || n || '@example.org' AS email,
    0::BIGINT AS from_sweep, NULL::BIGINT AS until_sweep
FROM range($contacts) AS t (n);
CREATE OR REPLACE TABLE resolve.contacts AS
SELECT contact_id, TRUE AS is_selected, ['all'] AS automated_by FROM resolve.holdings;
CREATE OR REPLACE TABLE resolve.heirs (contact_id VARCHAR, email VARCHAR, from_sweep BIGINT,
    ancestor_id VARCHAR, up_to_sweep BIGINT);
CREATE OR REPLACE TABLE resolve.fallbacks (bot_id VARCHAR, contact_id VARCHAR, held_by VARCHAR,
    fell_back_in BIGINT);
CREATE OR REPLACE TABLE staging.syncline__pauses (bot_id VARCHAR, from_sweep BIGINT,
    until_sweep BIGINT);
CREATE OR REPLACE TABLE staging.syncline__rules AS
SELECT 'all' AS bot_id, unnest(['warm', 'hot']) AS rule_id, unnest(['open', 'click']) AS event,
    unnest([{opens}, {clicks}])::BIGINT AS threshold, FALSE AS is_repeated,
    0::BIGINT AS counting_since, -1::BIGINT AS effective_since;
"""
# What somebody would write who needs no other rule than these two, and no former addresses.
BARE = """
CREATE OR REPLACE TEMP TABLE found AS
WITH mails AS (
    SELECT h.contact_id, min(e.sweep) AS sweep
    FROM history.events AS e INNER JOIN resolve.holdings AS h ON h.email = e.email
    WHERE e.kind = 'open'
    GROUP BY h.contact_id, e.campaign
),
warm AS (
    SELECT 'warm' AS rule_id, contact_id, list_sort(list(sweep))[{opens}] AS sweep
    FROM mails GROUP BY contact_id HAVING count(*) >= {opens}
),
clicks AS (
    SELECT h.contact_id, e.sweep,
        sum(e.times) OVER (PARTITION BY h.contact_id ORDER BY e.sweep) AS so_far
    FROM history.events AS e INNER JOIN resolve.holdings AS h ON h.email = e.email
    WHERE e.kind = 'click'
),
hot AS (
    SELECT 'hot' AS rule_id, contact_id, min(sweep) AS sweep
    FROM clicks WHERE so_far >= {clicks} GROUP BY contact_id
)
FROM warm UNION ALL FROM hot
"""


# Of 10,000 contacts, by hash; whoever the same number met before has one more.
NEW = """
INSERT INTO history.events
SELECT 'new ' || $sweep, 'person' || (hash(i, $sweep) % $contacts) || '@example.org', 'click',
    'https://acme.example/new', $sweep, 1, NULL, now()
FROM range({new}) AS t (i)
"""
NEW_ONES = 10_000


class Taken(NamedTuple):
    """One answer: seconds and processor seconds beyond imports, peak bytes, and its digest."""

    seconds: float
    processor_s: float
    peak: int
    digest: str


class ContestantFailedError(Exception):
    """A contestant gave no answer; what it said is on stderr."""


class OtherAnswerError(Exception):
    """Two contestants disagree who crossed: their times mean nothing."""


def prepare(folder: Path, events: int, contacts: int) -> None:
    """Make the history, what the models read beside it, and Parquet for those who need it."""
    counts = {"events": events, "contacts": contacts}
    with open_work(folder, SYNC, memory_limit=MEMORY, threads=THREADS) as work:
        named = {"campaigns": CAMPAIGNS, "links": LINKS, "sweeps": SWEEPS}
        work.db.execute(EVENTS.format(**named), counts)
        beside = BESIDE.format(opens=OPENS, clicks=CLICKS)
        for statement in beside.split(";")[:-1]:
            asked = {"contacts": contacts} if "$contacts" in statement else None
            work.db.execute(statement, asked)
        for name in ("history.events", "resolve.holdings"):
            file = folder / f"{name.partition('.')[2]}.parquet"
            work.db.execute(f"COPY {name} TO '{file}'")


def ours(folder: Path) -> Crossed:
    with open_work(folder, SYNC, memory_limit=MEMORY, threads=THREADS) as work:
        build(work.db, SYNC, *MODELS)
        return work.db.execute(
            "SELECT rule_id, contact_id, crossed_in_sweep FROM resolve.crossings ORDER BY ALL"
        ).fetchall()


def bare(folder: Path) -> Crossed:
    with open_work(folder, SYNC, memory_limit=MEMORY, threads=THREADS) as work:
        work.db.execute(BARE.format(opens=OPENS, clicks=CLICKS))
        return work.db.execute("FROM found ORDER BY ALL").fetchall()


def by_pandas(folder: Path) -> Crossed:
    import pandas as pd

    columns = ["campaign", "email", "kind", "sweep", "times"]
    events = pd.read_parquet(folder / "events.parquet", columns=columns)
    holders = pd.read_parquet(folder / "holdings.parquet", columns=["contact_id", "email"])
    joined = events.merge(holders, on="email")
    opens = joined[joined["kind"] == "open"]
    mails = opens.groupby(["contact_id", "campaign"])["sweep"].min().reset_index()
    mails = mails.sort_values(["contact_id", "sweep"])
    nth = mails[mails.groupby("contact_id").cumcount() == OPENS - 1]
    clicks = joined[joined["kind"] == "click"].groupby(["contact_id", "sweep"])["times"].sum()
    so_far = clicks.groupby(level=0).cumsum().reset_index()
    hot = so_far[so_far["times"] >= CLICKS].groupby("contact_id")["sweep"].min()
    warm = [("warm", c, int(s)) for c, s in zip(nth["contact_id"], nth["sweep"], strict=True)]
    return sorted(warm + [("hot", str(c), int(s)) for c, s in hot.items()])


WAYS: Mapping[str, Callable[[Path], Crossed]] = {
    "the bare DuckDB query": bare, "Syncline's models": ours, "pandas": by_pandas,
}  # fmt: skip
ENTERED = (*WAYS, "polars")
BARE_NAME, POLARS = "the bare DuckDB query", "polars"


def answer(name: str, folder: Path) -> None:
    """In a process of its own: find who crossed, and tell what it took beyond the imports."""
    if name == "pandas":
        __import__(name)
    tell(partial(WAYS[name], folder))


def take(name: str, folder: Path, interpreters: Mapping[str, Path]) -> Taken:
    if name in interpreters:
        script = ROOT / "bench" / "peers" / name / "crossings.py"
        command = [str(interpreters[name]), str(script), str(folder)]
    else:
        command = [sys.executable, "-m", "bench.crossings", "--answer", name, "--in", str(folder)]
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=out, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        if process.wait():
            raise ContestantFailedError(f"{name} ended with {process.returncode}")
        out.seek(0)
        told = json.load(out)
    return Taken(**told)


def peers(names: Sequence[str]) -> dict[str, Path]:
    """The Python of each peer among these; one that cannot be had here is left out, with a line."""
    if POLARS not in names:
        return {}
    try:
        return {POLARS: environment(POLARS)}
    except NotInstallableError as error:
        sys.stderr.write(f"left out ({POLARS}): {error}\n")
        return {}


def new_events(folder: Path, contacts: int, repeat: int) -> list[float]:
    """Seconds from ten thousand new events to crossings, once everybody was counted."""
    seconds = []
    with open_work(folder, SYNC, memory_limit=MEMORY, threads=THREADS) as work:
        build(work.db, SYNC, *MODELS)
        counting.count(work.db, SWEEPS, work.history_generation)
        for sweep in range(SWEEPS + 1, SWEEPS + 1 + repeat):
            work.db.execute(NEW.format(new=NEW_ONES), {"sweep": sweep, "contacts": contacts})
            began = perf_counter()
            counting.count(work.db, sweep, work.history_generation)
            seconds.append(perf_counter() - began)
    return seconds


def table(taken: Mapping[str, Sequence[Taken]]) -> str:
    """A line each: medians, and between what the repetitions lay."""
    base = median([one.seconds for one in taken.get(BARE_NAME, ())] or [math.nan])
    rows = [
        [
            name,
            with_spread([one.seconds for one in each], 2),
            with_spread([one.processor_s for one in each], 2),
            with_spread([one.peak / 2**20 for one in each]),
            f"{median(one.seconds for one in each) / base:.2f}",
        ]
        for name, each in taken.items()
    ]
    return markdown(COLUMNS, rows)


def main(words: Sequence[str]) -> int:
    """Print the machine and the table; each answer appears on stderr as it comes."""
    parser = argparse.ArgumentParser(prog="bench.crossings", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", action="append", default=[], choices=ENTERED)
    parser.add_argument("--answer", help=argparse.SUPPRESS)
    parser.add_argument("--in", dest="folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args(words)
    if asked.answer:
        answer(asked.answer, asked.folder)
        return 0
    interpreters = peers(asked.only or ENTERED)
    taken: dict[str, list[Taken]] = {
        name: [] for name in asked.only or ENTERED if name in WAYS or name in interpreters
    }
    grown: list[float] = []
    with on_disk("crossings") as folder:
        prepare(folder, asked.events, asked.contacts)
        for _ in range(asked.repeat):
            for way, each in taken.items():
                each.append(take(way, folder, interpreters))
                sys.stderr.write(f"{way}: {each[-1].seconds:.2f} s\n")
        if not asked.only:
            grown = new_events(folder, asked.contacts, asked.repeat)
    if len({one.digest for each in taken.values() for one in each}) > 1:
        raise OtherAnswerError({way: each[0].digest for way, each in taken.items()})
    sys.stdout.write("\n".join([*described(ROOT), "", table(taken)]) + "\n")
    if grown:
        sys.stdout.write(f"\n{NEW_ONES:,} new events: {with_spread(grown, 2)} s\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
