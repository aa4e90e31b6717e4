"""Mailigen <-> Pipedrive: one list kept equal to what its bots select, and what comes of it.

Read from top to bottom: this is the whole sync, in the order it happens. Each stage is one
step, which is a Prefect task when the run is a flow run and a plain call otherwise.
"""

from pipelines.checks import audit, expect
from pipelines.guards import spend
from pipelines.life import remember_suspensions
from pipelines.mailigen_pipedrive import (
    counting,
    engagement,
    extract,
    guards,
    life,
    newcomers,
    sample,
    seen_first,
    tables,
)
from pipelines.mailigen_pipedrive.expectations import PLAN, RESOLVE, STAGING
from pipelines.mailigen_pipedrive.loading import carry_out, make_filters, settle
from pipelines.mailigen_pipedrive.naming import bind_names
from pipelines.mailigen_pipedrive.seal import remember_identity, seal
from pipelines.mailigen_pipedrive.sweep import SYNC, Sweep
from pipelines.report import counted
from pipelines.step import Step
from state import bots
from transforms.build import build

READ = (
    "staging.pipedrive__confirmations", "staging.pipedrive__activities",
    "staging.pipedrive__organizations", "staging.pipedrive__users",
    "staging.pipedrive__field_options", "staging.mailigen__members",
    "staging.mailigen__campaigns", "staging.mailigen__engagement",
)  # fmt: skip
WHO = ("resolve.winners", "resolve.identity", "resolve.contacts", "resolve.holdings",
       "resolve.lineage", "resolve.heirs")  # fmt: skip
WHAT = ("resolve.field_values", "resolve.consent", "resolve.contact_events",
        "resolve.fallbacks")  # fmt: skip
OF_COUNTS = ("resolve.noted", "resolve.fired", "resolve.due")
WRITES = ("resolve.places", "resolve.differences", "plan.members", "plan.activities",
          "plan.deals", "plan.notes", "plan.persons", "plan.skipped")  # fmt: skip


def sync(sweep: Sweep, step: Step) -> None:
    """Bring list and CRM up to date. StoppedByGuardError: the plan waits for an approval."""
    step("Bind names to ids", bind_names, sweep)
    step("Look up doubtful writes", settle, sweep)
    step("Make filters that bots wait for", make_filters, sweep)
    tables.write(sweep)  # not before: the plan compares with what the look-up settled

    # Extract: the vendors' records as they came.
    step("Extract persons", extract.people, sweep)
    build(sweep.db, SYNC, "resolve.selected", "resolve.addresses")
    step("Extract what some persons need", extract.details, sweep)
    step("Extract the list", extract.members, sweep)
    step("Extract engagement", engagement.read_for_bots, sweep)

    # Stage: one typed row per record.
    step("Stage", _stage, sweep)

    # Map, match and de-duplicate: one row per real thing.
    step("Resolve contacts", _resolve_contacts, sweep)
    step("Remember engagement", _remember_engagement, sweep)
    step("Look up newcomers", newcomers.look_up, sweep)
    step("Resolve counts", _resolve_counts, sweep)

    # Plan: one row per write, with the reason; nothing has been written so far.
    step("Plan", _plan, sweep)
    sweep.reading = sweep.read_cost()
    allowed = step("Ask the guards", guards.ask, sweep)
    if sweep.lease is None:
        return

    # Load: each planned write once.
    step("Seal the plan", seal, sweep, sweep.lease, allowed)
    life.activate(sweep, allowed)
    spend(sweep)
    step("Load", carry_out, sweep)


def _stage(sweep: Sweep) -> None:
    build(sweep.db, SYNC, *READ)
    sweep.checked += expect(sweep.db, "staging", STAGING)
    life.remember_opt_outs(sweep)
    tables.write_consent(sweep)
    sample.verify(sweep)


def _resolve_contacts(sweep: Sweep) -> None:
    remember_suspensions(sweep)
    if sweep.suspended:
        # A bot whose filter turned out to be dead selects nobody: the tables must say so first.
        tables.write_bots(sweep)
        build(sweep.db, SYNC, "resolve.selected", "resolve.addresses")
    build(sweep.db, SYNC, *WHO)
    sweep.checked += expect(sweep.db, "resolve", RESOLVE)
    if sweep.lease is not None:
        remember_identity(sweep, sweep.lease)


def _remember_engagement(sweep: Sweep) -> None:
    seen = seen_first.remember(sweep)
    if sweep.lease is not None:
        bots.end_pauses(sweep.lease)
    sweep.tell("resolve", f"{counted(seen, 'new happening')} on campaigns")


def _resolve_counts(sweep: Sweep) -> None:
    build(sweep.db, SYNC, *WHAT)
    counting.count(sweep.db, sweep.sweep, sweep.history_generation)
    build(sweep.db, SYNC, *OF_COUNTS)


def _plan(sweep: Sweep) -> None:
    build(sweep.db, SYNC, *WRITES)
    if extract.absent_doers(sweep):
        build(sweep.db, SYNC, "staging.pipedrive__confirmations", "resolve.contacts", *WRITES)
    sweep.is_planned = True
    sweep.checked += expect(sweep.db, "plan", PLAN)
    sweep.checked += audit(sweep.db, SYNC)
