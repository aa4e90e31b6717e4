"""The account: its books, and the one way to change them.

Every change goes through `create`, `change` or `remove`, which keep update times, the bytes
that lists send, the search index's past and the webhooks in step with the books.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson

from sandbox.books import Book, Record
from sandbox.pipedrive.assumptions import Assumptions
from sandbox.pipedrive.call import Call, rfc3339
from sandbox.pipedrive.hooks import Hooks
from sandbox.world import World

COMPANY_ID = 7001
OBJECTS = (
    "users", "persons", "organizations", "deals", "activities", "notes", "pipelines", "stages",
    "filters", "personFields", "organizationFields", "dealFields", "activityFields",
    "activityTypes", "webhooks", "currencies", "invitations",
)  # fmt: skip
WITH_CUSTOM_FIELDS = {
    "persons": "personFields",
    "organizations": "organizationFields",
    "deals": "dealFields",
}
MOST_KEPT = 250_000  # serialised records of an object, about 1 KB each
CONTACT_SYNC = ("postal_address", "notes", "im", "birthday", "job_title")


class Past(NamedTuple):
    """What a record was before a change, and who made that; `None` before it was created."""

    at: datetime
    object: str
    id: int
    before: Record | None
    user_id: int


class Company:
    """One Pipedrive company account."""

    def __init__(self, world: World, assume: Assumptions) -> None:
        self.world, self.assume = world, assume
        self.books = {name: Book(name, world.note) for name in OBJECTS}
        self.ids: dict[str, list[int]] = defaultdict(list)  # per object, ascending
        self.mail_times: dict[int, dict[str, str]] = defaultdict(dict)
        self.activities_of: dict[int, set[int]] = defaultdict(set)
        self.hooks = Hooks(self.books["webhooks"], world.deliver, world.seed)
        self._past: list[Past] = []
        self._bytes: dict[str, dict[int, bytes]] = defaultdict(dict)
        self._places: dict[tuple[str, str], list[tuple[Any, int]]] = {}

    def user(self, user_id: object) -> Record | None:
        return self.books["users"].get(user_id)

    def live(self, name: str, record_id: object) -> Record | None:
        """The record, unless it is deleted or never was."""
        book = self.books[name]
        return None if book.is_deleted(record_id) else book.get(record_id)

    def next_id(self, name: str) -> int:
        return (self.ids[name][-1] if self.ids[name] else 0) + 1

    def create(self, name: str, record: Record, call: Call) -> Record:
        """Store a new record, which has its id already."""
        self._past.append(Past(call.at, name, record["id"], None, call.user["id"]))
        self.seed(name, record)
        self.hooks.tell("create", name, record, None, call)
        return record

    def change(
        self, name: str, before: Record, changes: Mapping[str, Any], call: Call, **meta: Any
    ) -> Record:
        """The record with `changes`, stored; nothing happens when they change nothing."""
        real = {k: v for k, v in changes.items() if k not in before or before[k] != v}
        if not real and not meta:
            return before
        self._past.append(Past(call.at, name, before["id"], before, call.user["id"]))
        after = before | real | {"update_time": self.stamp(name, call.at)}
        self._index(name, before, after)
        self.books[name].put(before["id"], after)
        self._bytes[name].pop(before["id"], None)
        self.hooks.tell("change", name, after, before, call, **meta)
        return after

    def remove(self, name: str, before: Record, call: Call, **meta: Any) -> None:
        """Soft: the record stays, marked, with the time of its deletion as update time."""
        self._past.append(Past(call.at, name, before["id"], before, call.user["id"]))
        marks: dict[str, Any] = {"update_time": self.stamp(name, call.at)}
        for flag, value in (("is_deleted", True), ("active_flag", False)):
            if flag in before:
                marks[flag] = value
        if name == "deals":
            marks["status"] = "deleted"
        self._index(name, before, {})
        self.books[name].delete(before["id"], before | marks)
        self._bytes[name].pop(before["id"], None)
        self.hooks.tell("delete", name, None, before, call, **meta)

    def seed(self, name: str, record: Record) -> Record:
        """Put a record into its book, telling nobody."""
        self.ids[name].append(record["id"])
        self._index(name, {}, record)
        return self.books[name].put(record["id"], record)

    def stamp(self, name: str, at: datetime) -> str:
        """A time as records of this object write it: v1's own objects have a space for the T."""
        text = rfc3339(at)
        is_v1 = name in ("notes", "filters", "activityTypes", "users")
        return text.replace("T", " ").removesuffix("Z") if is_v1 else text

    def shown(self, name: str, record: Record) -> Record:
        """The record as answers show it: every custom field present, unset ones null."""
        if name == "activities":  # guests come with include_fields=attendees only
            return {k: v for k, v in record.items() if k != "attendees"}
        if name not in WITH_CUSTOM_FIELDS:
            return record
        values = record["custom_fields"]
        filled = {code: values.get(code) for code in self.custom_codes(name)}
        shown = record | {"custom_fields": filled}
        if name == "persons" and not self.assume["contact_sync"]:
            shown = {k: v for k, v in shown.items() if k not in CONTACT_SYNC}
        return shown

    def shown_bytes(self, name: str, record: Record) -> bytes:
        """`shown`, serialised; of the first MOST_KEPT remembered until the record changes."""
        remembered = self._bytes[name]
        kept = remembered.get(record["id"])
        if kept is None:
            # A copy: what orjson returns holds on to all the room it was written in, 8 KB each.
            kept = bytes(bytearray(orjson.dumps(self.shown(name, record))))
            if len(remembered) < MOST_KEPT:
                remembered[record["id"]] = kept
        return kept

    def forget_bytes(self) -> None:
        """Fields or assumptions changed: every answer has to be written anew."""
        self._bytes.clear()

    def custom_codes(self, name: str) -> list[str]:
        fields = self.books[WITH_CUSTOM_FIELDS[name]].live()
        return [field["field_code"] for field in fields if field["is_custom_field"]]

    def as_of(self, name: str, lag_s: float, at: datetime) -> dict[int, Record | None]:
        """What records changed in the last `lag_s` seconds were before; `None`: not there yet."""
        since = at - timedelta(seconds=lag_s)
        then: dict[int, Record | None] = {}
        for past in reversed(self._past) if lag_s > 0 else ():
            if past.at <= since:
                break
            if past.object == name:
                then[past.id] = past.before
        return then

    def changes_of(self, name: str, record_id: int) -> Iterator[tuple[Past, Record, Record]]:
        """Every change of one record, the latest first: when and by whom, before, after."""
        after = self.books[name].get(record_id) or {}
        for past in reversed(self._past):
            if (past.object, past.id) == (name, record_id) and past.before is not None:
                yield past, past.before, after
                after = past.before

    def records(self, name: str, *, with_deleted: bool = False, start: int = 0) -> Iterator[Record]:
        """Records by ascending id, from position `start` of the object's ids."""
        book = self.books[name]
        for record_id in self.ids[name][start:]:
            record = book.get(record_id)
            if record is not None and (with_deleted or not book.is_deleted(record_id)):
                yield record

    def places(self, name: str, member: str) -> list[tuple[Any, int]]:
        """(value of `member`, id) of all records, sorted; kept until a record changes."""
        kept = self._places.get((name, member))
        if kept is None:
            records = self.records(name, with_deleted=True)
            kept = sorted((record[member] or "", record["id"]) for record in records)
            self._places[name, member] = kept
        return kept

    def _index(self, name: str, before: Record, after: Record) -> None:
        for key in [key for key in self._places if key[0] == name]:
            del self._places[key]
        if name != "activities":
            return
        if before.get("person_id"):
            self.activities_of[before["person_id"]].discard(before["id"])
        if after.get("person_id"):
            self.activities_of[after["person_id"]].add(after["id"])
