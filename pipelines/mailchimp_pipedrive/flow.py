"""Mailchimp <-> Pipedrive: any number of flows, each with a trigger, a direction and a mapping.

Read from top to bottom: this is the whole sync, in the order it happens. Each stage is one
step, which is a Prefect task when the run is a flow run and a plain call otherwise.
"""

from pipelines import kept
from pipelines.checks import audit, expect
from pipelines.mailchimp_pipedrive import due, extract, guards, happenings, life, opt_outs, tables
from pipelines.mailchimp_pipedrive.expectations import PLAN, RESOLVE, STAGING
from pipelines.mailchimp_pipedrive.loading import carry_out, settle
from pipelines.mailchimp_pipedrive.naming import bind_names
from pipelines.mailchimp_pipedrive.seal import remember_identity, seal
from pipelines.mailchimp_pipedrive.setting_up import make_filters
from pipelines.mailchimp_pipedrive.sweep import SYNC, Sweep
from pipelines.mailchimp_pipedrive.tables import LINKED
from pipelines.step import Step
from pipelines.sweep import StoppedByGuardError
from transforms.build import build

WHO = ("resolve.addresses", "resolve.selected", "resolve.candidates", "resolve.matches",
       "resolve.couples", "resolve.pairs")  # fmt: skip
WHAT = (
    "resolve.wanted",
    "resolve.field_pairs",
    "resolve.two_ways",
    "resolve.agreements",
    "resolve.changes",
    "resolve.consent",
    "resolve.destinations",
)
WRITES = ("plan.members", "plan.persons", "plan.tags", "plan.conflicts", "plan.skipped")
# Where both sides were seen to hold what they should, without a write that would remember it.
AGREED = """
INSERT OR REPLACE INTO history.agreed
SELECT c.contact_id, c.list_id_mailchimp, c.field_code, c.merge_tag, c.crm_value,
    c.engagement_value, ?::TIMESTAMPTZ
FROM resolve.changes AS c
LEFT JOIN resolve.agreements AS b
    ON b.contact_id = c.contact_id AND b.list_id_mailchimp = c.list_id_mailchimp
    AND b.field_code = c.field_code AND b.merge_tag = c.merge_tag
WHERE c.decision IN ('equal', 'meet')
    AND (b.crm_value IS DISTINCT FROM c.crm_value
        OR b.engagement_value IS DISTINCT FROM c.engagement_value)
QUALIFY row_number() OVER (
    PARTITION BY c.contact_id, c.list_id_mailchimp, c.field_code, c.merge_tag ORDER BY c.flow_id
) = 1
"""


def sync(sweep: Sweep, step: Step) -> None:
    """Carry everybody across who is due. StoppedByGuardError: some flows wait for an approval."""
    step("Bind names to ids", bind_names, sweep)
    step("Look up doubtful writes", settle, sweep)
    if not _has_work(sweep):
        return
    step("Make filters", make_filters, sweep)
    tables.write(sweep)  # not before: the plan compares with what the look-up settled

    # Extract: the vendors' records as they came. A deal's person is read after the deal: who was
    # renamed before it moved comes across by the new name.
    step("Note passages", happenings.passages_of_deals, sweep)
    step("Extract persons", extract.persons, sweep)
    step("Extract audiences", extract.audiences, sweep)
    life.remember_suspensions(sweep)
    tables.write_flows(sweep)

    # Stage: one typed row per record; what people decided is kept before anything is planned.
    step("Check what was read", _check_staged, sweep)
    step("Note arrivals", happenings.arrivals, sweep)
    tables.write_facts(sweep)

    # Map, match and plan: nothing has been written so far.
    step("Resolve contacts", _resolve_contacts, sweep)
    step("Plan", _plan, sweep)
    sweep.reading = sweep.read_cost()
    step("Ask the guards", guards.ask, sweep)
    if sweep.lease is None:
        return

    # Load: each planned write once.
    step("Seal the plan", seal, sweep, sweep.lease, frozenset(sweep.held_back))
    life.activate(sweep)
    # Before the first write: what the keep file has not, a lost database takes along.
    kept.write(sweep, sweep.engagement_account, linked=LINKED)
    guards.spend(sweep)
    step("Load", carry_out, sweep)
    due.note_served(sweep)
    if sweep.held_back:
        reasons = [reason for found in sweep.held_back.values() for reason in found]
        raise StoppedByGuardError(reasons, sweep.guard_id)


def _has_work(sweep: Sweep) -> bool:
    """Whether anybody is to be served: a run for one flow reads nothing when none runs."""
    if not sweep.named_flow or any(life.is_served(sweep, f.id) for f in sweep.definition.flows):
        return True
    sweep.warn(
        f"flow {sweep.named_flow}", "does not run, and no other is due: nothing was read",
        f"`syncline list` says why; `syncline resume {sweep.definition.name} --flow "
        f"{sweep.named_flow}`, or `active: true` in the file",
    )  # fmt: skip
    return False


def _check_staged(sweep: Sweep) -> None:
    sweep.checked += expect(sweep.db, "staging", STAGING)
    opt_outs.keep_opt_outs(sweep)
    opt_outs.write_consent(sweep)
    opt_outs.keep_erased(sweep)
    opt_outs.write_consent(sweep)


def _resolve_contacts(sweep: Sweep) -> None:
    build(sweep.db, SYNC, *WHO)
    if sweep.lease is not None:
        remember_identity(sweep, sweep.lease)


def _plan(sweep: Sweep) -> None:
    build(sweep.db, SYNC, *WHAT, *WRITES)
    if extract.confirm(sweep):
        build(sweep.db, SYNC, *WHO, *WHAT, *WRITES)
    sweep.is_planned = True
    sweep.checked += expect(sweep.db, "resolve", RESOLVE)
    sweep.checked += expect(sweep.db, "plan", PLAN)
    sweep.checked += audit(sweep.db, SYNC)
    if sweep.lease is not None:
        sweep.db.execute(AGREED, [sweep.state.now()])
