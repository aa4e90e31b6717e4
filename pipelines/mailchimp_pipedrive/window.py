"""A window: whom some deliveries name, carried across within a second or two.

Read from top to bottom it is the sync again (flow.py), for a few people, in memory beside the
published copy and under a lease of its own. It never opens the work file and starts no flow:
what the copy does not know yet, it leaves to the sweep, which finds everything a window missed.
"""

from collections.abc import Collection

from pipelines.checks import audit
from pipelines.life import unborn
from pipelines.listening import Named
from pipelines.mailchimp_pipedrive import guards, happenings, life, opt_outs, tables
from pipelines.mailchimp_pipedrive.config import NewContacts
from pipelines.mailchimp_pipedrive.flow import WHAT, WHO, WRITES
from pipelines.mailchimp_pipedrive.loading import carry_out, settle
from pipelines.mailchimp_pipedrive.people import Newcomers, People, read_named, read_newcomers
from pipelines.mailchimp_pipedrive.seal import remember_identity, seal, unsettled
from pipelines.mailchimp_pipedrive.sweep import SYNC, Sweep
from state import bots, deeds, settings
from state import guards as stored
from transforms.build import build, number

TOLD = ("plan.conflicts", "plan.skipped")
LEFT = "is left to the next sweep"


def carry_across(sweep: Sweep, named: Collection[Named], newcomers: Newcomers) -> Collection[Named]:
    """Plan and write for whom the deliveries name, and nobody else.

    Returns who is to be named again: a sweep had them on its way, perhaps with an older value.
    """
    assert sweep.lease is not None
    _look_at_flows(sweep)
    if not life.running(sweep):
        return ()
    settle(sweep)
    _let_go(sweep)

    # Extract and stage: those people alone, as they are now.
    people = read_named(sweep, named)
    tables.write_flows(sweep)
    opt_outs.keep_left(sweep)
    opt_outs.write_consent(sweep)
    opt_outs.keep_erased(sweep)
    opt_outs.write_consent(sweep)
    deals_read = _note_happenings(sweep, people)
    tables.write_facts(sweep)

    # Resolve and plan, by the models of the sweep.
    _plan(sweep)
    creates = number(sweep.db, "SELECT count(*) FROM plan.persons WHERE action = 'create'")
    if creates and read_newcomers(sweep, newcomers):
        _plan(sweep)
    remember_identity(sweep, sweep.lease)
    sweep.checked += audit(sweep.db, SYNC)
    _hold_back(sweep)

    # Load.
    sweep.cursors_of_facts[:] = deals_read  # how far all were read is the sweep's to keep
    seal(sweep, sweep.lease, frozenset(sweep.held_back))
    carry_out(sweep)
    left = sorted(unsettled(sweep))
    return sweep.db.execute(NAMES, {"contacts": left}).fetchall() if left else ()


def _look_at_flows(sweep: Sweep) -> None:
    """Leave every flow to the sweep that is not well under way, or that the copy is too old for."""
    known = {one.bot_id: one for one in bots.bots(sweep.state, sweep.definition.name)}
    copied = number(sweep.db, COPIED)
    sweep.due = frozenset(one.id for one in sweep.definition.flows)  # schedules are the sweep's
    mistaken = any(one.level == "error" for one in sweep.names.findings)
    for bound in sweep.names.flows:
        flow, bot = bound.flow, known.get(bound.flow.id)
        sweep.known_bots[flow.id] = bot or unborn(sweep, flow.id)
        is_known = bot is not None and bot.state == "active" and not life.is_another(flow, bot)
        is_recent = is_known and life.baseline(sweep, flow.id) <= copied
        if mistaken or bound.problem or not is_recent or not _is_read(sweep, bound.list_id):
            sweep.suspended[flow.id] = LEFT


def _is_read(sweep: Sweep, list_id: str) -> bool:
    """Whether some sweep has read the audience whole: until then nobody is known to be new."""
    query = "SELECT count(*) FROM published.history.members_seen WHERE list_id_mailchimp = ?"
    return bool(number(sweep.db, query, [list_id]))


def _let_go(sweep: Sweep) -> None:
    """A window sends what it sealed itself: what one before it left unsent, a new plan decides."""
    assert sweep.lease is not None
    flows = [one.id for one in sweep.definition.flows]
    deeds.withdraw(sweep.lease, ["", *flows], why="its window ended before it was sent")
    settings.let_go(sweep.lease)


def _note_happenings(sweep: Sweep, people: People) -> list[tuple[str, str]]:
    sweep.db.execute(SEEN)
    sweep.db.execute(AGREED)
    if any(isinstance(one.flow.trigger, NewContacts) for one in sweep.names.flows):
        happenings.arrivals(sweep)
    return happenings.passages_of(sweep, people.deals)


def _plan(sweep: Sweep) -> None:
    """What the sweep plans, but for what is told of a run: each model costs a window some ms."""
    build(sweep.db, SYNC, *WHO, *WHAT, *(one for one in WRITES if one not in TOLD))
    sweep.is_planned = True


def _hold_back(sweep: Sweep) -> None:
    """Leave a flow to the sweep whose rows a guard would stop, or that wait for an approval."""
    guard = stored.latest(sweep.state, sweep.definition.name)
    waiting = stored.wanted_keys(sweep.state, guard.guard_id) if guard else frozenset()
    for flow_id in life.running(sweep):
        found = guards.why_held(sweep, flow_id)
        if waiting & set(guards.wanted_keys(sweep, flow_id)):
            found = [*found, "waits for an approval"]
        if found:
            sweep.held_back[flow_id] = found


NAMES = """
SELECT DISTINCT 'person', person_id_pipedrive::VARCHAR FROM resolve.pairs
WHERE person_id_pipedrive IS NOT NULL AND contact_id IN (SELECT unnest($contacts::VARCHAR[]))
"""
COPIED = "SELECT max(sweep) FROM published.staging.syncline__sweep"
# The history's own rows of these people: first seen is what a sweep has seen.
SEEN = """
INSERT INTO history.members_seen BY NAME
SELECT s.* FROM published.history.members_seen AS s
SEMI JOIN staging.mailchimp__members AS m
    ON m.list_id_mailchimp = s.list_id_mailchimp AND m.member_id_mailchimp = s.member_id_mailchimp
"""
AGREED = """
INSERT INTO history.agreed BY NAME
SELECT a.* FROM published.history.agreed AS a
SEMI JOIN staging.syncline__contacts AS c ON c.contact_id = a.contact_id
"""
