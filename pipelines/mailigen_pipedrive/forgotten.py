"""Notice before the first write that the state database was lost, whatever is left of the rest.

    an adoption died half-way            the state says so: adopt again
    the history knows a run, we do not   the state was lost, or an old backup put back
    the list carries our bots' source,   the state was lost, and the history with it
      and we never wrote to it

The last is asked of the list itself, and only while a sync has written nothing yet: a few
members that the CRM knows are read. A really first run is let go: its list has no `SOURCE`, or
one with other bots' names, as another installation leaves it. Two installations with bots of
one name on one list cannot be told apart; they would undo each other's work anyway.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import duckdb

from pipelines.accounts import Credentials
from pipelines.mailigen_pipedrive.sweep import Sweep
from state import grants, restore, runs
from state.database import State
from state.errors import HistoryDamaged
from transforms.build import number

NONE_KNOWN: Mapping[str, Credentials] = MappingProxyType({})
LOOKS = 20  # members of the list that are asked for their source


class Old(NamedTuple):
    """Why no run may begin with this state, and what puts it right."""

    said: str
    remedy: str


def refuse_old_state(
    state: State, sync: str, db: duckdb.DuckDBPyConnection,
    credentials: Mapping[str, Credentials] = NONE_KNOWN,
) -> None:  # fmt: skip
    """Raise HistoryDamaged when an adoption is half done or the history is ahead of the state.

    The sentence names those of the credentials that were lost with the state.
    """
    query = "SELECT run_id FROM history.runs ORDER BY sweep DESC LIMIT 1"
    last = next((str(run_id) for (run_id,) in db.execute(query).fetchall()), None)
    if old := old_state(state, sync, last, credentials):
        raise HistoryDamaged(f"{old.said}. {old.remedy}; nothing was read or written")


def old_state(
    state: State, sync: str, last_run: str | None,
    credentials: Mapping[str, Credentials] = NONE_KNOWN,
) -> Old | None:  # fmt: skip
    """Say what a state has not got, given the last run that the history of its sync has."""
    if restore.adoption(state, sync) == "":
        said = f"rebuilding the state of {sync} was begun and did not end"
        return Old(said, f"`syncline adopt {sync}` again, before any run")
    if last_run is None or runs.is_known(state, last_run):
        return None
    said = (
        f"the history of {sync} has run {last_run}, the state database has not: the state was "
        "lost, or restored from an older backup. What was written since then is unknown to it and "
        "would be written twice"
    )
    return Old(said, _remedy(state, sync, credentials))


def refuse_known_list(sweep: Sweep) -> None:
    """Raise HistoryDamaged when the list shows our bots' work and the state knows of none."""
    name, list_id = sweep.definition.name, sweep.names.list_id
    written = number(sweep.db, "SELECT count(*) FROM staging.syncline__settings")
    if written or list_id is None or restore.adoption(sweep.state, name) is not None:
        return
    tags = {str(var.get("tag")) for var in sweep.engagement.merge_vars(list_id)}
    if "SOURCE" not in tags:
        return
    ours = {bot.id for bot in sweep.definition.bots}
    for (email,) in sweep.db.execute(KNOWN_MEMBERS, [LOOKS]).fetchall():
        record = sweep.engagement.member(list_id, email) or {}
        if named := bots_in(source_of(record)) & ours:
            raise HistoryDamaged(
                f"the list already carries the source of {', '.join(sorted(named))}, and the "
                f"state database knows of nothing that {name} wrote: it was lost, and the history "
                f"with it. Rebuild it: `syncline adopt {name}`; nothing was written"
            )


def source_of(record: object) -> str:
    """The source value of a member as the vendor shows it; '' for none."""
    merges = record.get("merges") if isinstance(record, dict) else None
    return str((merges or {}).get("SOURCE") or "") if isinstance(merges, dict | None) else ""


def bots_in(source: str) -> set[str]:
    """The bots a source names.

    >>> sorted(bots_in("Pipedrive|customers|partners")), bots_in("Shop|x")
    (['customers', 'partners'], set())
    """
    first, *named = source.split("|")
    return set(named) if first == "Pipedrive" else set()


def _remedy(state: State, sync: str, credentials: Mapping[str, Credentials]) -> str:
    if restore.obstacle(state, sync):
        return (
            "Restore state database and history from one backup; without one, put the state "
            f"database aside and `syncline adopt` each sync it held, {sync} among them"
        )
    lost = [
        f"`syncline connect {one.connection}`" for one in credentials.values()
        if not one.secret and not grants.is_kept(state, one.connection)
    ]  # fmt: skip
    first = f"{', '.join(lost)} first (its grant was lost too), then " if lost else ""
    return f"Rebuild it: {first}`syncline adopt {sync}`"


# Evenly over the list: those who were on it before the sync came first would all look alike.
KNOWN_MEMBERS = """
WITH known AS (
    SELECT DISTINCT m.email FROM staging.mailigen__members AS m
    INNER JOIN staging.pipedrive__person_emails AS p ON p.email = m.email
)
SELECT email FROM known ORDER BY sha256(email) LIMIT ?
"""
