"""What we ask for of each kind of Mailchimp record, and what it must have for us to go on."""

from typing import Final

from connectors.shapes import Shape, is_count, is_number, is_objects, is_plain, is_text, maybe

# The name under which each collection comes.
COLLECTIONS: Final = {
    "GET /lists": "lists",
    "GET /lists/{list}/merge-fields": "merge_fields",
    "GET /lists/{list}/members": "members",
    "GET /lists/{list}/members/{member}/tags": "tags",
    "GET /lists/{list}/segments": "segments",
    "GET /lists/{list}/segments/{segment}/members": "members",
    "GET /lists/{list}/webhooks": "webhooks",
    "GET /batches": "batches",
}
AUDIENCE: Final = ("id", "web_id", "name", "date_created", "double_optin", "stats")
MEMBER: Final = (
    "id", "contact_id", "web_id", "email_address", "unique_email_id", "full_name", "status",
    "merge_fields", "interests", "language", "vip", "source", "timestamp_signup", "timestamp_opt",
    "last_changed", "tags_count", "tags", "list_id",
)  # fmt: skip
SEGMENT: Final = ("id", "name", "type", "member_count", "created_at", "updated_at")
PLACE: Final = ("id", "status")  # who is in a segment: all else is read elsewhere


def is_merges(value: object) -> bool:
    """Merge values by tag, an address being an object of its own; PHP writes none as a list."""
    if isinstance(value, dict):
        return all(
            each is None or is_plain(each) or (isinstance(each, dict) and is_merges(each))
            for each in value.values()
        )
    return value is None or value == []


_MEMBER: Shape = {
    "id": is_text, "contact_id": is_text, "email_address": is_text, "status": is_text,
    "merge_fields": is_merges, "last_changed": maybe(is_text), "tags": is_objects,
}  # fmt: skip
# Of what was written the id is enough.
_WRITTEN: Shape = {"id": is_text}
# What a changed member shows of our values, where it shows them.
_CHANGED: Shape = {**_WRITTEN, "email_address": maybe(is_text), "merge_fields": maybe(is_merges)}
_NAMED: Shape = {"id": is_text, "name": maybe(is_plain)}
_SEGMENT: Shape = {
    "id": is_number, "name": maybe(is_plain), "type": maybe(is_text), "member_count": is_count,
}  # fmt: skip
_BATCH: Shape = {
    "id": is_text, "status": is_text, "response_body_url": maybe(is_text),
    "total_operations": maybe(is_count), "finished_operations": maybe(is_count),
    "errored_operations": maybe(is_count),
}  # fmt: skip

SHAPES: Final[dict[str, Shape]] = {
    "GET /": {"account_id": is_text, "account_name": maybe(is_plain), "role": maybe(is_plain)},
    "GET /lists": _NAMED,
    "GET /lists/{list}": _NAMED,
    "GET /lists/{list}/merge-fields": {
        "merge_id": is_number, "tag": is_text, "name": maybe(is_plain), "type": is_text,
    },
    "GET /lists/{list}/members": _MEMBER,
    "GET /lists/{list}/members/{member}": _MEMBER,
    "GET /lists/{list}/members/{member}/tags": {"id": is_number, "name": is_text},
    "GET /lists/{list}/segments": _SEGMENT,
    "GET /lists/{list}/segments/{segment}": _SEGMENT,
    "GET /lists/{list}/segments/{segment}/members": {"id": is_text, "contact_id": maybe(is_text)},
    "GET /lists/{list}/webhooks": {"id": is_text, "url": is_text},
    "GET /batches": _BATCH,
    "GET /batches/{batch}": _BATCH,
    "POST /lists/{list}/members": {**_CHANGED, "contact_id": is_text},
    "PATCH /lists/{list}/members/{member}": _CHANGED,
    "POST /batches": _WRITTEN,
    "POST /lists/{list}/webhooks": _WRITTEN,
    "PATCH /lists/{list}/webhooks/{webhook}": _WRITTEN,
}  # by the name of the call that reads them  # fmt: skip


def projection(collection: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The `fields` of a page: these members of each record, and how many records there are.

    >>> projection("lists", ("id",))
    ('lists.id', 'total_items')
    """
    return (*(f"{collection}.{name}" for name in names), "total_items")
