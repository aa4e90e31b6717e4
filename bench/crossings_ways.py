"""The history of `bench.crossings`, and every way to its crossings, each in a process of its own.

    python -m bench.crossings_ways prepare FOLDER EVENTS CONTACTS    make the history, once
    python -m bench.crossings_ways answer FOLDER NAME                who crossed, by one way
    python -m bench.crossings_ways everybody FOLDER                  count all before new ones come
    python -m bench.crossings_ways new FOLDER CONTACTS SWEEP TIMES   new events, sweep after sweep

What an act tells is JSON on its standard output. Its parent has nothing of all this in its memory.
"""

import json
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from time import perf_counter

import duckdb

from bench.crossed import THRESHOLDS, Crossed, tell
from pipelines.mailigen_pipedrive import counting
from state.staging import open_work
from transforms.build import build

SYNC, MODELS = "mailigen_pipedrive", ("resolve.contact_events", "resolve.crossings")
OPENS, CLICKS = THRESHOLDS
CAMPAIGNS, SWEEPS, LINKS = 40, 200, 5
PREPARED_WITH = "1GB"  # what it takes to make the history is nobody's time

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


def prepare(folder: Path, events: int, contacts: int) -> None:
    """Make the history, what the models read beside it, and Parquet for those who need it."""
    counts = {"events": events, "contacts": contacts}
    with open_work(folder, SYNC, memory_limit=PREPARED_WITH) as work:
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
    with open_work(folder, SYNC) as work:
        build(work.db, SYNC, *MODELS)
        return work.db.execute(
            "SELECT rule_id, contact_id, crossed_in_sweep FROM resolve.crossings ORDER BY ALL"
        ).fetchall()


def bare(folder: Path) -> Crossed:
    """With a run's memory and threads."""
    with open_work(folder, SYNC) as work:
        return by_query(work.db)


def bare_by_default(folder: Path) -> Crossed:
    """The same files, with the memory and threads that DuckDB takes of itself."""
    with duckdb.connect() as db:
        for name in ("history", "work"):
            db.execute(f"ATTACH '{folder / name / SYNC}.duckdb' AS {name}")
        db.execute("USE work")
        return by_query(db)


def by_query(db: duckdb.DuckDBPyConnection) -> Crossed:
    db.execute(BARE.format(opens=OPENS, clicks=CLICKS))
    return db.execute("FROM found ORDER BY ALL").fetchall()


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


BARE_NAME, DEFAULTS = "the bare DuckDB query", "the bare query, DuckDB's defaults"
OURS, PANDAS = "Syncline's models", "pandas"
WAYS: Mapping[str, Callable[[Path], Crossed]] = {
    BARE_NAME: bare, DEFAULTS: bare_by_default, OURS: ours, PANDAS: by_pandas,
}  # fmt: skip


def count_everybody(folder: Path) -> None:
    """Leave the files as the run before the new events did."""
    with open_work(folder, SYNC) as work:
        build(work.db, SYNC, *MODELS)
        counting.count(work.db, SWEEPS, work.history_generation)


def count_new(folder: Path, contacts: int, sweep: int, times: int) -> list[float]:
    """Seconds from ten thousand new events to crossings, sweep after sweep in this process."""
    seconds = []
    with open_work(folder, SYNC) as work:
        for number in range(sweep, sweep + times):
            work.db.execute(NEW.format(new=NEW_ONES), {"sweep": number, "contacts": contacts})
            began = perf_counter()
            counting.count(work.db, number, work.history_generation)
            seconds.append(perf_counter() - began)
    return seconds


def main(act: str, folder: Path, *words: str) -> None:
    if act == "prepare":
        prepare(folder, *map(int, words))
    elif act == "everybody":
        count_everybody(folder)
    elif act == "new":
        sys.stdout.write(json.dumps(count_new(folder, *map(int, words))))
    else:
        if words[0] == PANDAS:
            __import__(PANDAS)  # what all others import they have imported already
        tell(partial(WAYS[words[0]], folder))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
