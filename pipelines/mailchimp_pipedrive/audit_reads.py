"""What an audit reads of members and persons that flows wrote: each by its id, each once.

Where many of one audience are due, whoever changed since the oldest of their writes is listed
first, if that is certain to cost less; only who is not among those is asked for one by one. A
doubtful write's member is looked for under every address of its contact as well.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
import pyarrow as pa

from connectors.mailchimp import Mailchimp
from connectors.mailchimp.wire import PAGE_COUNT
from connectors.pipedrive import COSTS, Pipedrive
from pipelines.audit import Share
from pipelines.mailchimp_pipedrive import bodies

PAGE = 100  # persons a call
PERSONS_COST = COSTS["GET /api/v2/persons"]
# The vendor's clock and ours, and how long a request may have been under way.
EARLIER = timedelta(hours=1)
Json = dict[str, Any]


class Due(NamedTuple):
    """A setting to look at; `addresses` are those a doubtful write may have been for."""

    write_key: str
    place: int
    list_id: str
    member_id: str | None
    email: str | None
    tag: str | None
    person_id: int | None
    sent_at: datetime | None
    written: Json  # acknowledged, or taken back, as far as a person's fields are concerned
    addresses: Sequence[str] = ()


ASKED = pa.schema(
    [
        ("write_key", pa.string()), ("is_own", pa.bool_()), ("is_there", pa.bool_()),
        ("is_known_by_address", pa.bool_()), ("remote_id", pa.string()), ("email", pa.string()),
        ("status", pa.string()), ("changed_at", pa.timestamp("us", tz="UTC")),
        ("joined_at", pa.timestamp("us", tz="UTC")), ("tags", pa.list_(pa.string())),
        ("shown", pa.string()),
    ]
)  # fmt: skip
NOBODY: Mapping[str, object] = {
    "is_there": False, "is_known_by_address": False, "remote_id": None, "email": None,
    "status": None, "changed_at": None, "joined_at": None, "tags": None, "shown": "{}",
}  # fmt: skip


@dataclass
class Members:
    """What was read of audiences so far. Every read is paid for out of the share."""

    engagement: Mailchimp
    share: Share
    _known: dict[tuple[str, str], Json | None] = field(default_factory=dict)
    _audiences: frozenset[str] | None = None
    _tags: dict[str, frozenset[str]] = field(default_factory=dict)

    def list_changes(self, due: Iterable[Due]) -> None:
        """List who changed since we wrote, in every audience where that is cheaper than asking."""
        by_list: dict[str, list[Due]] = {}
        for one in due:
            by_list.setdefault(one.list_id, []).append(one)
        for list_id, several in by_list.items():
            since = min((one.sent_at for one in several if one.sent_at), default=None)
            if since is None or len(several) <= 3 or not self._is_there(list_id):
                continue
            self.share.require(1)
            cost = _most_pages(self.engagement.audience(list_id))
            if cost >= len(several) or cost > self.share.left:
                continue
            for page in self.engagement.members(list_id, since=since - EARLIER):
                for record in page:
                    self._known[list_id, str(record["contact_id"])] = record

    def look(self, one: Due) -> Iterator[Json]:
        """Rows of audit.asked: the member itself, and whoever has one of the other addresses."""
        if not self._is_there(one.list_id):
            return  # erased is said of nobody whose audience is gone
        member = self._ask(one.list_id, one.member_id or one.email)
        by_address = member
        if member is None and one.member_id and one.email:
            by_address = self._ask(one.list_id, one.email)
        tags = None if member is None or one.tag is None else self._tags_of(one, member)
        yield self._row(one, member, is_own=True) | {
            "is_known_by_address": by_address is not None, "tags": tags
        }  # fmt: skip
        for email in one.addresses:
            other = self._ask(one.list_id, email)
            if other is not None:
                yield self._row(one, other, is_own=False)

    def _ask(self, list_id: str, who: str | None) -> Json | None:
        if not who:
            return None
        if (list_id, who) not in self._known:
            self.share.require(1)
            self._known[list_id, who] = self.engagement.member(list_id, who)
        return self._known[list_id, who]

    def _is_there(self, list_id: str) -> bool:
        if self._audiences is None:
            self.share.require(1)
            self._audiences = frozenset(str(one["id"]) for one in self.engagement.audiences())
        return list_id in self._audiences

    def _tags_of(self, one: Due, member: Json) -> list[str] | None:
        """The member's tags, in small letters; None where the tag itself was renamed or deleted."""
        if one.list_id not in self._tags:
            self.share.require(1)
            known = self.engagement.segments(one.list_id, "static")
            self._tags[one.list_id] = frozenset(str(tag["name"]).lower() for tag in known)
        if str(one.tag).lower() not in self._tags[one.list_id]:
            return None
        tags: list[Json] = member["tags"]
        if int(member.get("tags_count") or 0) > len(tags):
            self.share.require(1)
            tags = self.engagement.tags_of(one.list_id, str(member["contact_id"]))
        return [str(tag["name"]).lower() for tag in tags]

    def _row(self, one: Due, member: Json | None, *, is_own: bool) -> Json:
        told: Json = {"write_key": one.write_key, "is_own": is_own, **NOBODY}
        if member is None:
            return told
        email = str(member["email_address"]).strip().lower()
        merges = {tag: bodies.plain(value) for tag, value in _merges(member).items()}
        return told | {
            "is_there": True, "remote_id": f"{one.list_id}/{member['contact_id']}",
            "email": email, "status": member["status"],
            "changed_at": _moment(member.get("last_changed")),
            "joined_at": _moment(member.get("timestamp_opt")),
            "shown": orjson.dumps(merges | {"EMAIL": email}).decode(),
        }  # fmt: skip


def look_at_persons(crm: Pipedrive, share: Share, due: Sequence[Due]) -> list[Json]:
    """Rows of audit.asked for up to PAGE persons; who is not there any more has none."""
    share.require(PERSONS_COST)
    ids = sorted({one.person_id for one in due if one.person_id is not None})
    pages = crm.persons_by_id(ids, ())
    found = {int(record["id"]): record for page in pages for record in page}
    return [_person_row(one, found[one.person_id]) for one in due if one.person_id in found]


def _person_row(one: Due, person: Json) -> Json:
    held = {**person, **(person.get("custom_fields") or {}), "phone": None, "email": None}
    fields = {code: text for code, text in one.written["fields"].items() if code in held}
    wanted = one.written | {"fields": fields}
    return {
        "write_key": one.write_key, "is_own": True, **NOBODY, "is_there": True,
        "remote_id": str(one.person_id), "changed_at": _moment(person.get("update_time")),
        "shown": orjson.dumps(bodies.shown_of_person(person, wanted)).decode(),
    }  # fmt: skip


def _most_pages(audience: Json) -> int:
    """What walking the whole audience would cost, its count and the archived aside."""
    stats = audience.get("stats") or {}
    counts = ("member_count", "unsubscribe_count", "cleaned_count")
    members = sum(int(stats.get(name) or 0) for name in counts)
    return 1 + members // PAGE_COUNT


def _merges(member: Json) -> Json:
    """Merge values by tag; PHP writes none as a list."""
    merges = member.get("merge_fields")
    return merges if isinstance(merges, dict) else {}


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
