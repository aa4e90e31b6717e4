"""Keep what a run did where analysts and on-call look for it: the history file, the summary.

A kind says which tables its plan has, what it counts, and how its settings read as writes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa

from pipelines.sweep import Sweep
from state import deeds, ledger, runs
from state.writers import writers
from transforms.build import number

DEAD_RUNS = 50  # a run that died longer ago was kept by one in between


def tell_and_keep(
    sweep: Sweep, counts: Mapping[str, Any], plans: Sequence[str], setting_writes: str
) -> None:
    """Put counts and plan into the outcome, and the run into the history.

    `plans` are tables below plan.*; `setting_writes` is a query over `arrived` (state's settings)
    that makes rows of history.writes of it, given run (first) and sweep (second).
    """
    outcome = sweep.outcome
    outcome.counts = dict(counts)
    for row in plan_totals(sweep, plans):
        outcome.counts[f"planned_{row['table']}_{row['action']}"] = row["rows"]
    outcome.skipped = skipped(sweep)
    outcome.plan = plan_reasons(sweep, plans)
    outcome.created = created(sweep)
    _keep(sweep, setting_writes)


def skipped(sweep: Sweep) -> dict[str, int]:
    """How many were not written, by reason."""
    if not sweep.is_planned:
        return {}
    rows = sweep.db.execute("SELECT reason, count(*) FROM plan.skipped GROUP BY ALL ORDER BY ALL")
    return {str(reason): int(count) for reason, count in rows.fetchall()}


def plan_totals(sweep: Sweep, plans: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of the plan by table and action: the summary table of a run."""
    totals = []
    for name in plans if sweep.is_planned else ():
        rows = sweep.db.execute(
            f"SELECT action, count(*) FROM plan.{name} GROUP BY ALL ORDER BY ALL"
        )
        totals += [{"table": name, "action": a, "rows": int(n)} for a, n in rows.fetchall()]
    return totals


def plan_reasons(sweep: Sweep, plans: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of the plan by table, action and reason: what the run page shows."""
    found = []
    for name in plans if sweep.is_planned else ():
        rows = sweep.db.execute(
            f"SELECT action, reason, count(*) FROM plan.{name} GROUP BY ALL ORDER BY ALL"
        )
        found += [
            {"table": name, "action": action, "reason": reason, "rows": int(count)}
            for action, reason, count in rows.fetchall()
        ]
    return found


def created(sweep: Sweep) -> dict[str, list[str]]:
    """The vendor's ids of what this run created, by object."""
    found: dict[str, list[str]] = {}
    for kind, remote_id in deeds.created(sweep.state, sweep.definition.name, sweep.run_id):
        if kind != "person_link":
            found.setdefault(kind, []).append(remote_id)
    return found


def shown(sweep: Sweep, table: str, columns: str, most: int) -> list[dict[str, Any]]:
    """The first rows of a table of the plan, some of each action, for reading; those that do
    nothing come last."""
    cursor = sweep.db.execute(f"""
        WITH ranked AS (
            SELECT *, row_number() OVER (PARTITION BY action ORDER BY write_key) AS place
            FROM plan.{table}
        ),
        chosen AS (FROM ranked ORDER BY action = 'skip', place, action LIMIT {most:d})
        SELECT {columns} FROM chosen AS p ORDER BY action = 'skip', action, write_key
    """)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def count(sweep: Sweep, table: str, where: str = "TRUE", *, is_history: bool = False) -> int:
    """Rows of a table, 0 before this run planned: what stands there then is an earlier run's."""
    if not is_history and not sweep.is_planned:
        return 0
    return int(number(sweep.db, f"SELECT count(*) FROM {table} WHERE {where}"))


def total(sweep: Sweep, table: str, column: str) -> float:
    """The sum of a column of the plan."""
    return float(number(sweep.db, f"SELECT coalesce(sum({column}), 0) FROM {table}"))


def _keep(sweep: Sweep, setting_writes: str) -> None:
    """Append the run, its skips, checks and writes to the history file."""
    assert sweep.lease is not None
    db, outcome = sweep.db, sweep.outcome
    stamp = [sweep.run_id, sweep.sweep]
    db.execute("BEGIN")
    db.execute(
        "INSERT OR REPLACE INTO history.runs VALUES (?, ?, ?, ?, now(), ?, ?, ?, ?)",
        [
            sweep.run_id, sweep.definition.name, sweep.sweep, sweep.read_at, outcome.outcome,
            outcome.exit_code, orjson.dumps(outcome.counts).decode(), outcome.said,
        ],
    )  # fmt: skip
    if sweep.is_planned:
        db.execute(
            "INSERT INTO history.skipped SELECT ?, ?, 'plan', object, subject, reason, now() "
            "FROM plan.skipped",
            stamp,
        )
    if sweep.checked:
        # One statement: a row each costs half a millisecond.
        db.register("arrived", pa.Table.from_pylist([one._asdict() for one in sweep.checked]))
        db.execute(f"INSERT INTO history.checks {CHECKS}", stamp)
        db.unregister("arrived")
    _keep_writes(sweep, setting_writes)
    _keep_dead_runs(sweep)
    db.execute("COMMIT")


def _keep_writes(sweep: Sweep, setting_writes: str) -> None:
    """What this run sent or tried to, and windows before it: one row per write, as it is now."""
    sent: list[tuple[ledger.Kind, str]] = [("deeds", DEED_WRITES)]
    if sweep.is_planned:
        sent.append(("settings", setting_writes))
    kept = [(_unkept(sweep, kind), query) for kind, query in sent]  # of both before either is kept
    for rows, query in kept:
        sweep.db.register("arrived", rows)
        stamp = [sweep.run_id, sweep.sweep]
        sweep.db.execute(f"INSERT INTO history.writes BY NAME {query}", stamp)
        sweep.db.unregister("arrived")


def _unkept(sweep: Sweep, kind: ledger.Kind) -> pa.Table:
    """The ledger's rows of this sync, and those of windows that have ended and are not kept."""
    db, (ours, theirs) = sweep.db, writers(sweep.definition.name)
    runs_kept = [row[0] for row in db.execute(KEPT_RUNS, [sweep.run_id]).fetchall()]
    rows = ledger.outside(sweep.state, kind, ours, runs_kept, or_sweep=sweep.sweep)
    windows_kept = [row[0] for row in db.execute(KEPT_WINDOWS).fetchall()]
    of_windows = ledger.outside(sweep.state, kind, theirs, windows_kept)
    if not of_windows.num_rows:
        return rows
    db.register("window_rows", of_windows)
    ended: pa.Table = db.sql(ENDED).to_arrow_table()
    db.unregister("window_rows")
    return pa.concat_tables([rows, ended.cast(rows.schema)])


def _keep_dead_runs(sweep: Sweep) -> None:
    """Runs that died kept nothing themselves; their writes were kept just now, with these."""
    known = {run_id for (run_id,) in sweep.db.execute("SELECT run_id FROM history.runs").fetchall()}
    for run in runs.recent(sweep.state, sweep.definition.name, DEAD_RUNS):
        if run.run_id not in known:
            sweep.db.execute(
                "INSERT INTO history.runs VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?)",
                [
                    run.run_id, run.sync, run.sweep, run.started_at, run.ended_at,
                    run.outcome or "died", run.exit_code, run.said or "The process ended.",
                ],
            )  # fmt: skip


KEPT_RUNS = "SELECT run_id FROM history.runs WHERE run_id <> ?"
KEPT_WINDOWS = "SELECT DISTINCT run_id FROM history.writes"
# No run of history.runs: a window has its rows in the ledger and nothing else.
ENDED = """
FROM window_rows
WHERE
    run_id NOT IN (
        SELECT w.run_id FROM window_rows AS w
        WHERE w.state IN ('planned', 'sending') AND w.run_id IS NOT NULL
    )
"""
CHECKS = """
SELECT
    ? AS run_id, ? AS sweep, stage, name, CASE WHEN is_fatal THEN 'stop' ELSE 'warn' END,
    is_ok, broken_count, said, now()
FROM arrived
"""
# An activity, a deal or a person takes 5 tokens, a note 10 (v1); a set-up call is not priced.
DEED_WRITES = """
SELECT
    write_key, coalesce(run_id, $1) AS run_id, $2 AS sweep, account, object, subject,
    operation AS action, state, attempt, remote_id, NULL::JSON AS before, body::JSON AS after,
    reason, said, settled_at,
    CASE object WHEN 'note' THEN 10 WHEN 'activity' THEN 5 WHEN 'deal' THEN 5
        WHEN 'person' THEN 5 END AS cost
FROM arrived
WHERE
    run_id = $1
    OR (sweep = $2 AND state IN ('planned', 'unknown', 'sending'))
    OR run_id NOT IN (SELECT r.run_id FROM history.runs AS r)
"""
