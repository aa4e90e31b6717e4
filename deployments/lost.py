"""Whether the state database was lost or is an old one: told by what else a home holds.

    no database, and a history or a keep file   it was lost
    the history has a run, the database not     it was lost, or restored from an older backup
    the keep file has active bots, it has none  the same, and the history with it
    an adoption that did not end                nothing may run before it has

Nothing is created or written, and no vendor is asked.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from pipelines.forgotten import Old, old_state
from pipelines.settings import Settings
from state import bots, keep, restore
from state.database import State, open_state
from state.doubts import known_syncs

LAST_RUN = "SELECT run_id FROM {schema}.runs ORDER BY sweep DESC LIMIT 1"


def all_lost(settings: Settings) -> list[Old]:
    """Each sync that cannot run before its state is back, whether or not there is a database."""
    if not settings.has_state:
        return lost_without_a_trace(settings)
    with closing(open_state(settings.state_url)) as state:
        return list(lost_syncs(settings, state))


def lost_without_a_trace(settings: Settings) -> list[Old]:
    """Of a home without a database: each sync that has worked there."""
    home = settings.home
    found = {file.stem: f"history/{file.name}" for file in sorted(home.glob("history/*.duckdb"))}
    found = dict.fromkeys(_active_in_keep(home), "keep.jsonl") | found
    return [
        Old(
            f"there is no database, and {file} is there: it was lost, and a run of {sync} would "
            "know nothing of what was written",
            f"put the database back from a backup, or: syncline adopt {sync}",
        )
        for sync, file in sorted(found.items())
    ]


def lost_syncs(settings: Settings, state: State) -> Iterator[Old]:
    """Each sync whose state is older than what else is known of it, or half rebuilt."""
    home = settings.home
    histories = {file.stem for file in home.glob("history/*.duckdb")}
    kept = _active_in_keep(home)
    for sync in sorted({*histories, *kept, *known_syncs(state)}):
        if old := old_state(state, sync, _last_run(home, sync)):
            yield old
        elif sync in kept and _knows_nothing(state, sync):
            yield Old(
                f"keep.jsonl has active bots of {sync}, the database has none: it was lost",
                f"syncline adopt {sync}",
            )


def _knows_nothing(state: State, sync: str) -> bool:
    if restore.adoption(state, sync) or restore.obstacle(state, sync):
        return False
    return all(bot.state == "new" for bot in bots.bots(state, sync))


def _active_in_keep(home: Path) -> set[str]:
    """Syncs of which the keep file says that a bot ran."""
    activations = keep.standings(home)["activation"].values()
    return {str(line["sync"]) for line in activations if line.get("state") != "new"}


def _last_run(home: Path, sync: str) -> str | None:
    """The newest run of a sync's history; None too while a first run holds the file."""
    import duckdb

    name = f"{sync}.duckdb"
    for file, schema in ((home / "published" / name, "history"), (home / "history" / name, "main")):
        if not file.exists():
            continue
        try:
            with duckdb.connect(str(file), read_only=True) as db:
                rows = db.execute(LAST_RUN.format(schema=schema)).fetchall()
        except duckdb.Error:
            continue
        return str(rows[0][0]) if rows else None
    return None
