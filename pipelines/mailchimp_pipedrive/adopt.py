"""Rebuild what a sync knew after its state database was lost, and write nothing at any vendor.

    sign in    at both vendors, before anything is begun
    wait       what was sent a moment before the loss may not show yet
    restore    flows and opt-outs from the keep file
    read       both vendors' books whole
    recognise  who is whom: by keep file and history, else by addresses (recovered.py)
    count      whatever joined or passed up to now is dealt with, differing values stay as they
               are until one side changes, whoever nobody can vouch for is out

An adoption is a sweep that reads, remembers and does not write: the next run goes on from it.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from uuid import uuid4

import orjson

from pipelines import kept
from pipelines.adopted import Adopted
from pipelines.kept import Kept
from pipelines.mailchimp_pipedrive import extract, happenings, opt_outs, recovered, tables
from pipelines.mailchimp_pipedrive.accounts import open_accounts
from pipelines.mailchimp_pipedrive.config import Definition
from pipelines.mailchimp_pipedrive.flow import WHAT, WHO
from pipelines.mailchimp_pipedrive.naming import bind_names, recognise
from pipelines.mailchimp_pipedrive.run import begin
from pipelines.mailchimp_pipedrive.seal import remember_identity
from pipelines.mailchimp_pipedrive.sweep import SYNC, Sweep
from pipelines.mailchimp_pipedrive.tables import MEMBER
from pipelines.report import Outcome, Reporter, RunOptions, counted
from pipelines.settings import Connections, Settings
from pipelines.surroundings import REAL, Surroundings
from state import bots, consent, lease, ledger, restore, runs
from state.cursors import NO_FILE, Cursor
from state.database import open_state
from state.errors import NotAllowed
from state.restore import Held
from state.staging import Work, open_work, publish
from transforms.build import build, number

HIGHEST = """
SELECT greatest(
    (SELECT coalesce(max(sweep), 0) FROM history.runs),
    (SELECT coalesce(max(first_sweep), 0) FROM history.members_seen)
)
"""
# What stands on both sides stays as it is until one of them changes. An address of the person that
# an earlier sweep saw later than the member's was not carried across, being barred or another's:
# what the two agreed upon is the member's still.
AS_IT_IS = """
WITH first_seen AS (
    SELECT contact_id, email, min(from_sweep) AS sweep
    FROM staging.syncline__addresses
    WHERE from_sweep < $sweep
    GROUP BY ALL
)

INSERT OR REPLACE INTO history.agreed
SELECT c.contact_id, c.list_id_mailchimp, c.field_code, c.merge_tag,
    any_value(
        CASE WHEN c.is_address AND p.sweep > m.sweep THEN c.engagement_value ELSE c.crm_value END
    ),
    any_value(c.engagement_value), $at::TIMESTAMPTZ
FROM resolve.changes AS c
LEFT JOIN first_seen AS p ON p.contact_id = c.contact_id AND p.email = lower(c.crm_value)
LEFT JOIN first_seen AS m ON m.contact_id = c.contact_id AND m.email = lower(c.engagement_value)
WHERE c.decision NOT IN ('leave') AND NOT c.is_first
GROUP BY ALL
"""
DIFFERING = """
SELECT count(*) FROM history.agreed
WHERE agreed_at = ?::TIMESTAMPTZ AND crm_value <> engagement_value
"""
# Whom the history says a flow once wrote, as far as the contact is still known.
SYNCED = """
SELECT DISTINCT
    w.subject AS contact_id,
    split_part(split_part(w.write_key, '|', 3), '/', 2) AS flow_id,
    split_part(split_part(w.write_key, '|', 3), '/', 3) AS list_id
FROM history.writes AS w
INNER JOIN staging.syncline__contacts AS c ON c.contact_id = w.subject
WHERE w.object = 'audience_member' AND w.state = 'done' AND w.action <> 'tag'
ORDER BY ALL
"""
# Whom the history says a flow once tagged: put on once, it is not put on again.
TAGGED = """
WITH told AS (
    SELECT
        w.subject AS contact_id,
        split_part(split_part(w.write_key, '|', 3), '/', 2) AS flow_id,
        split_part(split_part(w.write_key, '|', 3), '/', 3) AS list_id,
        coalesce(
            w.after ->> '$.member', nullif(split_part(w.remote_id, '/', 2), ''),
            l.member_id_mailchimp
        ) AS member_id,
        w.after ->> '$.tag' AS tag,
        w.sweep
    FROM history.writes AS w
    INNER JOIN staging.syncline__contacts AS c ON c.contact_id = w.subject
    LEFT JOIN staging.syncline__member_links AS l
        ON
            l.contact_id = w.subject
            AND l.list_id_mailchimp = split_part(split_part(w.write_key, '|', 3), '/', 3)
    WHERE w.object = 'audience_member' AND w.state = 'done'
)

SELECT contact_id, flow_id, list_id, tag, arg_max(member_id, sweep) AS member_id
FROM told
WHERE tag IS NOT NULL AND member_id IS NOT NULL
GROUP BY ALL
ORDER BY ALL
"""
NOT_THERE = """
SELECT DISTINCT e.email
FROM staging.pipedrive__person_emails AS e
ANTI JOIN staging.mailchimp__members AS m ON m.email = e.email
WHERE e.email <> ''
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
        accounts = stack.enter_context(
            open_accounts(settings, connections, definition, state, around)
        )
        recognise(definition, accounts)  # grants went with the state: nobody waits to learn that
        engagement = definition.connections.engagement
        key = consent.read_key(settings.home)
        was_kept = kept.read(settings.home, name, engagement, engagement, key=key)
        above = max(int(number(work.db, HIGHEST)), was_kept.highest_sweep)
        held = lease.acquire(state, name, run_id=run_id, above=above)
        stack.enter_context(lease.keeping(held))
        runs.start(held)
        outcome = Outcome(run_id, name)
        options = RunOptions(full=True)
        swept = begin(settings, definition, options, accounts, work, outcome, report)
        swept = replace(swept, lease=held, sweep=held.sweep, sleep=around.sleep)
        adopted = _rebuild(swept, held, was_kept)
        adopted.cost = accounts.cost()
        _end(swept, held, work, adopted)
    return adopted


def _rebuild(sweep: Sweep, held: lease.Lease, was_kept: Kept) -> Adopted:
    has_history = bool(number(sweep.db, "SELECT count(*) FROM history.members_seen"))
    adopted = Adopted(sweep.run_id, held.sync, has_history, was_kept.is_readable)
    horizon = max(sweep.horizons.values())
    sweep.tell("wait", f"waiting {horizon:.0f} s: what was sent last may not show before")
    sweep.sleep(horizon)
    # What came up to now is dealt with: every flow counts from this sweep on, also where an
    # adoption that did not come to its end said the same of its own.
    restore.put_bots(
        held, list(was_kept.bots.values()), counting_since=sweep.sweep,
        died=restore.adoption_sweeps(sweep.state, held.sync),
    )  # fmt: skip
    adopted.opt_outs = _restore_opt_outs(sweep, held, was_kept)
    bind_names(sweep)
    tables.write(sweep)
    extract.persons(sweep)
    extract.audiences(sweep)
    recovered.put_back(sweep, held, was_kept)
    tables.write(sweep)
    opt_outs.keep_opt_outs(sweep)
    recovered.bar_former(sweep, was_kept)
    opt_outs.write_consent(sweep)
    tables.write_facts(sweep)
    sweep.db.execute(happenings.SEEN_FIRST, [sweep.sweep, happenings.OURS_SEEN])
    build(sweep.db, SYNC, *WHO)
    remember_identity(sweep, held)
    tables.write(sweep)
    adopted.members = _restore_synced(sweep, held)
    tables.write(sweep)
    build(sweep.db, SYNC, *WHO, *WHAT)
    at = sweep.state.now()
    sweep.db.execute(AS_IT_IS, {"sweep": sweep.sweep, "at": at})
    differing = int(number(sweep.db, DIFFERING, [at]))
    adopted.contacts = int(number(sweep.db, "SELECT count(*) FROM staging.syncline__contacts"))
    if not was_kept.is_readable:
        adopted.barred = _bar_absent(sweep)
    adopted.bots = {bot.bot_id: bot.state for bot in bots.bots(sweep.state, held.sync)}
    adopted.said = list(_sentences(adopted, was_kept, differing))
    return adopted


def _restore_opt_outs(sweep: Sweep, held: lease.Lease, was_kept: Kept) -> int:
    if not was_kept.is_readable:
        return 0
    entries = [
        consent.Entry(sweep.engagement_account, hashed, one.kind, one.evidence, one.at)
        for hashed, one in was_kept.opt_outs.items()
    ]
    consent.put_back(held, entries, key=sweep.consent_key)
    return len(entries)


def _restore_synced(sweep: Sweep, held: lease.Lease) -> int:
    """Whom a flow once wrote it goes on updating, also when the filter matches no more (MC-11);
    whom it tagged it does not tag again (MC-13)."""
    flows = {flow.id for flow in sweep.definition.flows if not flow.is_into_crm}
    found = [
        Held(contact_id, f"{held.sync}/{flow_id}/{list_id}", {"found": "in the history"}, MEMBER)
        for contact_id, flow_id, list_id in sweep.db.execute(SYNCED).fetchall()
        if flow_id in flows
    ]
    tagged = [
        Held(
            contact_id, f"{held.sync}/{flow_id}/{list_id}/tag/{tag}",
            {"list": list_id, "member": member_id, "tag": tag}, MEMBER,
        )
        for contact_id, flow_id, list_id, tag, member_id in sweep.db.execute(TAGGED).fetchall()
        if flow_id in flows
    ]  # fmt: skip
    restore.put_members(held, sweep.engagement_account, [*found, *tagged])
    return len(found)


def _bar_absent(sweep: Sweep) -> int:
    """Without the keep file nobody can say who was erased: whoever is not there stays out."""
    said = "not in the audience when the state was rebuilt"
    seen = [
        consent.Seen(email, "absent", said)
        for (email,) in sweep.db.execute(NOT_THERE).fetchall()
    ]  # fmt: skip
    return consent.record(
        sweep.state, sweep.engagement_account, seen, key=sweep.consent_key, home=sweep.home
    )


def _sentences(adopted: Adopted, was_kept: Kept, differing: int) -> Iterator[str]:
    yield (
        "Whoever joined an audience and whichever deal entered a stage up to now is taken as "
        "dealt with; values that differ stay as they are until one side changes."
    )
    if differing:
        query = "from history.agreed where crm_value <> engagement_value"
        yield (
            f"Of these there {'is' if differing == 1 else 'are'} {differing}: "
            f'`syncline sql {adopted.sync} "{query}"` tells.'
        )
    if not adopted.has_history:
        yield "The history was lost too: flows go on with whom their filters match now."
    if adopted.barred:
        yield (
            "There is no keep file that this consent key can read: nobody who is not in an "
            f"audience now is created ({counted(adopted.barred, 'address', 'addresses')}), until "
            "they join themselves."
        )
    if not was_kept.bots:
        yield "Nothing says which flows were active: each waits for its first activation again."


def _end(sweep: Sweep, held: lease.Lease, work: Work, adopted: Adopted) -> None:
    """Keep what was found for good, and since when happenings count."""
    counts = {
        name: getattr(adopted, name) for name in ("contacts", "members", "opt_outs", "barred")
    }
    said = " ".join(adopted.said)
    at = sweep.crm.vendor_now().isoformat()
    moved = [
        Cursor(f"activation|{flow.id}", {"sweep": sweep.sweep, "at": at}, NO_FILE)
        for flow in sweep.definition.flows
    ]
    ledger.seal(held, moved=[*moved, Cursor("deals", {"since": at, "read": {}}, NO_FILE)])
    sweep.db.execute(
        "INSERT INTO history.runs VALUES (?, ?, ?, ?, now(), 'done', 0, ?, ?)",
        [sweep.run_id, held.sync, sweep.sweep, sweep.read_at, orjson.dumps(counts).decode(), said],
    )
    runs.remember_files(
        held, work_generation=work.generation, history_generation=work.history_generation
    )
    kept.write(sweep, sweep.engagement_account, linked=tables.LINKED)
    runs.finish(held, outcome="done", exit_code=0, counts=counts, said=said)
    publish(work)


COUNTED = ("contacts", "members", "opt_outs", "barred")
