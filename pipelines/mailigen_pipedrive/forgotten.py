"""Notice before the first write that state and history were lost: the list itself tells.

The list carries our bots' source, and we never wrote to it. Asked only while a sync has written
nothing yet: a few members that the CRM knows are read. A really first run is let go: its list has
no `SOURCE`, or one with other bots' names, as another installation leaves it. Two installations
with bots of one name on one list cannot be told apart; they would undo each other's work anyway.
"""

from pipelines.mailigen_pipedrive.sweep import Sweep
from state import restore
from state.errors import HistoryDamaged
from transforms.build import number

LOOKS = 20  # members of the list that are asked for their source


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


# Evenly over the list: those who were on it before the sync came first would all look alike.
KNOWN_MEMBERS = """
WITH known AS (
    SELECT DISTINCT m.email FROM staging.mailigen__members AS m
    INNER JOIN staging.pipedrive__person_emails AS p ON p.email = m.email
)
SELECT email FROM known ORDER BY sha256(email) LIMIT ?
"""
