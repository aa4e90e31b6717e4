"""Rebuild what a sync knew after its state database was lost, and write nothing at any vendor.

    sign in    at both vendors, before anything is begun
    wait       what was sent a moment before the loss may not show yet
    read       both vendors' books, the history and the keep file, as far as they are there
    recognise  our things by their references (references.py), who is who (lineup.py)
    restore    bots, opt-outs, identity, deeds and places on the list
    count      what nobody can prove is taken for done, whoever nobody can vouch for for out

An adoption is a sweep that reads, remembers and does not write: the next run goes on from it.
Until it has ended well no run begins, and doing it again does no more.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from uuid import uuid4

import orjson

from pipelines import kept
from pipelines.accounts import open_accounts
from pipelines.adopted import Adopted
from pipelines.kept import Kept
from pipelines.life import remember_suspensions
from pipelines.mailigen_pipedrive import (
    engagement,
    extract,
    life,
    recovered,
    tables,
)
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.flow import READ, WHO
from pipelines.mailigen_pipedrive.lost_books import Books, read_books
from pipelines.mailigen_pipedrive.naming import bind_names
from pipelines.mailigen_pipedrive.run import begin
from pipelines.mailigen_pipedrive.seal import remember_identity
from pipelines.mailigen_pipedrive.seen_first import remember
from pipelines.mailigen_pipedrive.signing_in import recognise
from pipelines.mailigen_pipedrive.sweep import SYNC, Sweep
from pipelines.record import DEED_WRITES
from pipelines.report import Outcome, Reporter, RunOptions, counted
from pipelines.settings import Connections, Settings
from pipelines.surroundings import REAL, Surroundings
from state import bots, consent, deeds, lease, restore, runs
from state.database import open_state
from state.errors import NotAllowed
from state.staging import Work, open_work, publish
from transforms.build import build, number

HIGHEST = """
SELECT greatest(
    (SELECT coalesce(max(sweep), 0) FROM history.runs),
    (SELECT coalesce(max(sweep), 0) FROM history.events),
    (SELECT coalesce(max(from_sweep), 0) FROM history.selections),
    (SELECT coalesce(max(greatest(from_sweep, until_sweep)), 0) FROM history.overrides)
)
"""

# A refused run is kept in the history too, and so is an adoption: only what a run remembered
# before the loss says since when anything counts.
REMEMBERED = """
SELECT sweep FROM history.events
UNION SELECT from_sweep FROM history.selections
"""


def adopt_sync(
    definition: Definition,
    connections: Connections,
    *,
    settings: Settings,
    report: Reporter,
    around: Surroundings = REAL,
) -> Adopted:
    """Rebuild the state of one sync. NotAllowed: the database knows it; LeaseHeld: it runs.

    StopTheSync, and nothing was begun, where a vendor does not take the credentials.
    """
    name = definition.name
    settings.make_home()
    run_id = f"{restore.ADOPTION}{around.now():%Y%m%d-%H%M%S}-{uuid4().hex[:6]}"
    with ExitStack() as stack:
        state = open_state(settings.state_url, now=around.now)
        stack.callback(state.close)
        if why := restore.obstacle(state, name):
            raise NotAllowed(
                f"{why}, so it is not lost and {name} has nothing to adopt. If it is too old, put "
                "it aside (it holds every sync) and adopt each sync it held; nothing was changed"
            )
        known = runs.standing(state, name)
        work = stack.enter_context(
            open_work(
                settings.home, name, expected_history=known.history_generation if known else None
            )
        )
        names = definition.connections
        accounts = stack.enter_context(
            open_accounts(settings, connections, definition, state, around)
        )
        recognise(definition, accounts)  # grants went with the state: nobody waits to learn that
        key = consent.read_key(settings.home)
        was_kept = kept.read(settings.home, name, names.crm, names.engagement, key=key)
        above = max(int(number(work.db, HIGHEST)), was_kept.highest_sweep)
        held = lease.acquire(state, name, run_id=run_id, above=above)
        stack.enter_context(lease.keeping(held))
        runs.start(held)
        outcome = Outcome(run_id, name)
        swept = begin(settings, definition, RunOptions(), accounts, work, outcome, report)
        swept = replace(swept, lease=held, sweep=held.sweep, sleep=around.sleep)
        adopted = _rebuild(swept, held, was_kept)
        adopted.cost = accounts.cost()
        _end(swept, held, work, adopted)
    return adopted


def _rebuild(sweep: Sweep, held: lease.Lease, was_kept: Kept) -> Adopted:
    adoptions = set(restore.adoption_sweeps(sweep.state, held.sync))
    remembered = {int(one) for (one,) in sweep.db.execute(REMEMBERED).fetchall()}
    has_history = bool(remembered - adoptions)
    adopted = Adopted(sweep.run_id, held.sync, has_history, was_kept.is_readable)
    horizon = max(sweep.horizons.values())
    sweep.tell("wait", f"waiting {horizon:.0f} s: what was sent last may not show before")
    sweep.sleep(horizon)
    # Bots first: binding names meets them as they stood, and sees what was edited since.
    restore.put_bots(
        held, list(was_kept.bots.values()), counting_since=None if has_history else sweep.sweep,
        died=adoptions - remembered,
    )  # fmt: skip
    adopted.opt_outs = _restore_opt_outs(sweep, held, was_kept)
    bind_names(sweep)
    tables.write(sweep)
    books = _read(sweep, was_kept, has_history=has_history)
    recovered.put_back(sweep, held, books, adopted)
    _remember(sweep, held)
    # A sync that never wrote has nothing to double, and nobody it might put back.
    has_written = adopted.recognised > 0 or not books.is_blank
    if has_written and not (has_history and was_kept.bots):
        adopted.counted_as_done = recovered.count_as_done(sweep, held)
    everybody = has_written and not was_kept.is_readable
    adopted.barred = recovered.bar(sweep, books, everybody=everybody)
    adopted.bots = {bot.bot_id: bot.state for bot in bots.bots(sweep.state, held.sync)}
    adopted.said = list(_sentences(adopted, was_kept))
    return adopted


def _restore_opt_outs(sweep: Sweep, held: lease.Lease, was_kept: Kept) -> int:
    if not was_kept.is_readable:
        return 0
    account = sweep.engagement_account
    consent.put_back(
        held,
        [
            consent.Entry(account, hashed, one.kind, one.evidence, one.at)
            for hashed, one in was_kept.opt_outs.items()
        ],
        key=sweep.consent_key,
    )
    return len(was_kept.opt_outs)


def _read(sweep: Sweep, was_kept: Kept, *, has_history: bool) -> Books:
    """Read everything there is, and stage what a run stages."""
    extract.people(sweep)
    build(sweep.db, SYNC, "resolve.selected", "resolve.addresses")
    extract.members(sweep)
    wanted = {rule.event for bot in sweep.definition.bots for rule in bot.rules}
    wanted |= {kind for bot in sweep.definition.bots for kind in bot.notes}
    engagement.read(sweep, frozenset(wanted), everything=True)
    build(sweep.db, SYNC, "staging.mailigen__members", "staging.mailigen__campaigns",
          "staging.mailigen__engagement")  # fmt: skip
    life.keep_opt_outs(sweep)
    return read_books(sweep, was_kept, has_history=has_history)


def _remember(sweep: Sweep, held: lease.Lease) -> None:
    """What any sweep remembers: who is who now, what happened, whom each bot selects."""
    life.define_bots(sweep, bots.bots(sweep.state, sweep.definition.name))
    tables.write(sweep)
    extract.details(sweep)
    build(sweep.db, SYNC, *READ)
    tables.write_consent(sweep)
    remember_suspensions(sweep)
    tables.write_bots(sweep)
    build(sweep.db, SYNC, "resolve.selected", "resolve.addresses", *WHO)
    remember_identity(sweep, held)
    remember(sweep)
    bots.end_pauses(held)
    tables.write(sweep)
    build(sweep.db, SYNC, "resolve.consent", "resolve.contact_events")


def _sentences(adopted: Adopted, was_kept: Kept) -> Iterator[str]:
    if not adopted.has_history:
        yield (
            "The history was lost too: what the list has counted up to now is the new baseline, "
            "and nothing of it counts again."
        )
    if adopted.counted_as_done:
        yield (
            f"Counted as done, though nothing proves it: {adopted.counted_as_done} of the "
            "crossings and notes that were reached already; they never fire."
        )
    if adopted.barred and not adopted.has_keep:
        yield (
            "There is no keep file that this consent key can read: nobody who is not on the list "
            f"now is subscribed ({counted(adopted.barred, 'address', 'addresses')}), until they "
            "subscribe themselves."
        )
    if not was_kept.bots:
        yield "Nothing says which bots were active: each waits for its first activation again."
    if adopted.unexplained:
        yield (
            "No rule or note of this sync explains "
            f"{counted(len(adopted.unexplained), 'reference')}: of other syncs, or of rules and "
            "bots that no file remembers. Left as found."
        )
    if adopted.doubles:
        yield f"Of the same reference as another one: {counted(len(adopted.doubles), 'thing')}."
    if adopted.strangers:
        yield (
            f"{adopted.strangers} members carry our source and belong to nobody the CRM shows "
            "under that address. They stay as they are."
        )


def _end(sweep: Sweep, held: lease.Lease, work: Work, adopted: Adopted) -> None:
    """Keep what was found for good. The key's line comes last: only with it is the keep file
    taken for complete by another adoption."""
    counts = {name: getattr(adopted, name) for name in COUNTED}
    said = " ".join(adopted.said) or "Everything was found again."
    sweep.db.execute("BEGIN")
    sweep.db.execute(
        "INSERT INTO history.runs VALUES (?, ?, ?, ?, now(), 'done', 0, ?, ?)",
        [sweep.run_id, held.sync, sweep.sweep, sweep.read_at, orjson.dumps(counts).decode(), said],
    )
    for one in adopted.unexplained:
        sweep.db.execute(
            "INSERT INTO history.skipped VALUES (?, ?, 'adopt', ?, ?, ?, now())",
            [sweep.run_id, sweep.sweep, one.object, str(one.remote_id),
             f"no key of this sync makes its reference {one.marker}"],
        )  # fmt: skip
    # What counts as done by no other proof than this adoption is kept for another one.
    sweep.db.register("arrived", deeds.read(sweep.state, held.sync))
    of_this = f"INSERT INTO history.writes BY NAME {DEED_WRITES}"
    sweep.db.execute(of_this, [sweep.run_id, sweep.sweep])
    sweep.db.unregister("arrived")
    sweep.db.execute("COMMIT")
    runs.remember_files(
        held, work_generation=work.generation, history_generation=work.history_generation
    )
    kept.write(sweep, sweep.crm_account)
    runs.finish(held, outcome="done", exit_code=0, counts=counts, said=said)
    publish(work)


COUNTED = (
    "references", "recognised", "restored_deeds", "counted_as_done", "contacts", "members",
    "opt_outs", "barred", "strangers",
)  # fmt: skip
