"""What somebody was already called for, so that a trouble that lasts is told once.

A notice is a cursor: how far a sync's operator has been told. Its value names the trouble, so
that the next one of the kind is another.
"""

from state import cursors
from state.cursors import NO_FILE, Cursor
from state.database import State


def was_told(state: State, sync: str, kind: str, trouble: str) -> bool:
    return bool(cursors.read(state, sync, _stream(kind), NO_FILE) == trouble)


def tell(state: State, sync: str, kind: str, trouble: str) -> None:
    """Note that the call went through; one that did not is made again by the next run."""
    with state.write() as db:
        cursors.store(db, state, sync, Cursor(_stream(kind), trouble, NO_FILE))


def _stream(kind: str) -> str:
    return f"told|{kind}"
