"""A sync has two writers, which may work side by side: its sweeps, and its real-time windows.

Each works under a lease of its own and plans rows of one ledger; a row is whose planned it last.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Select, Table

WINDOW = ":window"


def window_name(sync: str) -> str:
    """What the windows of a sync are called where syncs are: no sync can be called that."""
    return f"{sync}{WINDOW}"


def sync_of(writer: str) -> str:
    """The sync whose sweeps or windows write under that name.

    >>> sync_of(window_name("acme-audience")), sync_of("acme-audience")
    ('acme-audience', 'acme-audience')
    """
    return writer.removesuffix(WINDOW)


def writers(sync: str) -> tuple[str, str]:
    return sync, window_name(sync)


def of_subjects(
    query: "Select[tuple[object, ...]]", table: "Table", subjects: Collection[str] | None
) -> "Select[tuple[object, ...]]":
    """The rows of these contacts alone; of all where none are named."""
    return query if subjects is None else query.where(table.c.subject.in_(subjects))
