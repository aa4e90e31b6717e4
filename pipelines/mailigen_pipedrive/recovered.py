"""The rows an adoption puts back, made of the books it read."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pipelines.kept import Kept
from pipelines.mailigen_pipedrive import naming, references
from pipelines.mailigen_pipedrive.lineup import Evidence, line_up
from pipelines.mailigen_pipedrive.lost_books import OPERATIONS, Books
from pipelines.mailigen_pipedrive.references import Ending, Key
from pipelines.mailigen_pipedrive.sweep import SYNC, Sweep
from pipelines.mailigen_pipedrive.tables import aspect
from state import consent, restore
from state.consent import address_hash
from state.lease import Lease
from state.restore import Done, Held, Who
from transforms.build import build

if TYPE_CHECKING:
    from pipelines.adopted import Adopted

FIXED_TAGS = ("EMAIL", "FNAME", "LNAME")  # the vendor's own: no list is without them


def put_back(sweep: Sweep, lease: Lease, books: Books, adopted: "Adopted") -> None:
    """Restore identity, deeds and places on the list, and say how much of each."""
    keys = _recognise(sweep, lease, books)
    who = line_up(_evidence(sweep, books, keys))
    restore.put_who(lease, sweep.crm_account, who)
    mine = {one.marker for one in books.references}
    elsewhere = restore.references(sweep.state, sweep.crm_account)
    restored = [*_recognised(sweep, books, keys), *_unseen(books, keys), *_set_up(sweep)]
    adopted.restored_deeds = restore.put_deeds(lease, restored)
    places = dict(_held(sweep, books, who))
    restore.put_members(
        lease, sweep.engagement_account,
        [Held(one, aspect(sweep), value) for one, value in places.items()],
    )  # fmt: skip
    claimed = {value["email"] for value in places.values()}
    adopted.references, adopted.recognised = len(mine), len(keys)
    adopted.unexplained = [
        one for one in books.references if one.marker not in keys and one.marker not in elsewhere
    ]
    adopted.doubles = books.doubles
    adopted.contacts, adopted.members = len(who.contacts), len(places)
    adopted.strangers = len(books.members.keys() - claimed)


def count_as_done(sweep: Sweep, lease: Lease) -> int:
    """Take every crossing and note that was ever reached for done; return how many were new.

    Only opens and clicks can happen again in a campaign: a mail is sent, or bounces, once.
    """
    db = sweep.db
    db.execute("UPDATE staging.syncline__rules SET counting_since = -1, effective_since = -1")
    db.execute("DELETE FROM staging.syncline__pauses")
    # Also what a bot fired before others overrode it: it may fall back to it one day.
    db.execute("UPDATE resolve.contacts SET automated_by = bots")
    build(db, SYNC, "resolve.fallbacks", "resolve.crossings")
    rows = db.execute(CROSSINGS).fetchall() + db.execute(NOTES).fetchall()
    account = sweep.crm_account
    said = "counted as done when the state was rebuilt: it was reached already"
    return restore.put_deeds(
        lease,
        [
            Done(key, account, OPERATIONS[noun], noun, contact, said, None, bot, rule)
            for key, noun, contact, bot, rule in rows
        ],
    )


def bar(sweep: Sweep, books: Books, *, everybody: bool) -> int:
    """Keep people off the list whom nobody can vouch for; return how many addresses.

    Who left under an address nobody shows any more is barred under the present one.
    `everybody` bars whoever is not on the list now.
    """
    seen = list(_left_under_former(sweep, books))
    if everybody or _leavers_without_a_name(books):
        said = "not on the list when the state was rebuilt"
        held = {email for person in books.persons.values() for email in person.addresses}
        seen += [consent.Seen(one, "absent", said) for one in sorted(held - books.statuses.keys())]
    return consent.record(
        sweep.state, sweep.engagement_account, seen, key=sweep.consent_key, home=sweep.home
    )


def _left_under_former(sweep: Sweep, books: Books) -> Iterator[consent.Seen]:
    if not books.kept.is_readable:
        return
    rows = sweep.db.execute("SELECT contact_id, email FROM staging.syncline__contacts").fetchall()
    now = {contact: email for contact, email in rows if email}
    for line in books.kept.addresses:
        out, email = books.kept.opt_outs.get(line["address_hash"]), now.get(line["contact_id"])
        if out is not None and email and books.statuses.get(email) != "subscribed":
            yield consent.Seen(email, out.kind, "left under a former address")  # type: ignore[arg-type]


def _leavers_without_a_name(books: Books) -> bool:
    """Whether somebody with our source left, whose present address nobody can tell."""
    known = {email for person in books.persons.values() for email in person.addresses}
    return not books.has_history and any(
        books.statuses.get(email) in ("unsubscribed", "bounced") and email not in known
        for email in books.members
    )


def _recognise(sweep: Sweep, lease: Lease, books: Books) -> dict[str, Key]:
    history = sweep.db.execute(CONTACTS_OF_HISTORY).fetchall()
    ours = {contact for (contact,) in history} | books.written.keys()
    ours |= {line["contact_id"] for line in books.kept.contacts}
    highest = books.highest_person
    founders = references.founders(sweep.db, sweep.crm_account, ours, highest)
    endings = list(_endings(sweep, lease, books.kept))
    known = [
        Key(one.write_key, one.object, one.subject, one.bot_id, one.rule_id)
        for one in books.done.values()
    ]
    known += references.fallback_keys(endings, sweep.db.execute(FALLBACKS).fetchall())
    return references.recognise(
        sweep.db,
        books.references,
        account=sweep.crm_account,
        known=(key._replace(**_founder(founders, key.contact_id)) for key in known),
        endings=endings,
        near=_near(books) | {person for person, _ in founders.values()},
        highest=highest,
    )  # fmt: skip


def _founder(founders: Mapping[str, tuple[int, int]], contact: str) -> dict[str, Any]:
    person, n = founders.get(contact, (None, 0))
    return {"person_id": person, "n": n}


def _near(books: Books) -> set[int]:
    """Whoever a reference stands on, and who shares an address with them."""
    by_address: dict[str, set[int]] = {}
    for person in books.persons.values():
        for email in person.addresses:
            by_address.setdefault(email, set()).add(person.person_id)
    found = {one.person_id for one in books.references if one.person_id is not None}
    sharing = [
        by_address[email]
        for one in found
        if one in books.persons
        for email in books.persons[one].addresses
    ]
    return found.union(*sharing)


def _endings(sweep: Sweep, lease: Lease, kept: Kept) -> Iterator[Ending]:
    rules = {(r.does, r.bot_id, r.rule_id, r.threshold) for r in sweep.names.rules}
    named = {(bot, rule) for _, bot, rule, _ in rules}
    for bot_id, line in kept.bots.items():
        for rule_id, (threshold, _) in line["rules"].items():
            if not rule_id.startswith("note.") and (bot_id, rule_id) not in named:
                rules |= {(does, bot_id, rule_id, threshold) for does in ("activity", "deal")}
    yield from references.rule_endings(sweep.crm_account, lease.sync, sorted(rules))
    campaigns = [one for (one,) in sweep.db.execute(CAMPAIGNS).fetchall()]
    links = sweep.db.execute(LINKS).fetchall()
    noting = next((bot.id for bot in sweep.definition.bots if bot.notes), "")
    yield from references.note_endings(sweep.crm_account, lease.sync, campaigns, links, noting)


def _evidence(sweep: Sweep, books: Books, keys: Mapping[str, Key]) -> Evidence:
    emails = {email for person in books.persons.values() for email in person.addresses}
    emails |= books.statuses.keys()
    emails |= {email for (email,) in sweep.db.execute(ADDRESSES_OF_HISTORY).fetchall()}
    for one in books.written.values():
        emails |= {*one.former, *([one.address] if one.address else [])}
    highest = books.highest_person
    founders = references.founders(sweep.db, sweep.crm_account, books.written.keys(), highest)
    found = {k.contact_id: (k.person_id, k.n) for k in keys.values() if k.person_id is not None}
    on_record = {one.marker: one.person_id for one in books.references}
    return Evidence(
        account=sweep.crm_account,
        sweep=sweep.sweep,
        persons=books.persons,
        kept=books.kept,
        address_of={address_hash(sweep.consent_key, email): email for email in emails},
        written=books.written,
        founders={**found, **founders},
        found=[(key.contact_id, on_record[marker]) for marker, key in keys.items()],
        listed=sorted(books.members),
        is_exact=books.has_history and books.kept.is_readable,
    )


def _recognised(sweep: Sweep, books: Books, keys: Mapping[str, Key]) -> Iterator[Done]:
    by_marker = {one.marker: one for one in books.references}
    for marker, key in keys.items():
        thing, known = by_marker[marker], books.done.get(key.write_key)
        gone = "" if thing.is_living else ", deleted there by somebody"
        yield Done(
            key.write_key, sweep.crm_account, OPERATIONS[key.object], key.object, key.contact_id,
            f"recognised by its reference{gone}", str(thing.remote_id), key.bot_id, key.rule_id,
            known.body if known else None, known.sweep if known else 0,
        )  # fmt: skip


def _unseen(books: Books, keys: Mapping[str, Key]) -> Iterator[Done]:
    """Deeds the history or a person's word vouches for, and the vendor shows no more."""
    seen = {key.write_key for key in keys.values()}
    for one in books.done.values():
        if one.write_key not in seen:
            yield one


def _set_up(sweep: Sweep) -> Iterator[Done]:
    """What members and deals need and have: whoever deletes it from now on did so on purpose."""
    said, bound = "found in the account", sweep.names
    missing = {var.tag for var in bound.missing_vars}
    for tag in sorted({f.merge_tag for f in bound.fields} | {"SOURCE"}):
        if bound.list_id and tag not in missing and tag not in FIXED_TAGS:
            yield Done(
                naming.var_key(sweep, tag), sweep.engagement_account, "create_merge_var",
                "merge_var", "", said, tag,
            )  # fmt: skip
    if bound.deal_field_code:
        yield Done(
            naming.deal_field_key(sweep), sweep.crm_account, "create_deal_field", "deal_field", "",
            said, bound.deal_field_code,
        )  # fmt: skip


def _held(sweep: Sweep, books: Books, who: Who) -> Iterator[tuple[str, dict[str, Any]]]:
    """What each contact's place on the list holds: read there, or last written and vanished."""
    tags = sorted({f.merge_tag for f in sweep.names.fields} | {"SOURCE"})
    current = {c.address for c in who.contacts if c.merged_into is None and c.address}
    former: dict[str, list[str]] = {}
    for contact, email, _, _ in who.addresses:
        former.setdefault(contact, []).append(email)
    for one in who.contacts:
        if one.merged_into is not None:
            continue
        places = [one.address, *(e for e in former.get(one.contact_id, ()) if e not in current)]
        place = next((email for email in places if email in books.members), None)
        written = books.written.get(one.contact_id)
        if place is not None:
            merges = books.members[place]
            values = {tag: str(merges.get(tag) or "") for tag in tags}
            yield one.contact_id, {"email": place, "merges": values}
        elif written and written.value and written.address not in books.statuses:
            yield one.contact_id, written.value


CONTACTS_OF_HISTORY = """
SELECT contact_id FROM history.selections
UNION SELECT subject FROM history.writes WHERE subject LIKE 'c%'
"""
# A fork falls back in the sweep it begins in, which only its selection tells.
FALLBACKS = """
SELECT bot_id, contact_id, until_sweep FROM history.overrides WHERE until_sweep IS NOT NULL
UNION
SELECT s.bot_id, s.contact_id, s.from_sweep
FROM history.selections AS s
INNER JOIN (
    SELECT bot_id, min(from_sweep) AS first_sweep FROM history.overrides GROUP BY bot_id
) AS o ON o.bot_id = s.bot_id AND s.from_sweep > o.first_sweep
"""
ADDRESSES_OF_HISTORY = "SELECT DISTINCT email FROM history.events"
CAMPAIGNS = """
SELECT campaign_id_mailigen FROM staging.mailigen__campaigns
UNION SELECT campaign FROM history.events
"""
LINKS = """
SELECT campaign_id_mailigen, link FROM staging.mailigen__engagement WHERE link <> ''
UNION SELECT campaign, link FROM history.events WHERE link <> ''
"""
CROSSINGS = """
SELECT
    concat_ws('|', r.does, w.crm, w.sync, c.bot_id, c.rule_id, c.contact_id, c.crossing),
    r.does, c.contact_id, c.bot_id, c.rule_id
FROM resolve.crossings AS c
CROSS JOIN staging.syncline__sweep AS w
INNER JOIN staging.syncline__rules AS r ON r.bot_id = c.bot_id AND r.rule_id = c.rule_id
"""
NOTES = """
SELECT DISTINCT
    concat_ws(
        '|', 'note', w.crm, w.sync, e.contact_id, e.campaign_id_mailigen, e.kind,
        nullif(left(sha256(nullif(e.link, '')), 12), '')
    ),
    'note', e.contact_id, '', ''
FROM resolve.contact_events AS e
CROSS JOIN staging.syncline__sweep AS w
INNER JOIN resolve.contacts AS c ON c.contact_id = e.contact_id
INNER JOIN staging.syncline__notes AS n
    ON n.kind = e.kind AND list_contains(c.bots, n.bot_id)
WHERE e.kind IN ('open', 'click')
"""
