"""What was changed of a deal, field by field, newest first (v1, by cursor).

Its making is no change. Values are text, as the contract has them, and times are v1's.
"""

import base64
import binascii
from collections.abc import Iterator
from typing import Any

import orjson

from sandbox.books import Record
from sandbox.pipedrive import answers
from sandbox.pipedrive.answers import RefusalError
from sandbox.pipedrive.call import Call
from sandbox.pipedrive.company import Company, Past
from sandbox.pipedrive.contacts import kept
from sandbox.vendor import Answer

# Kept by the vendor itself, and no field somebody changed.
SILENT = ("update_time", "stage_change_time", "is_deleted", "custom_fields")
USUAL, MOST = 100, 500


def list_changes(company: Company, call: Call) -> Answer:
    """One page; the cursor counts the changes that stood before it, so that of a deal that is
    changed meanwhile some come twice."""
    kept(company, "deals", call.id)
    limit = min(call.counted("limit", USUAL, least=1), MOST)
    start = _place(call.query.get("cursor", ""))
    rows = [
        row
        for past, before, after in company.changes_of("deals", call.id)
        for row in _fields(past, before, after)
    ]
    is_more = len(rows) > start + limit
    told = {"next_cursor": _cursor(start + limit) if is_more else None}
    return answers.ok(rows[start : start + limit], additional_data=told)


def _fields(past: Past, before: Record, after: Record) -> Iterator[dict[str, Any]]:
    was, became = (one | one.get("custom_fields", {}) for one in (before, after))
    for key in sorted({*was, *became} - {*SILENT}):
        if was.get(key) != became.get(key):
            yield {
                "field_key": key,
                "old_value": _text(was.get(key)),
                "new_value": _text(became.get(key)),
                "actor_user_id": past.user_id,
                "time": past.at.strftime("%Y-%m-%d %H:%M:%S"),
                "change_source": "api",
                "change_source_user_agent": None,
                "is_bulk_update_flag": False,
            }


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def _cursor(place: int) -> str:
    return base64.urlsafe_b64encode(f"id:{place}".encode()).decode()


def _place(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        word, _, place = base64.urlsafe_b64decode(cursor).decode().partition(":")
        found = int(place) if word == "id" else -1
    except (binascii.Error, ValueError):
        found = -1
    if found < 0:
        raise RefusalError(400, "Invalid cursor")
    return found
