"""Read both accounts into `raw`: whole once, then what changed since.

    persons    all of them, then by update time; filters walked at every run
    audiences  all members, archived ones too, then by last change; segments walked at every run;
               of the account's other audiences whoever left
    deals      by update time, and the stage history of those whose stage moved

A cursor vouches for one work file: without it everything is read again. Nothing is concluded
from who is missing in what changed; `confirm` asks for those by id before they are written.
"""

from array import array
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.errors import Gone
from connectors.mailchimp.client import Status
from connectors.pipedrive import Written
from pipelines.mailchimp_pipedrive.bind import BoundFlow
from pipelines.mailchimp_pipedrive.config import Filters, SegmentsOrTags
from pipelines.mailchimp_pipedrive.life import is_served
from pipelines.mailchimp_pipedrive.sweep import SYNC, Sweep
from pipelines.pages import in_pages, told
from pipelines.pipedrive_side.walks import (
    FilterProblemError,
    noting_ids,
    pages_of_all,
    pages_of_filter,
)
from pipelines.report import counted
from pipelines.sweep import IncompleteError
from state import cursors
from state.raw import put_raw, put_written
from transforms.build import build, number

KEYS = {
    "pipedrive__persons": {"id": "BIGINT"},
    "pipedrive__filter_members": {"filter_id": "BIGINT", "person_id": "BIGINT"},
    "mailchimp__members": {"list_id": "VARCHAR", "contact_id": "VARCHAR"},
    "mailchimp__left_elsewhere": {"list_id": "VARCHAR", "contact_id": "VARCHAR"},
    "mailchimp__segment_members": {
        "list_id": "VARCHAR", "segment_id": "BIGINT", "id": "VARCHAR",
    },
}  # fmt: skip
LEAVERS: tuple[Status, ...] = ("unsubscribed", "cleaned", "archived")
# More than two clocks differ by, and than a list of the CRM lags behind its writes.
OVERLAP = timedelta(minutes=10)
HELD_MEMBERS = """
SELECT body ->> '$.status', count(*) FROM raw.mailchimp__members WHERE list_id = ? GROUP BY ALL
"""
TO_BE_WRITTEN = """
SELECT DISTINCT person_id_pipedrive FROM (
    SELECT person_id_pipedrive FROM plan.members WHERE action IN ('create', 'update', 'move')
    UNION ALL SELECT person_id_pipedrive FROM plan.persons WHERE action = 'update'
) AS p
INNER JOIN raw.pipedrive__persons AS r ON r.id = p.person_id_pipedrive
WHERE r.run_id <> ?
"""


def persons(sweep: Sweep) -> None:
    """Bring the persons up to date, and walk the filters that flows select by."""
    since = _since(sweep, "persons")
    pages = told(sweep.tell, "persons", pages_of_all(sweep.crm, sweep.erased, since))
    read = _put_persons(sweep, pages, whole=since is None)
    sweep.cursors.append(("persons", _moment(sweep.crm.vendor_now())))
    members: list[tuple[int, Sequence[int]]] = []
    walked: set[int] = set()
    others: set[int] = set()
    for bound in sweep.names.flows:
        if not isinstance(bound.flow.trigger, Filters):
            continue
        if is_served(sweep, bound.flow.id):
            members += _walk_filters(sweep, bound)
            walked |= set(bound.filter_ids)
        else:
            others |= set(bound.filter_ids)
    rows = (
        [{"filter_id": filter_id, "person_id": one} for one in some]
        for filter_id, selected in members
        for some in in_pages(selected)
    )
    _put_walks(sweep, "pipedrive__filter_members", rows, "filter_id::VARCHAR", others - walked)
    build(
        sweep.db, SYNC, "staging.pipedrive__persons", "staging.pipedrive__person_emails",
        "staging.pipedrive__filter_members",
    )  # fmt: skip
    sweep.tell("extract", f"{counted(read, 'person')} read")


def _walk_filters(sweep: Sweep, bound: BoundFlow) -> list[tuple[int, Sequence[int]]]:
    """Whom each of a flow's filters selects; a flow whose last one dies meanwhile is suspended."""
    found: list[tuple[int, Sequence[int]]] = []
    problems = []
    for filter_id in bound.filter_ids:
        try:
            found.append((filter_id, _walk_filter(sweep, filter_id)))
        except FilterProblemError as problem:
            problems.append(str(problem))
    if problems and len(problems) == len(bound.filter_ids):
        sweep.suspended[bound.flow.id] = problems[0]
        sweep.warn(f"flow {bound.flow.id}", f"is paused: {problems[0]}", "restore the filter")
        return []
    return found


def _walk_filter(sweep: Sweep, filter_id: int) -> Sequence[int]:
    """Keep the persons of a filter; their ids."""
    found = array("q")
    pages = pages_of_filter(sweep.crm, sweep.erased, filter_id)
    _put_persons(sweep, noting_ids(pages, found), whole=False)
    return found


def audiences(sweep: Sweep) -> None:
    """Bring the members of every audience up to date, and walk the segments and tags."""
    _put(sweep, "mailchimp__members", [], whole=False)  # the table, should none be read
    for list_id in sweep.names.list_ids:
        _members(sweep, list_id)
    _leavers_elsewhere(sweep)
    served = _segments(sweep, served=True)
    walked = (
        [{"list_id": list_id, "segment_id": segment_id, "id": one["id"]} for one in page]
        for list_id, segment_id in served
        for page in sweep.engagement.segment_members(list_id, segment_id, every_state=True)
    )
    left_alone = {
        f"{list_id}/{segment_id}"
        for list_id, segment_id in _segments(sweep, served=False)
        if (list_id, segment_id) not in served
    }
    place = "list_id || '/' || segment_id"
    _put_walks(sweep, "mailchimp__segment_members", walked, place, left_alone)
    build(
        sweep.db, SYNC, "staging.mailchimp__members", "staging.mailchimp__segment_members",
    )  # fmt: skip
    count = number(sweep.db, "SELECT count(*) FROM staging.mailchimp__members")
    sweep.tell("extract", f"{counted(int(count), 'contact')} of audiences known")


def _members(sweep: Sweep, list_id: str) -> None:
    stream = f"members|{list_id}"
    since, began = _since(sweep, stream), sweep.engagement.vendor_now()
    # Erased contacts change nothing that a list of changes would show: then all of it is read.
    if (since is None or not _is_whole(sweep, list_id, since)) and not (
        _is_whole(sweep, list_id, None) or _is_whole(sweep, list_id, None)
    ):
        raise IncompleteError(
            f"Mailchimp counts other contacts of audience {list_id} than it listed: nothing "
            "was planned. Run again; if it stays so, tell the vendor's support"
        )
    sweep.cursors.append((stream, _moment(began)))


def _leavers_elsewhere(sweep: Sweep) -> None:
    """Bring up to date who left the audiences that no flow is about. Of those only the leavers are
    kept: bars are of the whole account, and whoever left one of them did so for all."""
    table = "mailchimp__left_elsewhere"
    _put(sweep, table, [], whole=False)  # the table, should there be no other audience
    sweep.db.execute(
        f"DELETE FROM raw.{table} WHERE list_id NOT IN (SELECT unnest(?::VARCHAR[]))",
        [list(sweep.names.elsewhere)],
    )
    for list_id in sweep.names.elsewhere:
        stream = f"left|{list_id}"
        since, began = _since(sweep, stream), sweep.engagement.vendor_now()
        if since is None:
            sweep.db.execute(f"DELETE FROM raw.{table} WHERE list_id = ?", [list_id])
        for status in LEAVERS if since is None else (None, "archived"):
            pages = (
                [record | {"list_id": list_id} for record in sweep.erased.without(page)]
                for page in sweep.engagement.members(list_id, status=status, since=since)
            )
            _put(sweep, table, pages, whole=False)
        sweep.cursors.append((stream, _moment(began)))
    sweep.db.execute(
        f"DELETE FROM raw.{table} WHERE body ->> '$.status' NOT IN (SELECT unnest(?::VARCHAR[]))",
        [list(LEAVERS)],
    )


def _is_whole(sweep: Sweep, list_id: str, since: datetime | None) -> bool:
    """Read who changed since then, or everybody; whether as many are held now as were counted.

    People join and leave meanwhile: held is what the audience counted before, or after, or
    anything in between.
    """
    before = _counted(sweep, list_id)
    _walk_members(sweep, list_id, since)
    if since is None:
        sweep.db.execute(
            "DELETE FROM raw.mailchimp__members WHERE list_id = ? AND run_id <> ?",
            [list_id, sweep.run_id],
        )
    after = _counted(sweep, list_id)
    held = dict(sweep.db.execute(HELD_MEMBERS, [list_id]).fetchall())
    # Whoever was erased on request is counted there and not held here.
    return bool(sweep.erased.hashes) or all(
        min(before[status], after[status]) <= held.get(status, 0)
        <= max(before[status], after[status])
        for status in before.keys() & after.keys()
    )  # fmt: skip


def _walk_members(sweep: Sweep, list_id: str, since: datetime | None) -> None:
    for status in (None, "archived"):
        pages = (
            [record | {"list_id": list_id} for record in sweep.erased.without(page)]
            for page in sweep.engagement.members(list_id, status=status, since=since)
        )
        _put(sweep, "mailchimp__members", told(sweep.tell, "contacts", pages), whole=False)


def _counted(sweep: Sweep, list_id: str) -> dict[str, int]:
    """Status -> how many the audience says it has, of those it counts."""
    stats = sweep.engagement.audience(list_id).get("stats") or {}
    counts = {
        "subscribed": "member_count", "unsubscribed": "unsubscribe_count",
        "cleaned": "cleaned_count",
    }  # fmt: skip
    found = {status: stats.get(name) for status, name in counts.items()}
    return {status: int(count) for status, count in found.items() if count is not None}


def _segments(sweep: Sweep, *, served: bool) -> list[tuple[str, int]]:
    """The segments and tags of the flows that this run deals with, or of the others; each once."""
    found = {
        (bound.list_id, segment_id): None
        for bound in sweep.names.flows
        if isinstance(bound.flow.trigger, SegmentsOrTags)
        and is_served(sweep, bound.flow.id) is served
        for segment_id in bound.segment_ids
    }
    return list(found)


def _put_walks(
    sweep: Sweep, table: str, pages: Iterable[list[dict[str, Any]]], place: str,
    left_alone: Iterable[object],
) -> None:  # fmt: skip
    """Store who was in what this run walked; of the flows it leaves alone the last walk stands,
    for the windows until the next. `place`: what was walked, in SQL."""
    _put(sweep, table, pages, whole=False)
    sweep.db.execute(
        f"DELETE FROM raw.{table} WHERE run_id <> ? AND NOT list_contains(?::VARCHAR[], {place})",
        [sweep.run_id, [str(one) for one in left_alone]],
    )


def confirm(sweep: Sweep) -> bool:
    """Read those by id that a write is planned for and that this run has not read; whether there
    were any. A deleted person is never mentioned by a list of changes."""
    rows = sweep.db.execute(TO_BE_WRITTEN, [sweep.run_id]).fetchall()
    wanted = [int(person_id) for (person_id,) in rows]
    if not wanted:
        return False
    living: set[int] = set()
    for page in sweep.crm.persons_by_id(wanted, ()):
        records = [record for record in page if not record.get("is_deleted")]
        _put(sweep, "pipedrive__persons", [records], whole=False)
        living |= {int(record["id"]) for record in records}
    gone = [
        person_id for person_id in wanted if person_id not in living and _is_gone(sweep, person_id)
    ]
    sweep.db.execute(
        "DELETE FROM raw.pipedrive__persons WHERE list_contains(?::BIGINT[], id)", [gone]
    )
    build(sweep.db, SYNC, "staging.pipedrive__persons", "staging.pipedrive__person_emails")
    return True


def _is_gone(sweep: Sweep, person_id: int) -> bool:
    try:
        sweep.crm.person(person_id)
    except Gone:
        return True
    return False


def _since(sweep: Sweep, stream: str) -> datetime | None:
    """From when on changes are to be read; None for everything."""
    if sweep.is_full:
        return None
    value = cursors.read(sweep.state, sweep.definition.name, stream, sweep.work_generation)
    if sweep.since is not None and value:
        return min(sweep.since, datetime.fromisoformat(value))
    return datetime.fromisoformat(value) - OVERLAP if value else None


def _moment(at: datetime) -> str:
    return at.isoformat()


def _put_persons(sweep: Sweep, pages: Iterable[list[Written]], *, whole: bool) -> int:
    table = "pipedrive__persons"
    return put_written(
        sweep.db, table, pages, keys=KEYS[table], run_id=sweep.run_id, fetched_at=sweep.read_at,
        mode="replace" if whole else "merge",
    )  # fmt: skip


def _put(sweep: Sweep, table: str, pages: Iterable[list[dict[str, Any]]], *, whole: bool) -> int:
    return put_raw(
        sweep.db, table, pages, keys=KEYS[table], run_id=sweep.run_id, fetched_at=sweep.read_at,
        mode="replace" if whole else "merge",
    )  # fmt: skip
