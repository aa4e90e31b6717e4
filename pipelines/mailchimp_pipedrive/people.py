"""Whom a window is about: those that deliveries name, and whoever their plan depends upon.

    named --links, addresses--> persons, contacts of audiences, contacts of ours --read by id--> raw

What is known of them is looked up in the published copy and in state; what they hold is read now,
after state was: a base that is older than the reading at worst makes work, a younger one would
make a change of our own write.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connectors.errors import Gone
from connectors.pipedrive.matches import addresses
from pipelines.listening import Named
from pipelines.mailchimp_pipedrive import tables
from pipelines.mailchimp_pipedrive.extract import KEYS, OVERLAP
from pipelines.mailchimp_pipedrive.sweep import SYNC, Sweep
from pipelines.mailchimp_pipedrive.tables import MEMBER, PERSON
from state import identity
from state.raw import put_raw
from transforms.build import build

ROUNDS = 5  # from a person to a member to another person: more than any chain of addresses
CLOCKS = timedelta(seconds=5)  # a vendor tells its time in whole seconds
Member = tuple[str, str]  # audience, contact id


@dataclass
class People:
    """Grows until nobody else is touched."""

    persons: set[int] = field(default_factory=set)
    members: set[Member] = field(default_factory=set)
    emails: set[str] = field(default_factory=set)
    contacts: set[str] = field(default_factory=set)
    deals: list[dict[str, Any]] = field(default_factory=list)
    named: set[tuple[str, str]] = field(default_factory=set)  # audience, address
    looked_up: dict[tuple[str, str], Member | None] = field(default_factory=dict)
    followed: tuple[int, ...] = ()  # the size when nobody more was found

    @property
    def size(self) -> tuple[int, ...]:
        found: list[set[Any]] = [self.persons, self.members, self.emails, self.contacts]
        return tuple(len(one) for one in found)


@dataclass
class Newcomers:
    """Persons that changed since the published copy was read, as they were when last asked for.

    Kept from window to window, and asked for from where it was left: reading all of them each time
    would take longer with every change since the sweep.
    """

    until: datetime | None = None  # by the vendor's clock; None: nothing was read yet
    addresses: dict[int, set[str]] = field(default_factory=dict)
    changed_at: dict[int, str] = field(default_factory=dict)

    def read(self, sweep: Sweep) -> None:
        """Take in who changed until now; who the copy knows by now is forgotten."""
        ((copied,),) = sweep.db.execute(READ_UNTIL).fetchall()
        since = copied - OVERLAP if copied else None
        if self.until is not None:
            lag = timedelta(seconds=sweep.horizons[sweep.crm_account]) + CLOCKS
            since = max(self.until - lag, since) if since else self.until - lag
        until = sweep.crm.vendor_now()
        for page in sweep.crm.persons(None, since, ()):
            for one in sweep.erased.without(page):
                person_id = int(one["id"])
                self.addresses[person_id] = addresses(one)
                self.changed_at[person_id] = str(one.get("update_time") or "")
        self.until = until
        oldest = f"{copied - OVERLAP:%Y-%m-%dT%H:%M:%SZ}" if copied else ""
        for person_id in [key for key, at in self.changed_at.items() if at < oldest]:
            del self.addresses[person_id], self.changed_at[person_id]


def read_named(sweep: Sweep, named: Iterable[Named]) -> People:
    """Read whom the deliveries name and everybody their plan needs into raw and staging."""
    people = People()
    for kind, *place in sorted(set(named)):
        if kind == "person":
            people.persons.add(int(place[0]))
        elif kind == "deal":
            _take_deal(sweep, people, int(place[0]))
        elif place[0] in sweep.names.list_ids:
            people.emails.add(place[1])
            people.named.add((place[0], place[1]))
    _grow(sweep, people)
    _find_unknown(sweep, people)
    for _ in range(ROUNDS):
        _grow(sweep, people)
        tables.write(sweep, people.contacts)
        before = people.size
        _read(sweep, people)
        _grow(sweep, people)
        if people.size == before:
            break
    return people


def read_newcomers(sweep: Sweep, newcomers: Newcomers) -> bool:
    """Read whoever got an address since the published copy that the plan makes a person of;
    whether there is anybody: no copy tells of them."""
    newcomers.read(sweep)
    emails = {email for (email,) in sweep.db.execute(TO_BE_MADE).fetchall()}
    ids = [one for one, held in newcomers.addresses.items() if held & emails]
    known = {one for (one,) in sweep.db.execute(KNOWN_PERSONS).fetchall()}
    ids = sorted(set(ids) - known)
    if not ids:
        return False
    pages = [list(sweep.erased.without(page)) for page in sweep.crm.persons_by_id(ids, ())]
    _put(sweep, "pipedrive__persons", pages)
    build(sweep.db, SYNC, "staging.pipedrive__persons", "staging.pipedrive__person_emails")
    return any(pages)


def _take_deal(sweep: Sweep, people: People, deal_id: int) -> None:
    try:
        deal = sweep.crm.thing("deal", deal_id)
    except Gone:
        return
    people.deals.append(deal)
    if deal.get("person_id"):
        people.persons.add(int(deal["person_id"]))


def _grow(sweep: Sweep, people: People) -> None:
    """Follow links and addresses, as far as the copy and the state know them."""
    while people.followed != people.size:
        people.followed = people.size
        state, account = sweep.state, sweep.engagement_account
        members = [f"{list_id}/{member}" for list_id, member in people.members]
        people.contacts |= identity.linked(state, account, members, kind=MEMBER)
        persons = [str(one) for one in people.persons]
        people.contacts |= identity.linked(state, sweep.crm_account, persons, kind=PERSON)
        for link in identity.read_links(state, account, people.contacts).to_pylist():
            if link["gone_at"] is None and link["object"] == MEMBER:
                list_id, _, member = str(link["remote_id"]).partition("/")
                people.members.add((list_id, member))
            elif link["gone_at"] is None and link["object"] == PERSON:
                people.persons.add(int(link["remote_id"]))
        told = {"persons": list(people.persons), "members": [one for _, one in people.members]}
        people.emails |= {e for (e,) in sweep.db.execute(ADDRESSES, told).fetchall()}
        emails = {"emails": list(people.emails)}
        people.persons |= {one for (one,) in sweep.db.execute(PERSONS, emails).fetchall()}
        people.members |= set(sweep.db.execute(MEMBERS, emails).fetchall())


def _read(sweep: Sweep, people: People) -> None:
    """Read them all as they are now, and put them where the models look."""
    sweep.db.execute(COPIES, {"ids": [member for _, member in people.members]})
    sweep.db.execute(WALKED_FILTERS, {"ids": list(people.persons)})
    _put_persons(sweep, people)
    _put_members(sweep, people)
    build(
        sweep.db, SYNC, "staging.pipedrive__persons", "staging.pipedrive__person_emails",
        "staging.mailchimp__members",
    )  # fmt: skip
    sweep.db.execute(WALKED_SEGMENTS)
    rows = sweep.db.execute("SELECT email FROM staging.pipedrive__person_emails").fetchall()
    people.emails |= {email for (email,) in rows if email}
    rows = sweep.db.execute("SELECT email FROM staging.mailchimp__members").fetchall()
    people.emails |= {email for (email,) in rows if email}


def _find_unknown(sweep: Sweep, people: People) -> None:
    """Ask for the addresses that the copy knows no contact of, before anything is read: one who is
    found later makes everybody be read once more."""
    told = {"members": [one for _, one in people.members]}
    there = set(sweep.db.execute(PLACES, told).fetchall())
    for list_id, email in (_unmatched(sweep, people) | people.named) - there:
        _look_up(sweep, people, list_id, email)


def _put_persons(sweep: Sweep, people: People) -> None:
    wanted, living = sorted(people.persons), list[dict[str, Any]]()
    for page in sweep.crm.persons_by_id(wanted, ()) if wanted else ():
        living += [one for one in sweep.erased.without(page) if not one.get("is_deleted")]
    found = {int(one["id"]) for one in living}
    for person_id in set(wanted) - found:  # a list leaves out whom it will: only this one proves it
        try:
            living += sweep.erased.without([sweep.crm.person(person_id)])
        except Gone:
            continue
    sweep.db.execute("DROP TABLE IF EXISTS raw.pipedrive__persons")
    _put(sweep, "pipedrive__persons", [living])


def _put_members(sweep: Sweep, people: People) -> None:
    """Those of the flows' audiences as they are now; of others the copy's word, for opt-outs."""
    found = []
    for list_id, member_id in sorted(people.members):
        if list_id not in sweep.names.list_ids:
            continue
        record = sweep.engagement.member(list_id, member_id)
        if record is None:
            sweep.engagement.audience(list_id)  # Gone unless it is the contact that is gone
            sweep.db.execute(
                "DELETE FROM raw.mailchimp__members WHERE list_id = ? AND contact_id = ?",
                [list_id, member_id],
            )
        else:
            found += [one | {"list_id": list_id} for one in sweep.erased.without([record])]
    _put(sweep, "mailchimp__members", [found])
    there = {(one["list_id"], str(one["email_address"]).lower()) for one in found}
    for list_id, email in (_unmatched(sweep, people) | people.named) - there:
        _look_up(sweep, people, list_id, email)


def _unmatched(sweep: Sweep, people: People) -> set[tuple[str, str]]:
    """Where a person that a flow may bring could be by now: the copy may be older."""
    lists = {one.list_id for one in sweep.names.flows if not one.flow.is_into_crm}
    return {(list_id, email) for list_id in lists for email in people.emails}


def _look_up(sweep: Sweep, people: People, list_id: str, email: str) -> None:
    """Take in the contact of an address, asked for once."""
    if (list_id, email) in people.looked_up:
        return
    record = sweep.engagement.member(list_id, email)
    found = (list_id, str(record["contact_id"])) if record else None
    people.looked_up[list_id, email] = found
    people.members |= {found} if found else set()


def _put(sweep: Sweep, table: str, pages: Collection[list[dict[str, Any]]]) -> None:
    put_raw(
        sweep.db, table, pages, keys=KEYS[table], run_id=sweep.run_id, fetched_at=sweep.read_at,
        mode="merge",
    )  # fmt: skip


ADDRESSES = """
SELECT email FROM published.staging.pipedrive__person_emails
WHERE email <> '' AND person_id_pipedrive IN (SELECT unnest($persons::BIGINT[]))
UNION
SELECT email FROM published.staging.mailchimp__members
WHERE member_id_mailchimp IN (SELECT unnest($members::VARCHAR[]))
"""
PERSONS = """
SELECT DISTINCT person_id_pipedrive FROM published.staging.pipedrive__person_emails
WHERE email IN (SELECT unnest($emails::VARCHAR[]))
"""
MEMBERS = """
SELECT DISTINCT list_id_mailchimp, member_id_mailchimp FROM published.staging.mailchimp__members
WHERE email IN (SELECT unnest($emails::VARCHAR[]))
"""
PLACES = """
SELECT DISTINCT list_id_mailchimp, email FROM published.staging.mailchimp__members
WHERE member_id_mailchimp IN (SELECT unnest($members::VARCHAR[]))
"""
TO_BE_MADE = "SELECT DISTINCT email FROM plan.persons WHERE action = 'create'"
KNOWN_PERSONS = "SELECT person_id_pipedrive FROM staging.pipedrive__persons"
READ_UNTIL = "SELECT max(fetched_at) FROM published.raw.pipedrive__persons"
COPIES = """
CREATE OR REPLACE TABLE raw.mailchimp__members AS
FROM published.raw.mailchimp__members WHERE contact_id IN (SELECT unnest($ids::VARCHAR[]))
"""
# Who is in a filter or a segment is the last walk's word.
WALKED_FILTERS = """
CREATE OR REPLACE TABLE staging.pipedrive__filter_members AS
FROM published.staging.pipedrive__filter_members
WHERE person_id_pipedrive IN (SELECT unnest($ids::BIGINT[]))
"""
WALKED_SEGMENTS = """
CREATE OR REPLACE TABLE staging.mailchimp__segment_members AS
FROM published.staging.mailchimp__segment_members AS s
SEMI JOIN staging.mailchimp__members AS m
    ON m.list_id_mailchimp = s.list_id_mailchimp AND m.member_id_mailchimp = s.member_id_mailchimp
"""
