"""Notice before anything is read that the state database was lost, whatever is left of the rest.

    an adoption died half-way            the state says so: adopt again
    the history knows a run, we do not   the state was lost, or an old backup put back

A kind may look at the vendor's side too, where the history was lost with the state.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from pipelines.accounts import Credentials
from state import grants, restore, runs
from state.database import State
from state.errors import HistoryDamaged

if TYPE_CHECKING:
    import duckdb

NONE_KNOWN: Mapping[str, Credentials] = MappingProxyType({})


class Old(NamedTuple):
    """Why no run may begin with this state, and what puts it right."""

    said: str
    remedy: str


def refuse_old_state(
    state: State, sync: str, db: "duckdb.DuckDBPyConnection",
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
