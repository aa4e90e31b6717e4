"""What we write to Pipedrive: where one is read by its id, where changed ones are listed."""

from collections.abc import Mapping
from typing import Any, Literal

Noun = Literal["activity", "deal", "note", "person"]

ONE: dict[Noun, str] = {
    "activity": "GET /api/v2/activities/{id}",
    "deal": "GET /api/v2/deals/{id}",
    "note": "GET /v1/notes/{id}",
    "person": "GET /api/v2/persons/{id}",
}
# Every list that may hold one; together they are one question.
CHANGED: dict[Noun, tuple[str, ...]] = {
    "activity": ("GET /api/v2/activities",),
    "deal": ("GET /api/v2/deals", "GET /api/v2/deals/archived"),
    "note": ("GET /v1/notes",),
    "person": ("GET /api/v2/persons",),
}
EVERY_DEAL = "open,won,lost,deleted"  # unless asked for, deleted ones are left out


def is_deleted(record: Mapping[str, Any]) -> bool:
    """Whether the vendor marks a record as deleted: each noun has its own mark for it.

    >>> is_deleted({"status": "deleted"}), is_deleted({"active_flag": True}), is_deleted({})
    (True, False, False)
    """
    return (
        record.get("is_deleted") is True
        or record.get("status") == "deleted"
        or record.get("active_flag") is False
    )
