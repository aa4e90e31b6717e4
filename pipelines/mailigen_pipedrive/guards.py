"""Stop a run that would do more than anybody expects, before its first write.

    an empty source deletes nothing           deletes over 20 % of the list and over 50
    creates, deals, activities or notes over  the first activation of a bot
    max(200, 2 % of the contacts)             more than is left of either account's day

What an earlier run has sealed already was let through then and is not counted again, so a
killed first run goes on without a second question, and a large one the next day.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pipelines import guards
from pipelines.definition import Guards
from pipelines.guards import Wanted
from pipelines.life import new_bots
from pipelines.mailigen_pipedrive import setting_up
from pipelines.mailigen_pipedrive.seal import setup_deeds
from pipelines.mailigen_pipedrive.sweep import Sweep
from pipelines.report import counted
from transforms.build import number

DEEDS = "activities, deals and notes"


class Planned(NamedTuple):
    """What a plan would do, and to how many. What new bots alone bring about stands apart."""

    new_creates: int
    new_updates: int
    new_deeds: int
    others: int  # writes that would happen without the new bots, of whatever kind
    creates: int  # without those of new bots
    deletes: int
    activities: int
    deals: int
    notes: int
    persons: int
    on_list: int
    contacts: int
    selected_persons: int


def ask(sweep: Sweep) -> frozenset[str] | None:
    """Return the keys this run may write; None: whatever it planned.

    StoppedByGuardError ends a run that needs an approval and has none. What was read is the
    baseline of bots that wait for their first activation.
    """
    new = new_bots(sweep)
    found = reasons(sweep, sweep.definition.guards, new, sweep.budget_left())
    wanted = Wanted(
        keys=lambda: wanted_keys(sweep),
        others=lambda: _link_keys(sweep),
        sealed=lambda: _sealed_keys(sweep),
        new=new,
    )
    return guards.ask(sweep, found, wanted)


def _sealed_keys(sweep: Sweep) -> list[str]:
    query = """
        SELECT p.write_key || '|' || p.action FROM plan.members AS p
        INNER JOIN staging.syncline__sealed AS s
            ON s.contact_id = p.contact_id AND (p.action <> 'delete' OR s.verb = 'delete')
    """
    return [str(key) for (key,) in sweep.db.execute(query).fetchall()]


def measure(sweep: Sweep, new_bots: list[str]) -> Planned:
    """Count the plan's rows that are not sealed yet, and what they are a share of.

    A member's row is the new bots' own when nobody else selects the contact, or when they are
    all that changes about it: without them it would not be written.
    """
    (row,) = sweep.db.execute(MEASURE, {"new": new_bots}).fetchall()
    return Planned(*(int(n) for n in row))


def reasons(
    sweep: Sweep, limits: Guards, new_bots: list[str], budget_left: Mapping[str, float]
) -> list[str]:
    """The sentences that stop this run; empty when it may go on."""
    planned = measure(sweep, new_bots)
    found = []
    if new_bots and limits.first_activation == "ask":
        found.append(_first_activation(new_bots, planned))
    if planned.deletes and planned.selected_persons == 0:
        found.append(
            f"the source is empty: no person is selected, and {planned.deletes} deletes are planned"
        )
    most = guards.most_deletes(limits, planned.on_list)
    if planned.deletes > most:
        found.append(
            f"{planned.deletes} deletes of {planned.on_list} subscribers (allowed: {most:.0f})"
        )
    most = guards.most_creates(limits, planned.contacts)
    for noun, count in (
        ("creates", planned.creates),
        ("activities", planned.activities),
        ("deals", planned.deals),
        ("notes", planned.notes),
        ("new persons", planned.persons),
    ):
        if count > most:
            found.append(f"{count} {noun} for {planned.contacts} contacts (allowed: {most:.0f})")
    set_up = setting_up.price(sweep)
    tokens, calls = number(sweep.db, OPEN_TOKENS), number(sweep.db, OPEN_CALLS)
    costs = {
        sweep.crm_account: (float(tokens) + set_up[sweep.crm_account], "tokens"),
        sweep.engagement_account: (float(calls) + set_up[sweep.engagement_account], "calls"),
    }
    return found + guards.too_costly(costs, budget_left)


def _first_activation(new_bots: list[str], planned: Planned) -> str:
    """What the new bots would do, and what else waits with them: a guard stops the whole run."""
    said = (
        f"first activation of {', '.join(new_bots)}: "
        f"{counted(planned.new_creates, 'contact')} would be put on the list, "
        f"{planned.new_updates} updated"
    )
    if planned.new_deeds:
        said += f", {counted(planned.new_deeds, 'activity, deal or note', DEEDS)} made"
    if planned.others:
        said += f"; {counted(planned.others, 'other write')} of this sync wait until then"
    return said


def may_create_persons(sweep: Sweep, count: int) -> bool:
    """Whether so many new persons pass the guard, or somebody approved."""
    contacts = number(sweep.db, "SELECT count(*) FROM resolve.contacts WHERE is_selected")
    return guards.may_create(sweep, count, contacts)


def wanted_keys(sweep: Sweep) -> list[str]:
    """The key of every write of the plan, set-up included: what `plan` counts, and an approval."""
    found = sweep.db.execute(
        """
        SELECT write_key || '|' || action FROM plan.members
        WHERE action NOT IN ('skip', 'forget')
        UNION SELECT write_key FROM plan.activities
        UNION SELECT write_key FROM plan.deals
        UNION SELECT write_key FROM plan.notes
        UNION SELECT write_key FROM plan.persons WHERE action = 'create'
        ORDER BY ALL
        """
    ).fetchall()
    return [*(str(key) for (key,) in found), *(d.write_key for d in setup_deeds(sweep))]


def _link_keys(sweep: Sweep) -> list[str]:
    """Newcomers who are persons already: remembered, and nothing is written anywhere."""
    query = "SELECT write_key FROM plan.persons WHERE action = 'link' ORDER BY write_key"
    return [str(key) for (key,) in sweep.db.execute(query).fetchall()]


# As `measure` counts: neither what was sealed before nor what was refused.
OPEN_TOKENS = """
WITH refused AS (SELECT write_key FROM staging.syncline__deeds WHERE state = 'refused'),
sealed AS (SELECT write_key FROM staging.syncline__deeds WHERE state IN ('planned', 'refused'))
SELECT coalesce(sum(cost_tokens), 0) FROM (
    SELECT cost_tokens FROM plan.activities ANTI JOIN refused USING (write_key)
    UNION ALL SELECT cost_tokens FROM plan.deals ANTI JOIN refused USING (write_key)
    UNION ALL SELECT cost_tokens FROM plan.notes ANTI JOIN refused USING (write_key)
    UNION ALL SELECT cost_tokens FROM plan.persons ANTI JOIN sealed USING (write_key)
)
"""
OPEN_CALLS = """
SELECT coalesce(sum(p.cost_calls), 0) FROM plan.members AS p
ANTI JOIN staging.syncline__sealed AS s
    ON s.contact_id = p.contact_id AND (p.action <> 'delete' OR s.verb = 'delete')
"""
MEASURE = """
WITH refused AS (SELECT write_key FROM staging.syncline__deeds WHERE state = 'refused'),
sealed AS (
    SELECT write_key FROM staging.syncline__deeds WHERE state IN ('planned', 'refused')
),
open_members AS (
    SELECT
        p.action,
        len(c.bots) > 0 AND (
            list_has_all($new, c.bots)
            OR (p.is_source_only AND list_has_any($new, c.bots))
        ) AS is_new
    FROM plan.members AS p
    LEFT JOIN resolve.contacts AS c ON c.contact_id = p.contact_id
    ANTI JOIN staging.syncline__sealed AS s
        ON s.contact_id = p.contact_id AND (p.action <> 'delete' OR s.verb = 'delete')
    WHERE p.action NOT IN ('skip', 'forget')
),
open_deeds AS (
    SELECT list_contains($new, bot_id) AS is_new FROM (
        SELECT write_key, bot_id FROM plan.activities
        UNION ALL SELECT write_key, bot_id FROM plan.deals
        UNION ALL SELECT write_key, bot_id FROM plan.notes
    ) ANTI JOIN refused USING (write_key)
)
SELECT
    (SELECT count(*) FROM open_members WHERE is_new AND action IN ('create', 'move')),
    (SELECT count(*) FROM open_members WHERE is_new AND action = 'update'),
    (SELECT count(*) FROM open_deeds WHERE is_new),
    (SELECT count(*) FROM open_members WHERE is_new IS NOT TRUE)
    + (SELECT count(*) FROM open_deeds WHERE NOT is_new)
    + (
        SELECT count(*) FROM plan.persons ANTI JOIN sealed USING (write_key)
        WHERE action = 'create'
    ),
    (
        SELECT count(*) FROM open_members
        WHERE is_new IS NOT TRUE AND action IN ('create', 'move')
    ),
    (SELECT count(*) FROM open_members WHERE action = 'delete'),
    (SELECT count(*) FROM plan.activities ANTI JOIN refused USING (write_key)),
    (SELECT count(*) FROM plan.deals ANTI JOIN refused USING (write_key)),
    (SELECT count(*) FROM plan.notes ANTI JOIN refused USING (write_key)),
    (
        SELECT count(*) FROM plan.persons ANTI JOIN sealed USING (write_key)
        WHERE action = 'create'
    ),
    (SELECT count(*) FROM staging.mailigen__members WHERE status = 'subscribed'),
    (SELECT count(*) FROM resolve.contacts WHERE is_selected),
    (SELECT count(*) FROM resolve.addresses)
"""
