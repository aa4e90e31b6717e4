"""What an audit tells of people's own edits and deletions: whose, which fields, where to look.

Vendors' ids, tags and field names only: these lines stand on the run's page and in its log.
"""

from collections.abc import Mapping

import duckdb

from pipelines.definition import Connections
from pipelines.pipedrive_side.remote_ids import is_possible
from pipelines.report import Finding, counted
from state import identity
from state.database import State
from state.lease import Lease

TOLD = 20  # lines; history.findings has all
# Double, lost and breached are told by their counts, and need a person.
BY_PEOPLE = {"drift": "edited", "deleted": "deleted"}
EDITS = """
SELECT finding, object, coalesce(remote_ids[1], ''), subject, said
FROM audit.found
WHERE finding IN ('drift', 'deleted')
ORDER BY finding, object, subject, remote_ids[1]
"""
PLACES = ("list_member", "audience_member")
# What a deed or the fields of a person are called in the ledger, and what `explain` calls them.
PEOPLE = {"person": "person", "audience_person": "person"}
THINGS = ("activity", "deal", "note")


def by_people(db: duckdb.DuckDBPyConnection, lease: Lease, accounts: Connections) -> list[Finding]:
    """A line for each thing that somebody edited or deleted, up to TOLD, or named wrongly."""
    rows, sync = db.execute(EDITS).fetchall(), lease.sync
    people = _people(lease.state, accounts) if rows else {}
    told = []
    for finding, thing, remote_id, subject, said in rows[:TOLD]:
        person = people.get(subject)
        key = f"person {person}" if person else subject
        named = PEOPLE.get(thing, thing)
        what = f"member of {key}" if thing in PLACES else f"{named} {remote_id}"
        if remote_id and (thing in THINGS or thing in PEOPLE):
            key = what
        told.append(Finding("warn", f"{finding}: {what}", said, f"syncline explain {sync} {key}"))
    if len(rows) > TOLD:
        more = f"{len(rows) - TOLD} more were edited or deleted by somebody"
        told.append(Finding("warn", "drift", more, look_up(sync)))
    return [*told, *_impossible_ids(db)]


def _impossible_ids(db: duckdb.DuckDBPyConnection) -> list[Finding]:
    """A line for each deed that a person once tied to what can be no id; it is not looked for."""
    rows = db.execute("SELECT write_key, object, remote_id FROM audit.deeds ORDER BY ALL")
    return [
        Finding("warn", f"id of {key}", f"{remote_id!r} is the id of no {noun}; not looked for",
                f"syncline settle '{key}' --happened --id NUMBER")
        for key, noun, remote_id in rows.fetchall()
        if remote_id and not is_possible(noun, remote_id)
    ]  # fmt: skip


def _people(state: State, accounts: Connections) -> dict[str, str]:
    """Who speaks for each contact, by Pipedrive's id: a kind founds its contacts in either
    account."""
    known = [
        row for account in (accounts.crm, accounts.engagement)
        for row in identity.read_links(state, account).to_pylist()
    ]  # fmt: skip
    return {row["contact_id"]: row["remote_id"] for row in known if row["object"] in PEOPLE}


def by_people_in_short(counts: Mapping[str, int]) -> str:
    """`; 2 writes edited and 1 write deleted by somebody`, '' for none."""
    found = [
        f"{counted(counts[kind], 'write')} {verb}" for kind, verb in BY_PEOPLE.items()
        if counts.get(kind)
    ]  # fmt: skip
    return f"; {' and '.join(found)} by somebody" if found else ""


def look_up(sync: str) -> str:
    return f'syncline sql {sync} "from history.findings where closed_at is null"'
