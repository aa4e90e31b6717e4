"""What an audit reads in Mailigen: who is on the list, some members' values, what set-up made."""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from connectors.mailigen import Mailigen
from pipelines.pipedrive_side.audit_reads import Thing

MOST_ASKED = 50  # members an audit reads one by one


def look_at_list(engagement: Mailigen, list_id: str) -> list[dict[str, str]]:
    """Every row of the list's four listings: {email, status}."""
    return [
        {"email": str(row["email"]).strip().lower(), "status": status}
        for status in ("subscribed", "unsubscribed", "inactive", "bounced")
        for page in engagement.members(list_id, status)
        for row in page
    ]


def ask_members(
    engagement: Mailigen, list_id: str, emails: Iterable[str]
) -> Iterator[dict[str, Any]]:
    """Read members one by one: {email, is_there, shown}, `shown` being JSON of their values."""
    for email in emails:
        record = engagement.member(list_id, email)
        merges = {tag: str(value or "") for tag, value in (record or {}).get("merges", {}).items()}
        yield {
            "email": email,
            "is_there": record is not None,
            "shown": orjson.dumps(merges).decode(),
        }


def set_up_things(engagement: Mailigen, list_id: str | None) -> Iterator[Thing]:
    """Lists by title and merge vars by tag: two of one name were made twice."""
    for row in engagement.lists():
        yield Thing("list", str(row["id"]), str(row.get("name")), False, None, None)
    for number, row in enumerate(engagement.merge_vars(list_id) if list_id else ()):
        tag = str(row.get("tag"))
        yield Thing("merge_var", f"{tag} ({number + 1})", tag, False, None, None)
