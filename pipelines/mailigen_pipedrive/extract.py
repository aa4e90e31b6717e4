"""Read both accounts into `raw`, and be sure that nothing is missing.

Persons are walked filter by filter; whoever we keep on the list and did not meet is asked
for by id, because absence from a filter is not a deletion. The list is read in all four
statuses and counted against what Mailigen says it holds.
"""

from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.errors import Gone
from connectors.pipedrive import LAST_CONTACT, Written
from pipelines.mailigen_pipedrive.bind import BoundBot
from pipelines.mailigen_pipedrive.life import barred_by_now, is_running
from pipelines.mailigen_pipedrive.sweep import SYNC, Sweep
from pipelines.pages import in_pages, told
from pipelines.pipedrive_side.walks import (
    FilterProblemError,
    noting_ids,
    pages_of_all,
    pages_of_filter,
)
from pipelines.report import counted
from pipelines.sweep import IncompleteError
from state.raw import put_raw, put_written
from transforms.build import build, number

STATUSES = ("subscribed", "unsubscribed", "inactive", "bounced")
KEYS = {
    "pipedrive__persons": {"id": "BIGINT"},
    "pipedrive__filter_members": {"filter_id": "BIGINT", "person_id": "BIGINT"},
    "pipedrive__confirmations": {"person_id": "BIGINT"},
    "pipedrive__activities": {"id": "BIGINT"},
    "pipedrive__organizations": {"id": "BIGINT"},
    "pipedrive__users": {"id": "BIGINT"},
    "pipedrive__fields": {"entity": "VARCHAR", "field_code": "VARCHAR"},
    "pipedrive__holders": {"id": "BIGINT"},
    "mailigen__members": {"email": "VARCHAR", "status": "VARCHAR"},
    "mailigen__newcomers": {"email": "VARCHAR"},
}  # what identifies a record of each raw table
EARLIER = timedelta(hours=1)  # more than two clocks differ by
MANY_ORGANIZATIONS = 500  # above, walking all costs fewer calls than asking by id

# Members that were put on the list: of those in doubt nobody knows.
OURS = (
    "SELECT email, written_at FROM staging.syncline__members "
    "WHERE state NOT IN ('sending', 'unknown')"
)
# Persons whose subscriber we keep; and those that a deed is planned for, asked for only once.
KEPT = """
SELECT c.person_id_pipedrive
FROM staging.syncline__contacts AS c
INNER JOIN staging.syncline__members AS m ON m.contact_id = c.contact_id
"""
PLANNED_FOR = """
SELECT p.person_id_pipedrive
FROM (
    SELECT person_id_pipedrive FROM plan.activities
    UNION SELECT person_id_pipedrive FROM plan.deals
    UNION SELECT person_id_pipedrive FROM plan.notes
) AS p
ANTI JOIN staging.pipedrive__confirmations AS k ON k.person_id_pipedrive = p.person_id_pipedrive
"""


class ShortListError(IncompleteError):
    """The vendor counts more subscribers than it lists."""


def account(
    sweep: Sweep, users: Iterable[dict[str, Any]], fields: Iterable[dict[str, Any]]
) -> None:
    """Keep the account's users and fields (each with its `entity`), read when names were bound."""
    _put(sweep, "pipedrive__users", users)
    _put(sweep, "pipedrive__fields", fields)


def people(sweep: Sweep) -> None:
    """Walk the persons each active bot selects; suspend bots whose filter cannot be walked."""
    everybody = is_everybody_read(sweep)
    if everybody:
        pages = pages_of_all(sweep.crm, sweep.erased, None, LAST_CONTACT)
        _put_persons(sweep, told(sweep.tell, "persons", pages))
    walked: dict[int, Sequence[int]] = {}
    is_more = everybody
    for filter_id in sorted({b.filter_id for b in _walkable(sweep) if b.filter_id is not None}):
        found = _walk_filter(sweep, filter_id, is_more=is_more, is_kept=not everybody)
        if found is not None:
            walked[filter_id], is_more = found, True
    if not is_more:
        _put_persons(sweep, [])  # nobody: an earlier run's must not stay
    members = ({"filter_id": f, "person_id": one} for f, found in walked.items() for one in found)
    _put(sweep, "pipedrive__filter_members", members)
    build(
        sweep.db, SYNC, "staging.pipedrive__persons", "staging.pipedrive__person_emails",
        "staging.pipedrive__filter_members",
    )  # fmt: skip
    sweep.tell("extract", f"{_count(sweep, 'staging.pipedrive__persons')} persons read")


def _walk_filter(
    sweep: Sweep, filter_id: int, *, is_more: bool, is_kept: bool
) -> Sequence[int] | None:
    """Whom a filter selects; None when it cannot be walked, and its bots are suspended then."""
    found = array("q")
    walked = pages_of_filter(sweep.crm, sweep.erased, filter_id, LAST_CONTACT)
    pages = noting_ids(walked, found)
    try:
        if is_kept:
            _put_persons(sweep, pages, is_more=is_more)
        else:
            deque(pages, maxlen=0)
    except FilterProblemError as problem:
        suspend(sweep, [b for b in sweep.names.bots if b.filter_id == filter_id], str(problem))
        return None
    return found


def suspend(sweep: Sweep, bots: Iterable[BoundBot], problem: str) -> None:
    """Leave bots out of this run. Nothing of theirs changes: a dead filter selects nobody."""
    for one in bots:
        sweep.suspended[one.bot.id] = problem
        sweep.warn(
            f"bot {one.bot.id}",
            f"is paused: {problem}",
            "restore the filter or choose another one; the bot goes on by itself",
        )


def details(sweep: Sweep) -> None:
    """Read what only some persons need: last activities of the tied, organizations, the missing."""
    tied = [
        int(row[0])
        for row in sweep.db.execute(
            """
            WITH tied AS (
                SELECT email FROM resolve.addresses
                WHERE skip_reason IS NULL GROUP BY email HAVING count(*) > 1
            )
            SELECT DISTINCT p.last_activity_id_pipedrive
            FROM tied AS t
            INNER JOIN resolve.addresses AS a ON a.email = t.email
            INNER JOIN staging.pipedrive__persons AS p
                ON p.person_id_pipedrive = a.person_id_pipedrive
            WHERE p.last_activity_id_pipedrive IS NOT NULL
            """
        ).fetchall()
    ]
    _put(sweep, "pipedrive__activities", _flat(sweep.crm.activities_by_id(tied)) if tied else [])
    _put(sweep, "pipedrive__organizations", _organizations(sweep))
    _put(sweep, "pipedrive__confirmations", list(_confirmations(sweep, _missing(sweep, KEPT))))


def absent_doers(sweep: Sweep) -> bool:
    """Ask for the persons that something is planned for and whom no walk returned; whether there
    were any. A person merged or deleted since can take no note."""
    missing = _missing(sweep, PLANNED_FOR)
    if missing:
        _put(sweep, "pipedrive__confirmations", _confirmations(sweep, missing), is_more=True)
    return bool(missing)


def _organizations(sweep: Sweep) -> Iterable[dict[str, Any]]:
    wanted = any(f.entity == "organization" or f.field_type == "org" for f in sweep.names.fields)
    if not wanted:
        return []
    ids = [
        int(row[0])
        for row in sweep.db.execute(
            "SELECT DISTINCT organization_id_pipedrive FROM staging.pipedrive__persons "
            "WHERE organization_id_pipedrive IS NOT NULL"
        ).fetchall()
    ]
    if len(ids) > MANY_ORGANIZATIONS:
        return _flat(sweep.crm.organizations())
    return _flat(sweep.crm.organizations_by_id(ids)) if ids else []


def _missing(sweep: Sweep, wanted: str) -> set[int]:
    found = sweep.db.execute(
        f"""
        SELECT w.person_id_pipedrive FROM ({wanted}) AS w
        ANTI JOIN staging.pipedrive__persons AS p
            ON p.person_id_pipedrive = w.person_id_pipedrive
        WHERE w.person_id_pipedrive IS NOT NULL
        """
    ).fetchall()
    return {int(row[0]) for row in found}


def _confirmations(sweep: Sweep, missing: set[int]) -> Iterator[dict[str, Any]]:
    """Ask for each of these persons, whom no walk returned.

    First by the hundred, which shows the living; then, one by one, those left over.
    """
    living = {
        int(record["id"])
        for record in _flat(sweep.crm.persons_by_id(sorted(missing), ()) if missing else iter(()))
        if not record.get("is_deleted")
    }
    for person_id in sorted(missing):
        yield {"person_id": person_id, "is_gone": _is_gone(sweep, person_id, living)}


def _is_gone(sweep: Sweep, person_id: int, living: set[int]) -> bool:
    if person_id in living:
        return False
    try:
        sweep.crm.person(person_id)
    except Gone:
        return True
    return False


def members(sweep: Sweep) -> None:
    """Read the list in all statuses, and ask for our members that no status listed."""
    list_id = sweep.names.list_id
    if list_id is None:
        _put(sweep, "mailigen__members", [])
        sweep.db.execute("CREATE OR REPLACE TABLE staging.syncline__removed (email VARCHAR)")
        return
    try:
        _put(sweep, "mailigen__members", _listed(sweep, list_id))
    except ShortListError:
        # Somebody may have joined or left while we read: only twice short is short.
        _put(sweep, "mailigen__members", _listed(sweep, list_id))
    count = _count(sweep, "raw.mailigen__members")
    found, removed = _unlisted(sweep, list_id)
    if found:
        _put(sweep, "mailigen__members", found, is_more=True)
    sweep.db.execute("CREATE OR REPLACE TABLE staging.syncline__removed (email VARCHAR)")
    if removed:
        sweep.db.executemany(
            "INSERT INTO staging.syncline__removed VALUES (?)", [[e] for e in removed]
        )
    sweep.tell("extract", f"{counted(count, 'address', 'addresses')} on the list")


def _listed(sweep: Sweep, list_id: str) -> Iterator[dict[str, Any]]:
    """Everybody on the list; ShortListError after the last, where the vendor counts more."""
    subscribed = 0
    for status in STATUSES:
        for page in sweep.engagement.members(list_id, status):  # type: ignore[arg-type]
            subscribed += len(page) if status == "subscribed" else 0
            for row in page:
                yield {"email": str(row["email"]), "status": status}
    if said := _shortfall(sweep, list_id, subscribed):
        raise ShortListError(said)


def _shortfall(sweep: Sweep, list_id: str, got: int) -> str:
    """What is missing by the vendor's own count; '' when nothing is (ALL-09)."""
    mine = next((one for one in sweep.engagement.lists() if str(one["id"]) == list_id), None)
    if mine is None or mine.get("member_count") is None:
        return ""
    claimed = int(mine["member_count"])
    if got >= claimed:
        return ""
    return (
        f"Mailigen says the list has {claimed} subscribers and listed {got}: "
        "nothing was planned. Run again; if it stays so, tell the vendor's support"
    )


def _unlisted(sweep: Sweep, list_id: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Return (members the listings missed, addresses somebody took off the list by hand).

    A member we wrote within the horizon may simply not be listed yet: it counts as there, unless
    it was seen leaving since. Counted as subscribed, who left would seem to have come back.
    """
    horizon = sweep.horizons[sweep.engagement_account]
    ours = number(sweep.db, f"SELECT count(*) FROM ({OURS})")
    missed = sweep.db.execute(
        f"FROM ({OURS}) AS m ANTI JOIN raw.mailigen__members AS r ON lower(trim(r.email)) = m.email"
    ).fetchall()
    left = barred_by_now(sweep, [email for email, _ in missed])
    found, removed = [], []
    for email, written_at in missed:
        record = sweep.engagement.member(list_id, email)
        if record is not None:
            found.append({"email": email, "status": str(record.get("status", "subscribed"))})
        elif email not in left and written_at and _age_s(sweep, written_at) < horizon:
            found.append({"email": email, "status": "subscribed"})
        else:
            removed.append(email)
    limits = sweep.definition.guards
    if len(removed) > max(limits.max_deletes, limits.max_delete_share * ours):
        raise IncompleteError(
            f"Mailigen no longer holds {len(removed)} of the {ours} members this sync put on "
            "the list. Taken as removed by hand they would be barred for good, so nothing was "
            "planned. If somebody did remove them, raise guards.max_deletes for one run"
        )
    return found, removed


def _age_s(sweep: Sweep, written_at: datetime) -> float:
    return (sweep.engagement.vendor_now() - written_at).total_seconds()


def holders(sweep: Sweep, emails: Sequence[str]) -> None:
    """Keep which persons of the whole CRM have one of the addresses, as any of theirs.

    Nobody is read without an address to look for. Where a bot had everybody read before the list
    was, only who changed since then is: a form may make subscriber and person at one moment.
    """
    wanted = set(emails)
    since = None
    if is_everybody_read(sweep):
        offset = timedelta(seconds=sweep.crm.clock_offset())
        since = sweep.read_at + offset - EARLIER
    pages = sweep.crm.persons(None, since, ()) if wanted else iter(())
    found = (
        {"id": record["id"], "emails": record["emails"]}
        for page in told(sweep.tell, "persons of the CRM", pages)
        for record in page
        if not record.get("is_deleted") and wanted & _emails_of(record)
    )
    _put(sweep, "pipedrive__holders", found)


def is_everybody_read(sweep: Sweep) -> bool:
    """Whether staging.pipedrive__persons is the whole CRM: a bot that is walked for selects all."""
    return any(b.filter_id is None for b in _walkable(sweep))


def _walkable(sweep: Sweep) -> list[BoundBot]:
    return [
        b for b in sweep.names.bots
        if is_running(sweep.known_bots[b.bot.id]) and b.bot.id not in sweep.suspended
    ]  # fmt: skip


def _emails_of(record: dict[str, Any]) -> set[str]:
    entries = record.get("emails") or []
    return {str(entry.get("value") or "").strip().lower() for entry in entries}


def newcomers(sweep: Sweep, emails: Sequence[str], phone_tag: str) -> None:
    """Ask for the values these addresses gave when they joined: a call each."""
    rows = []
    for count, email in enumerate(emails, 1):
        record = sweep.engagement.member(str(sweep.names.list_id), email) or {}
        merges = record.get("merges") or {}
        rows.append(
            {
                "email": email,
                "status": record.get("status", "subscribed") if record else None,
                "shown_email": record.get("email"),
                "merges": merges,
                "phone": merges.get(phone_tag),
            }
        )
        sweep.tell("extract", "newcomers asked for", count, len(emails))
    _put(sweep, "mailigen__newcomers", rows)


def _put_persons(sweep: Sweep, pages: Iterable[list[Written]], *, is_more: bool = False) -> None:
    table = "pipedrive__persons"
    put_written(
        sweep.db, table, pages, keys=KEYS[table], run_id=sweep.run_id, fetched_at=sweep.read_at,
        mode="merge" if is_more else "replace",
    )  # fmt: skip


def _flat(pages: Iterable[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [record for page in pages for record in page]


def _put(
    sweep: Sweep, table: str, records: Iterable[dict[str, Any]], *, is_more: bool = False
) -> None:
    put_raw(
        sweep.db, table, in_pages(sweep.erased.without(records)), keys=KEYS[table],
        run_id=sweep.run_id, fetched_at=sweep.read_at, mode="merge" if is_more else "replace",
    )  # fmt: skip


def _count(sweep: Sweep, table: str) -> int:
    return int(number(sweep.db, f"SELECT count(*) FROM {table}"))
