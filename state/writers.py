"""A sync has two writers, which may work side by side: its sweeps, and its real-time windows.

Each works under a lease of its own and plans rows of one ledger; a row is whose planned it last.
"""

from collections.abc import Collection

from sqlalchemy import Select, Table


def window_name(sync: str) -> str:
    """What the windows of a sync are called where syncs are: no sync can be called that."""
    return f"{sync}:window"


def writers(sync: str) -> tuple[str, str]:
    return sync, window_name(sync)


def of_subjects(
    query: Select[tuple[object, ...]], table: Table, subjects: Collection[str] | None
) -> Select[tuple[object, ...]]:
    """The rows of these contacts alone; of all where none are named."""
    return query if subjects is None else query.where(table.c.subject.in_(subjects))
