"""What a run of this sync counts, shows of its plan, and keeps of what it wrote."""

from typing import Any

from pipelines import record
from pipelines.audit import open_findings
from pipelines.mailigen_pipedrive import guards, setting_up
from pipelines.mailigen_pipedrive.sweep import Sweep
from pipelines.record import count, total
from pipelines.report import Cost, PlanReport
from state import ledger

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
        "persons_read": count(sweep, "staging.pipedrive__persons"),
        "addresses_on_list": count(sweep, "staging.mailigen__members"),
        "contacts_selected": count(sweep, "resolve.contacts", "is_selected"),
        "events_seen_first": count(
            sweep, "history.events", f"sweep = {sweep.sweep}", is_history=True
        ),
    }
    return found | open_findings(sweep.db)  # of the last audit


def tell_and_keep(sweep: Sweep) -> None:
    """Put counts and plan into the outcome, and the run into the history."""
    record.tell_and_keep(sweep, counts(sweep), PLANS, SETTING_WRITES)


def plan_report(sweep: Sweep, shown: int, cost: list[Cost]) -> PlanReport:
    """The plan for reading: totals, the first rows of each table, what it would cost."""
    making = setting_up.things_to_make(sweep)
    totals: dict[str, dict[str, int]] = {"setup": {"create": len(making)}} if making else {}
    rows: dict[str, list[dict[str, Any]]] = {
        "setup": [{"action": "create"} | one._asdict() for one in making]
    }
    planned = record.plan_totals(sweep, PLANS)
    for name in PLANS:
        totals[name] = {r["action"]: r["rows"] for r in planned if r["table"] == name}
        rows[name] = record.shown(sweep, name, SHOWN[name], shown)
    tokens = sum(
        total(sweep, f"plan.{name}", "cost_tokens")
        for name in ("activities", "deals", "notes", "persons")
    )
    return PlanReport(
        sync=sweep.definition.name,
        totals=totals,
        rows=rows,
        skipped=record.skipped(sweep),
        guards=sweep.guards,
        findings=sweep.outcome.findings,
        writes=len(guards.wanted_keys(sweep)) + sum(one.object == "filter" for one in making),
        calls={
            sweep.engagement_account: total(sweep, "plan.members", "cost_calls")
            + sum(one.requests for one in making if one.account == sweep.engagement_account),
            sweep.crm_account: float(
                sum(count(sweep, f"plan.{n}") for n in ("activities", "deals", "notes"))
                + count(sweep, "plan.persons", "action = 'create'")
                + sum(one.requests for one in making if one.account == sweep.crm_account)
            ),
        },
        tokens={sweep.crm_account: tokens + sum(one.tokens for one in making)},
        read_cost=cost,
    )


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
