"""When a deal came into which stage, read from its history. Pure.

A deal keeps the time of its last stage alone (`stage_change_time`). One that came into a stage
and went on while nobody listened is found by its changes: each names the stage before and after,
and what was before the first of them is where the deal was made.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

STAGE = "stage_id"


class Passage(NamedTuple):
    """The deal came into this stage then: by being made there, moved or brought back."""

    stage_id: int
    at: datetime


def passages(deal: Mapping[str, Any], changes: Iterable[Mapping[str, Any]]) -> list[Passage]:
    """Return every passage of a deal, oldest first; [] for one whose times cannot be read.

    `changes` may hold other fields, in any order. A change to the same stage is no passage.

    >>> deal = {"stage_id": 2, "add_time": "2026-01-01T09:00:00Z"}
    >>> moved = {"field_key": "stage_id", "old_value": "1", "new_value": "2",
    ...          "time": "2026-01-02 09:00:00"}
    >>> [one.stage_id for one in passages(deal, [moved])]
    [1, 2]
    """
    moves = []
    for change in changes:
        if change.get("field_key") != STAGE:
            continue
        old, new = _number(change.get("old_value")), _number(change.get("new_value"))
        at = vendor_time(change.get("time"))
        if new is not None and at is not None and old != new:
            moves.append((at, old, new))
    # Of two in one second the vendor's own order counts: newest first.
    moves.reverse()
    moves.sort(key=lambda move: move[0])
    first = moves[0][1] if moves else _number(deal.get(STAGE))
    made_at = vendor_time(deal.get("add_time"))
    born = [Passage(first, made_at)] if first is not None and made_at is not None else []
    return [*born, *(Passage(new, at) for at, _, new in moves)]


def vendor_time(text: object) -> datetime | None:
    """Read a time of v2 (RFC 3339) or of v1, which names no zone and means UTC.

    >>> vendor_time("2026-01-02 09:00:00") == vendor_time("2026-01-02T09:00:00Z")
    True
    """
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if at is None or not 2000 <= at.year < 3000:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _number(value: object) -> int | None:
    """A stage's id as the deal has it (a number) or its history (text)."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
