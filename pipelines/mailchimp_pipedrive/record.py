"""Keep what a run did where analysts and on-call look for it: the history file, the summary."""

from typing import Any

from pipelines import record
from pipelines.mailchimp_pipedrive import guards, setting_up
from pipelines.mailchimp_pipedrive.sweep import Sweep
from pipelines.record import count, shown, total
from pipelines.report import Cost, PlanReport
from state import ledger

PLANS = ("members", "persons", "tags")
SHOWN = {
    "members": "flow_id, contact_id, action, email, new_email, before, before_source, after, "
    "reason, cost_calls",
    "persons": "flow_id, contact_id, action, email, new_email, person_id_pipedrive, before, "
    "before_source, after, reason, cost_tokens",
    "tags": "flow_id, contact_id, action, email, tag, before, before_source, reason, cost_calls",
}


def tell_and_keep(sweep: Sweep) -> None:
    """Put counts and plan into the outcome, and the run into the history."""
    assert sweep.lease is not None
    counts: dict[str, Any] = vars(ledger.counts(sweep.lease)) | {
        "persons_known": count(sweep, "staging.pipedrive__persons"),
        "contacts_of_audiences": count(sweep, "staging.mailchimp__members"),
        "contacts_wanted": count(sweep, "resolve.wanted"),
        "conflicts": count(sweep, "plan.conflicts"),
    }
    record.tell_and_keep(sweep, counts, PLANS, SETTING_WRITES)


def plan_report(sweep: Sweep, most: int, cost: list[Cost]) -> PlanReport:
    """The plan for reading: totals, the first rows of each table, conflicts, what it would cost."""
    making = setting_up.things_to_make(sweep)
    totals: dict[str, dict[str, int]] = {"setup": {"create": len(making)}} if making else {}
    for row in record.plan_totals(sweep, PLANS):
        totals.setdefault(row["table"], {})[row["action"]] = row["rows"]
    rows: dict[str, list[dict[str, Any]]] = {
        "setup": [{"action": "create"} | one._asdict() for one in making]
    }
    rows |= {name: shown(sweep, name, SHOWN[name], most) for name in PLANS}
    conflicts = sweep.db.execute(f"{CONFLICTS} LIMIT {most:d}")
    names = [column[0] for column in conflicts.description or ()]
    rows["conflicts"] = [dict(zip(names, row, strict=True)) for row in conflicts.fetchall()]
    _name_fields(sweep, rows)
    return PlanReport(
        sync=sweep.definition.name,
        totals=totals,
        rows=rows,
        skipped=record.skipped(sweep),
        guards=sweep.guards,
        findings=sweep.outcome.findings,
        writes=len(guards.wanted_keys(sweep)) + len(making),
        calls={
            sweep.engagement_account: total(sweep, "plan.members", "cost_calls")
            + total(sweep, "plan.tags", "cost_calls"),
            sweep.crm_account: float(
                count(sweep, "plan.persons", "action IN ('create', 'update')")
                + sum(one.requests for one in making)
            ),
        },
        tokens={
            sweep.crm_account: total(sweep, "plan.persons", "cost_tokens")
            + sum(one.tokens for one in making)
        },
        read_cost=cost,
        found={"conflicts": count(sweep, "plan.conflicts")},
    )


def _name_fields(sweep: Sweep, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Call the fields of persons as the definition does: the tables have the vendor's codes."""
    called = {
        (bound.flow.id, field.field_code): name
        for bound in sweep.names.flows
        for field in bound.fields
        for name, tag in bound.flow.mapping.items()
        if tag == field.merge_tag
    }
    for row in rows["persons"]:
        for side in ("before", "after"):
            values = row[side] or {}
            row[side] = {called.get((row["flow_id"], c), c): v for c, v in values.items()}
    for row in rows["conflicts"]:
        row["field"] = called.get((row["flow_id"], row["field"]), row["field"])


# A person updated in Pipedrive and a member changed in Mailchimp say when by their own clocks.
CONFLICTS = """
SELECT
    flow_id, contact_id, field_code AS field, merge_tag,
    crm_value, crm_changed_at AT TIME ZONE 'UTC' AS crm_changed_at,
    engagement_value, engagement_changed_at, winner, reason
FROM plan.conflicts
ORDER BY ALL
"""
SETTING_WRITES = """
SELECT
    concat_ws('|', a.object, a.account, a.aspect, a.subject) AS write_key,
    coalesce(run_id, $1) AS run_id, $2 AS sweep,
    account, object, a.subject, verb AS action, state, attempt, remote_id,
    NULL::JSON AS before, desired::JSON AS after, a.reason, said, settled_at,
    CASE object WHEN 'audience_person' THEN 5 ELSE 1 END AS cost
FROM arrived AS a
WHERE
    run_id = $1
    OR (sweep = $2 AND state IN ('planned', 'unknown', 'sending'))
    OR run_id NOT IN (SELECT r.run_id FROM history.runs AS r)
"""
