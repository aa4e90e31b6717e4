"""Keep what a run did where analysts and on-call look for it: the history file, the summary."""

from typing import Any

import orjson
import pyarrow as pa

from pipelines.audit import open_findings
from pipelines.mailigen_pipedrive import guards, setting_up
from pipelines.mailigen_pipedrive.sweep import Sweep
from pipelines.report import Cost, PlanReport
from state import deeds, ledger, runs, settings
from transforms.build import number

DEAD_RUNS = 50  # a run that died longer ago was kept by one in between
PLANS = ("members", "activities", "deals", "notes", "persons")
# On a terminal and in --json only: what a run leaves in Prefect names nobody.
WHO = (
    "(SELECT c.email FROM resolve.contacts AS c WHERE c.contact_id = p.contact_id) AS email, "
    "(SELECT n.name FROM staging.pipedrive__persons AS n "
    "WHERE n.person_id_pipedrive = p.person_id_pipedrive) AS name"
)
SHOWN = {
    "members": "contact_id, email, action, changed, before, before_source, after, reason, "
    "cost_calls",
    "activities": f"contact_id, {WHO}, action, bot_id, rule_id, activity_type, subject, due_on, "
    "NULL AS before, 'none: an activity is created once' AS before_source, reason, cost_tokens",
    "deals": f"contact_id, {WHO}, action, bot_id, rule_id, title, stage_id_pipedrive, "
    "NULL AS before, 'none: a deal is created once' AS before_source, reason, cost_tokens",
    "notes": f"contact_id, {WHO}, action, bot_id, kind, campaign_title, "
    "NULL AS before, 'none: a note is created once' AS before_source, reason, cost_tokens",
    "persons": "subject, action, email, name, phone, person_id_pipedrive, NULL AS before, "
    "'live: every address of every person' AS before_source, reason, cost_tokens",
}


def counts(sweep: Sweep) -> dict[str, Any]:
    """What was read, planned and written, in numbers."""
    assert sweep.lease is not None
    found = vars(ledger.counts(sweep.lease)) | {
        "persons_read": _count(sweep, "staging.pipedrive__persons"),
        "addresses_on_list": _count(sweep, "staging.mailigen__members"),
        "contacts_selected": _count(sweep, "resolve.contacts", "is_selected"),
        "events_seen_first": _count(
            sweep, "history.events", f"sweep = {sweep.sweep}", is_history=True
        ),
    }
    found |= open_findings(sweep.db)  # of the last audit
    for row in plan_totals(sweep):
        found[f"planned_{row['table']}_{row['action']}"] = row["rows"]
    return found


def skipped(sweep: Sweep) -> dict[str, int]:
    """How many were not written, by reason."""
    if not sweep.is_planned:
        return {}
    rows = sweep.db.execute("SELECT reason, count(*) FROM plan.skipped GROUP BY ALL ORDER BY ALL")
    return {str(reason): int(count) for reason, count in rows.fetchall()}


def plan_totals(sweep: Sweep) -> list[dict[str, Any]]:
    """Rows of the plan by table and action: the summary table of a run."""
    totals = []
    for name in PLANS if sweep.is_planned else ():
        rows = sweep.db.execute(
            f"SELECT action, count(*) FROM plan.{name} GROUP BY ALL ORDER BY ALL"
        )
        totals += [{"table": name, "action": a, "rows": int(n)} for a, n in rows.fetchall()]
    return totals


def plan_reasons(sweep: Sweep) -> list[dict[str, Any]]:
    """Rows of the plan by table, action and reason: what the run page shows."""
    found = []
    for name in PLANS if sweep.is_planned else ():
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
    rows = deeds.read(sweep.state, sweep.definition.name).to_pylist()
    for row in rows:
        is_ours = row["run_id"] == sweep.run_id and row["state"] == "done"
        if is_ours and row["object"] != "person_link":
            found.setdefault(row["object"], []).append(str(row["remote_id"]))
    return found


def plan_report(sweep: Sweep, shown: int, cost: list[Cost]) -> PlanReport:
    """The plan for reading: totals, the first rows of each table, what it would cost."""
    making = setting_up.things_to_make(sweep)
    totals: dict[str, dict[str, int]] = {"setup": {"create": len(making)}} if making else {}
    rows: dict[str, list[dict[str, Any]]] = {
        "setup": [{"action": "create"} | one._asdict() for one in making]
    }
    for name in PLANS:
        totals[name] = {r["action"]: r["rows"] for r in plan_totals(sweep) if r["table"] == name}
        cursor = sweep.db.execute(
            f"SELECT {SHOWN[name]} FROM plan.{name} AS p "
            f"ORDER BY action = 'skip', action, write_key LIMIT {shown:d}"
        )
        names = [column[0] for column in cursor.description or ()]
        rows[name] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    tokens = sum(
        _sum(sweep, f"plan.{name}", "cost_tokens")
        for name in ("activities", "deals", "notes", "persons")
    )
    return PlanReport(
        sync=sweep.definition.name,
        totals=totals,
        rows=rows,
        skipped=skipped(sweep),
        guards=sweep.guards,
        findings=sweep.outcome.findings,
        writes=len(guards.wanted_keys(sweep)) + sum(one.object == "filter" for one in making),
        calls={
            sweep.engagement_account: _sum(sweep, "plan.members", "cost_calls")
            + sum(one.requests for one in making if one.account == sweep.engagement_account),
            sweep.crm_account: float(
                sum(_count(sweep, f"plan.{n}") for n in ("activities", "deals", "notes"))
                + _count(sweep, "plan.persons", "action = 'create'")
                + sum(one.requests for one in making if one.account == sweep.crm_account)
            ),
        },
        tokens={sweep.crm_account: tokens + sum(one.tokens for one in making)},
        read_cost=cost,
    )


def tell_and_keep(sweep: Sweep) -> None:
    """Put counts and plan into the outcome, and the run into the history."""
    outcome = sweep.outcome
    outcome.counts = counts(sweep)
    outcome.skipped = skipped(sweep)
    outcome.plan = plan_reasons(sweep)
    outcome.created = created(sweep)
    keep(sweep)


def keep(sweep: Sweep) -> None:
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
    _keep_writes(sweep)
    _keep_dead_runs(sweep)
    db.execute("COMMIT")


def _keep_writes(sweep: Sweep) -> None:
    """What this run sent or tried to: one row per write, as the ledger has it now."""
    db, name = sweep.db, sweep.definition.name
    sent = [(deeds.read(sweep.state, name), DEED_WRITES)]
    if sweep.is_planned:
        sent.append((settings.read(sweep.state, name), SETTING_WRITES))
    for rows, query in sent:
        db.register("arrived", rows)
        db.execute(f"INSERT INTO history.writes BY NAME {query}", [sweep.run_id, sweep.sweep])
        db.unregister("arrived")


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


def _count(sweep: Sweep, table: str, where: str = "TRUE", *, is_history: bool = False) -> int:
    if not is_history and not sweep.is_planned:
        return 0  # what stands there is an earlier run's
    return int(number(sweep.db, f"SELECT count(*) FROM {table} WHERE {where}"))


def _sum(sweep: Sweep, table: str, column: str) -> float:
    return float(number(sweep.db, f"SELECT coalesce(sum({column}), 0) FROM {table}"))


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
SETTING_WRITES = """
SELECT
    concat_ws('|', 'member', account, aspect, a.subject) AS write_key,
    coalesce(run_id, $1) AS run_id, $2 AS sweep,
    account, object, a.subject, verb AS action, state, attempt, remote_id,
    m.before, desired::JSON AS after, a.reason, said, settled_at,
    ceil(m.cost_calls)::BIGINT AS cost
FROM arrived AS a
LEFT JOIN plan.members AS m ON m.contact_id = a.subject
WHERE
    run_id = $1
    OR (sweep = $2 AND state IN ('planned', 'unknown', 'sending'))
    OR run_id NOT IN (SELECT r.run_id FROM history.runs AS r)
"""
