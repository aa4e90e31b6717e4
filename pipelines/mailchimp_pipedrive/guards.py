"""Hold back the flows that would do more than anybody expects; the others go on.

    the first activation of a flow          creates over max(200, 2 % of the contacts)
    clearing filled values over 20 % of     more than is left of either account's day
    the contacts and over 50                (all flows together)

A guarded flow's rows stay unsealed; the run ends as guarded, and `approve` names their keys.
"""

from typing import NamedTuple

from pipelines.guards import activation_key, most_creates, most_deletes, too_costly
from pipelines.mailchimp_pipedrive import life
from pipelines.mailchimp_pipedrive.sweep import Sweep
from pipelines.report import counted
from state import bots
from state import guards as stored
from transforms.build import number


class Planned(NamedTuple):
    """What a flow would do, and to how many."""

    creates: int
    updates: int
    cleared: int
    overwritten: int  # filled values, cleared ones counted
    contacts: int
    tags: int


def ask(sweep: Sweep) -> None:
    """Fill `held_back` with the flows that need an approval and have none, and why.

    What was read is the baseline of flows that wait for their first activation.
    """
    approval = stored.approved_keys(sweep.state, sweep.definition.name)
    allowed = approval[1] if approval is not None else frozenset()
    sweep.held_back = {}
    for flow in sweep.definition.flows:
        if not life.is_served(sweep, flow.id):
            continue
        found = why_held(sweep, flow.id)
        if found:
            sweep.guards += found
            wanted = {*wanted_keys(sweep, flow.id), *_activation(sweep, flow.id)}
            if not wanted <= allowed:
                sweep.held_back[flow.id] = found
    if not sweep.held_back:
        _look_at_budgets(sweep, is_approved=approval is not None)
    if sweep.lease is None or not sweep.held_back:
        return
    keys = {key for flow_id in sweep.held_back for key in wanted_keys(sweep, flow_id)}
    also = [one for flow_id in sweep.held_back for one in _activation(sweep, flow_id)]
    reasons = [reason for found in sweep.held_back.values() for reason in found]
    guard = stored.store(sweep.lease, reasons, keys, also=also)
    bots.set_baseline(sweep.lease, [one for one in life.new_flows(sweep) if one in sweep.held_back])
    sweep.guard_id = guard.guard_id


def spend(sweep: Sweep) -> None:
    """Use up the approval this run was let through by, now that what it allowed is sealed."""
    approval = stored.approved_keys(sweep.state, sweep.definition.name)
    if sweep.lease is not None and approval is not None and sweep.guards and not sweep.held_back:
        stored.spend(sweep.lease, approval[0].guard_id)


def wanted_keys(sweep: Sweep, flow_id: str = "") -> list[str]:
    """The key of every write of the plan, or of one flow's: what an approval names."""
    found = sweep.db.execute(WANTED, {"flow": flow_id}).fetchall()
    return [str(key) for (key,) in found]


def _activation(sweep: Sweep, flow_id: str) -> list[str]:
    return [activation_key(flow_id)] if flow_id in life.new_flows(sweep) else []


def why_held(sweep: Sweep, flow_id: str) -> list[str]:
    """Why the plan of a flow needs an approval; none when it needs none."""
    limits = sweep.definition.guards
    (row,) = sweep.db.execute(MEASURE, {"flow": flow_id}).fetchall()
    planned = Planned(*(int(one) for one in row))
    found = []
    if flow_id in life.new_flows(sweep) and limits.first_activation == "ask":
        found.append(
            f"first activation of {flow_id}: {counted(planned.creates, 'contact')} would be "
            f"created, {planned.updates} updated ({counted(planned.overwritten, 'filled value')} "
            f"replaced), {planned.tags} tagged"
        )
    most = most_creates(limits, planned.contacts)
    if planned.creates > most and not found:
        found.append(
            f"{flow_id}: {planned.creates} creates for {planned.contacts} contacts "
            f"(allowed: {most:.0f})"
        )
    most = most_deletes(limits, planned.contacts)
    if planned.cleared > most:
        found.append(f"{flow_id}: {planned.cleared} filled values would be cleared "
                     f"(allowed: {most:.0f})")  # fmt: skip
    return found


def _look_at_budgets(sweep: Sweep, *, is_approved: bool) -> None:
    """Hold everything back when what is left of a day does not pay for the plan."""
    costs = {
        sweep.crm_account: (float(number(sweep.db, TOKENS)), "tokens"),
        sweep.engagement_account: (float(number(sweep.db, CALLS)), "calls"),
    }
    found = too_costly(costs, sweep.budget_left())
    sweep.guards += found
    if found and not is_approved:
        sweep.held_back = dict.fromkeys(life.running(sweep), found)


TOKENS = "SELECT coalesce(sum(cost_tokens), 0) FROM plan.persons"
CALLS = """
SELECT coalesce(sum(cost_calls), 0)
FROM (SELECT cost_calls FROM plan.members UNION ALL SELECT cost_calls FROM plan.tags)
"""
WANTED = """
SELECT write_key || '|' || action FROM plan.members
WHERE action IN ('create', 'update', 'move') AND $flow IN ('', flow_id)
UNION SELECT write_key || '|' || action FROM plan.persons
WHERE action IN ('create', 'update') AND $flow IN ('', flow_id)
UNION SELECT write_key FROM plan.tags WHERE $flow IN ('', flow_id)
ORDER BY ALL
"""
MEASURE = """
WITH writes AS (
    SELECT action, map_values(after) AS after, map_values(before) AS before
    FROM plan.members WHERE flow_id = $flow
    UNION ALL
    SELECT action, map_values(after), map_values(before) FROM plan.persons WHERE flow_id = $flow
)
SELECT
    count(*) FILTER (WHERE w.action = 'create'),
    count(*) FILTER (WHERE w.action IN ('update', 'move')),
    coalesce(
        sum(len(list_filter(w.after, lambda value: value = '')))
        FILTER (WHERE w.action IN ('update', 'move')),
        0
    ),
    coalesce(
        sum(len(list_filter(w.before, lambda value: value <> '')))
        FILTER (WHERE w.action = 'update'),
        0
    ),
    (SELECT count(*) FROM resolve.wanted WHERE flow_id = $flow),
    (SELECT count(*) FROM plan.tags WHERE flow_id = $flow)
    + (
        SELECT count(*) FROM plan.members
        WHERE flow_id = $flow AND action = 'create' AND tag IS NOT NULL
    )
FROM writes AS w
"""
