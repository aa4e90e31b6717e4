"""Who was whom before the state was lost, as far as keep file and history hold it.

    contacts    the keep file's; the history's where a person or a member founded them
    addresses   those that the vendors still show, or that the history names in the clear
    links       the keep file's; else the founder, whom a write made, or the one member who has an
                address that this contact alone ever had

A bar holds for a contact by every address it ever had, so that whoever left and moved afterwards
is told by this alone.
"""

from collections.abc import Mapping

from pipelines.kept import Kept, OptOut
from pipelines.mailchimp_pipedrive.sweep import Sweep
from pipelines.mailchimp_pipedrive.tables import MEMBER, PERSON
from state import consent, restore
from state.consent import address_hash
from state.lease import Lease
from state.restore import Contact, Link, Who


def put_back(sweep: Sweep, lease: Lease, was_kept: Kept) -> None:
    """Restore contacts, their addresses and their links, before addresses decide who is whom."""
    account, db = sweep.engagement_account, sweep.db
    shown = _shown(sweep)
    # Whom we erased has nobody who speaks for it: what stood for it stays forgotten.
    kept = {c["contact_id"]: c for c in was_kept.contacts if c["speaker_id"] is not None}
    contacts = [
        Contact(
            one["contact_id"], one["person_id"], one["n"], one["speaker_id"],
            shown.get(one["address_hash"]), one["merged_into"],
        )
        for one in kept.values()
    ]  # fmt: skip
    founded = db.execute(FOUNDED, {"engagement": account}).fetchall()
    erased = {one["contact_id"] for one in was_kept.contacts} - kept.keys()
    contacts += [
        Contact(contact, founder, 1, founder, None)
        for contact, founder in founded
        if contact not in kept and contact not in erased
    ]
    known = {one.contact_id for one in contacts}
    addresses = {
        (one["contact_id"], shown[one["address_hash"]]): (one["from_sweep"], one["until_sweep"])
        for one in was_kept.addresses
        if one["contact_id"] in known and one["address_hash"] in shown
    }
    for contact, email in db.execute(NAMED).fetchall():
        if contact in known:
            addresses.setdefault((contact, email), (0, None))
    lineage = [
        (one["contact_id"], one["ancestor_id"], one["up_to_sweep"])
        for one in was_kept.lineage
        if one["contact_id"] in known
    ]
    restore.put_who(
        lease, account,
        Who(contacts, [(*who, *when) for who, when in addresses.items()], lineage, ()),
    )  # fmt: skip
    restore.put_links(lease, _links(sweep, was_kept, contacts, set(addresses)))


def bar_former(sweep: Sweep, was_kept: Kept) -> int:
    """Bar what a contact has now if it left under an address that nobody shows any more: no hash
    gives an address back. Return how many addresses are barred anew."""
    if not was_kept.is_readable:
        return 0
    shown = _shown(sweep)
    left: dict[str, OptOut] = {}
    for one in was_kept.addresses:
        out = was_kept.opt_outs.get(one["address_hash"])
        if out is not None and one["address_hash"] not in shown:
            left[one["contact_id"]] = out
    # Erased is the address, not whoever has another one now: a bar that an own act can lift.
    seen = [
        consent.Seen(email, _kind(left[contact]), "left under a former address")
        for contact, email in sweep.db.execute(PRESENT).fetchall()
        if contact in left
    ]
    return consent.record(
        sweep.state, sweep.engagement_account, seen, key=sweep.consent_key, home=sweep.home
    )


def _kind(out: OptOut) -> consent.Kind:
    return "removed" if out.kind in consent.FOR_GOOD else out.kind  # type: ignore[return-value]


def _shown(sweep: Sweep) -> Mapping[str, str]:
    """Every address that books or history show, by its hash."""
    emails = [email for (email,) in sweep.db.execute(SHOWN).fetchall()]
    return {address_hash(sweep.consent_key, email): email for email in emails}


def _links(
    sweep: Sweep, was_kept: Kept, contacts: list[Contact], addresses: set[tuple[str, str]]
) -> list[Link]:
    """What stands for each contact: as kept, else as founder or history tell, else by the member's
    address. A contact whose person is known gets no other one."""
    accounts = {MEMBER: sweep.engagement_account, PERSON: sweep.crm_account}
    found = [
        Link(one["account"], one["object"], one["remote_id"], one["contact_id"])
        for one in was_kept.links
        if accounts.get(one["object"]) == one["account"]
    ]
    has_person = {one.contact_id for one in found if one.object == PERSON}
    has_member = {(_list(one), one.contact_id) for one in found if one.object == MEMBER}
    told = [(c.contact_id, *_founder(c.person_id)) for c in contacts if c.merged_into is None]
    told += sweep.db.execute(WRITTEN).fetchall()
    for contact, kind, remote_id in told:
        link = Link(accounts[kind], kind, remote_id, contact)
        place = (_list(link), contact)
        if kind == PERSON and contact not in has_person:
            has_person.add(contact)
            found.append(link)
        elif kind == MEMBER and place not in has_member:
            has_member.add(place)
            found.append(link)
    holders: dict[str, set[str]] = {}
    for contact, email in addresses:
        holders.setdefault(email, set()).add(contact)
    by_address: dict[tuple[str, str], list[str]] = {}
    for list_id, member_id, email in sweep.db.execute(MEMBERS).fetchall():
        if len(holders.get(email, ())) == 1:
            (contact,) = holders[email]
            by_address.setdefault((list_id, contact), []).append(f"{list_id}/{member_id}")
    return found + [
        Link(accounts[MEMBER], MEMBER, only, place[1])
        for place, (only, *others) in by_address.items()
        if place not in has_member and not others
    ]


def _list(link: Link) -> str:
    return link.remote_id.partition("/")[0]


def _founder(founder: str) -> tuple[str, str]:
    """The kind and the number of the record that founded a contact.

    >>> _founder("person:12"), _founder("a1/e7")
    (('audience_person', '12'), ('audience_member', 'a1/e7'))
    """
    if founder.startswith("person:"):
        return PERSON, founder.removeprefix("person:")
    return MEMBER, founder


SHOWN = """
SELECT email FROM staging.pipedrive__person_emails WHERE email <> ''
UNION SELECT email FROM staging.mailchimp__members
UNION SELECT lower(crm_value) FROM history.agreed WHERE field_code = 'email' AND crm_value <> ''
UNION SELECT lower(engagement_value) FROM history.agreed WHERE field_code = 'email'
UNION SELECT lower(after ->> '$.email') FROM history.writes
WHERE object IN ('audience_member', 'audience_person') AND after ->> '$.email' <> ''
"""
# Contact ids are made of who founded them: whoever is there now may be tried.
FOUNDED = """
WITH founders AS (
    SELECT 'person:' || person_id_pipedrive AS founder FROM staging.pipedrive__persons
    UNION ALL
    SELECT list_id_mailchimp || '/' || member_id_mailchimp FROM staging.mailchimp__members
),

known AS (
    SELECT contact_id FROM history.agreed
    UNION
    SELECT subject FROM history.writes WHERE object IN ('audience_member', 'audience_person')
)

SELECT k.contact_id, f.founder
FROM founders AS f
INNER JOIN known AS k
    ON k.contact_id = 'c' || left(sha256(concat_ws('|', $engagement, f.founder, 1)), 16)
ORDER BY ALL
"""
# Addresses that a contact had, by what both sides agreed upon and what was sent.
NAMED = """
SELECT contact_id, lower(crm_value) AS email
FROM history.agreed WHERE field_code = 'email' AND crm_value <> ''
UNION
SELECT contact_id, lower(engagement_value)
FROM history.agreed WHERE field_code = 'email' AND engagement_value <> ''
UNION
SELECT subject, lower(after ->> '$.email')
FROM history.writes
WHERE object = 'audience_member' AND state = 'done' AND after ->> '$.email' <> ''
ORDER BY ALL
"""
# The latest answer tells which record a contact's write was about.
WRITTEN = """
SELECT subject, object, remote_id
FROM history.writes
WHERE object IN ('audience_member', 'audience_person') AND state = 'done' AND remote_id <> ''
    AND (object = 'audience_person') = (remote_id NOT LIKE '%/%')
ORDER BY sweep DESC, write_key
"""
MEMBERS = """
SELECT list_id_mailchimp, member_id_mailchimp, email FROM staging.mailchimp__members ORDER BY ALL
"""
# Who is subscribed there now has had the last word on that address.
PRESENT = """
SELECT DISTINCT l.contact_id, e.email
FROM staging.syncline__person_links AS l
INNER JOIN staging.pipedrive__person_emails AS e ON e.person_id_pipedrive = l.person_id_pipedrive
ANTI JOIN staging.mailchimp__members AS m ON m.email = e.email AND m.status = 'subscribed'
WHERE e.email <> ''
ORDER BY ALL
"""
