"""Talk to Mailchimp.

Reads are repeated while the vendor says "try again"; writes never are. Large things come as
pages of records as received, small ones as one list. No verb here can write a status to
somebody who is in the audience, and none archives, deletes or makes the vendor send mail.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from threading import BoundedSemaphore
from types import TracebackType
from typing import Any, Literal, Self

import httpx

from connectors.errors import AlreadyThere, BadCredentials, Blocked, Gone, ReadFailed
from connectors.http import Line, address_of, open_http, patiently, utc_now
from connectors.mailchimp import batches, members, records, wire
from connectors.mailchimp.batches import Operation, Outcome
from connectors.mailchimp.credential import Login, api_key
from connectors.mailchimp.members import BatchAnswer, NewMember, Values
from connectors.mailchimp.paging import walk
from connectors.mailchimp.refusals import read_answer
from connectors.meter import Meter

Record = dict[str, Any]
Page = list[Record]
Status = Literal["subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived"]

READ_S = 120.0  # the vendor's own time limit for a request
MOST_AT_ONCE = 4  # of the ten that an account has for all who call it
# Whether the bound of `since_last_changed` is in it, and how far the vendor's shards lag behind
# each other, is not published.
OVERLAP = timedelta(minutes=5)
IN_ORDER = {"sort_field": "last_changed", "sort_dir": "ASC"}  # what changes moves to the end
EVERY_STATE = {"include_cleaned": True, "include_transactional": True, "include_unsubscribed": True}
MEMBER = "GET /lists/{list}/members/{member}"


class Mailchimp:
    """One account's Mailchimp, through an API key or an app's token."""

    def __init__(
        self,
        base_url: str,
        *,
        key: str | Login,
        meter: Meter,
        http: httpx.Client | None = None,
        now: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
        most_at_once: int = MOST_AT_ONCE,
    ) -> None:
        """`base_url` is the part before /3.0; '' leaves it to what the key says. A lent `http`
        stays open."""
        self._login = api_key(key) if isinstance(key, str) else key
        if not base_url and not self._login.api:
            raise BadCredentials(wire.VENDOR, "key", "names no datacenter, and no base_url is set")
        self._url = address_of(base_url or self._login.api)
        opened = partial(open_http, read_s=READ_S, most_at_once=most_at_once)
        self._line = Line(wire.VENDOR, http, meter, now, opened)
        self._meter, self._sleep = meter, sleep
        self._room = BoundedSemaphore(most_at_once)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._line.close()

    def clock_offset(self) -> float:
        """Seconds the vendor's clock is ahead of ours; 0.0 until it has answered once."""
        return self._line.clock_offset()

    def vendor_now(self) -> datetime:
        return self._line.vendor_now()

    # The account and its audiences

    def account(self) -> Record:
        """Return the account behind the key: `account_id`, and the `role` of its user."""
        return self._one("GET /")

    def audiences(self) -> Page:
        return self._all("GET /lists", fields=records.projection("lists", records.AUDIENCE))

    def audience(self, list_id: str) -> Record:
        """Return one audience with its `stats`, or raise Gone."""
        return self._one("GET /lists/{list}", list_id, fields=records.AUDIENCE)

    def merge_fields(self, list_id: str) -> Page:
        """Return the fields of an audience; the address itself is not among them."""
        return self._all("GET /lists/{list}/merge-fields", list_id)

    # Members

    def members(
        self, list_id: str, *, status: Status | None = None, since: datetime | None = None
    ) -> Iterator[Page]:
        """Yield members once each, whoever changed since then first; complete by the vendor's
        own count, or ReadFailed.

        Without `status` the archived are probably not among them: ask for them apart. Who
        changes meanwhile may come as before, and comes again with the next `since`: the moment
        this walk began.
        """
        return self._walk(
            "GET /lists/{list}/members", list_id, key="contact_id", status=status,
            since_last_changed=None if since is None else since - OVERLAP,
            fields=records.projection("members", records.MEMBER), **IN_ORDER,
        )  # fmt: skip

    def member(self, list_id: str, who: str) -> Record | None:
        """Return who has this address or contact_id, archived ones too; None when nobody ever
        had it, and when the audience itself is gone, which the vendor words alike."""
        try:
            return self._one(MEMBER, list_id, wire.member_id(who), fields=records.MEMBER)
        except Gone:
            return None

    def members_named(self, list_id: str, emails: Sequence[str]) -> Iterator[Record]:
        """Yield those of these addresses that the audience knows: a call each. For hundreds,
        `start_batch` of MemberLook."""
        for email in emails:
            if (found := self.member(list_id, email)) is not None:
                yield found

    def tags_of(self, list_id: str, who: str) -> Page:
        """Return all tags of a member; its record shows fifty. Gone without the member."""
        name = "GET /lists/{list}/members/{member}/tags"
        return self._all(name, list_id, wire.member_id(who))

    # Segments; a tag is one of type "static"

    def segments(self, list_id: str, kind: Literal["saved", "static"] | None = None) -> Page:
        """Return segments with `member_count`, which counts active subscribers."""
        fields = records.projection("segments", records.SEGMENT)
        return self._all("GET /lists/{list}/segments", list_id, type=kind, fields=fields)

    def segment(self, list_id: str, segment_id: int) -> Record:
        name = "GET /lists/{list}/segments/{segment}"
        return self._one(name, list_id, segment_id, fields=records.SEGMENT)

    def segment_members(
        self, list_id: str, segment_id: int, *, every_state: bool = False
    ) -> Iterator[Page]:
        """Yield who is in a segment now: the hash of the address, and the status. Saved ones are
        worked out by the vendor at each page, and nothing tells when somebody came in: compare
        snapshots."""
        name = "GET /lists/{list}/segments/{segment}/members"
        fields = records.projection("members", records.PLACE)
        states = EVERY_STATE if every_state else {}
        return self._walk(name, list_id, segment_id, key="id", fields=fields, **states)

    # Writes: sent once, never repeated here

    def add_member(
        self, list_id: str, member: NewMember, *, skip_merge_validation: bool = False
    ) -> Record:
        """Subscribe an address the audience does not know, and return the member.

        Looks first: AlreadyThere for one it does know, archived ones too, since nobody has
        published whether a POST revives them. Found again by `member`.
        """
        name = "POST /lists/{list}/members"
        if self.member(list_id, member.email) is not None:
            there = wire.subscriber_hash(member.email)
            raise AlreadyThere(wire.VENDOR, name, "is in the audience already", existing_id=there)
        return self._one(
            name, list_id, body=members.new_body(member),
            skip_merge_validation=skip_merge_validation or None,
        )  # fmt: skip

    def update_member(
        self, list_id: str, who: str, values: Values, *, skip_merge_validation: bool = False
    ) -> Record:
        """Change merge values of a member, named by address or contact_id, whatever its status;
        return it as it is now. Gone for nobody."""
        return self._patch(list_id, who, members.update_body(values), skip_merge_validation)

    def move_member(
        self,
        list_id: str,
        who: str,
        new_email: str,
        values: Values | None = None,
        *,
        skip_merge_validation: bool = False,
    ) -> Record:
        """Give a member another address: same contact_id, same status. AlreadyThere when the
        audience knows the new one in any state. Found again by `member` of the new one."""
        body = members.update_body(values or {}, new_email)
        return self._patch(list_id, who, body, skip_merge_validation)

    def tag_member(
        self, list_id: str, who: str, names: Sequence[str], *, starts_automations: bool = False
    ) -> None:
        """Put tags on a member; one the audience does not know is made. Doing it twice does
        nothing more. Found again by `tags_of`."""
        tags = [{"name": name, "status": "active"} for name in names]
        body = {"tags": tags, "is_syncing": not starts_automations}
        name = "POST /lists/{list}/members/{member}/tags"
        self._ask(wire.call(name, list_id, wire.member_id(who), body=body))

    def subscribe_batch(
        self, list_id: str, rows: Sequence[NewMember], *, skip_merge_validation: bool = False
    ) -> BatchAnswer:
        """Subscribe up to BATCH_ROWS addresses the audience does not know.

        Who is there already is an error of the row, and is left as it was. A lost answer
        leaves each row open: look each up.
        """
        call = wire.call(
            "POST /lists/{list}", list_id, body=members.batch_body(rows),
            skip_merge_validation=skip_merge_validation or None,
        )  # fmt: skip
        return members.read_batch(call, self._ask(call), rows)

    # Batches of operations

    def start_batch(self, operations: Sequence[Operation]) -> str:
        """Hand over operations for later and return the batch's id.

        After a lost answer the vendor may be working on them: `unfinished_batches` tells when
        no more, and until then an old value may still be written.
        """
        call = wire.call("POST /batches", body=batches.batch_body(operations))
        return str(wire.read_one(call, self._ask(call))["id"])

    def batch(self, batch_id: str) -> Record:
        """Return how far a batch is; Gone for one that has expired."""
        return self._one("GET /batches/{batch}", batch_id)

    def unfinished_batches(self) -> Page:
        return [one for one in self._all("GET /batches") if one["status"] != batches.FINISHED]

    def batch_results(
        self, batch_id: str, operations: Sequence[Operation]
    ) -> dict[str, Outcome] | None:
        """Return what became of each operation, by its id; None while the batch goes on.

        ReadFailed leaves everything as it is: ask again, for the address of the file is good
        for minutes only.
        """
        batch = self.batch(batch_id)
        if batch["status"] != batches.FINISHED:
            return None
        url = str(batch.get("response_body_url") or "")
        if not self._is_safe(url):
            raise ReadFailed(wire.VENDOR, batches.RESULTS, "lie at no address we would open")
        most = batches.MOST_PACKED_BYTES
        return batches.read_results(
            self._line.fetch(url, call=batches.RESULTS, most_bytes=most), operations
        )

    # Webhooks (what they deliver is read in webhooks.py)

    def webhooks(self, list_id: str) -> Page:
        """Return the webhooks of an audience. Each `url` holds the secret we put into it."""
        name = "GET /lists/{list}/webhooks"
        call = wire.call(name, list_id)
        total, found = wire.read_page(call, self._ask(call))
        # The contract knows no pages here; a list that is cut is asked for by pages all the same.
        return found if len(found) >= total else self._all(name, list_id)

    def create_webhook(self, list_id: str, settings: Mapping[str, Any], *, secret: str) -> Record:
        """Return the new webhook; `signing_secret` is in it this once, if ever. `settings`:
        url, events, sources. The vendor knocks at the url first. Found again by it."""
        name = "POST /lists/{list}/webhooks"
        return self._one(name, list_id, body=settings, secret=secret)

    def change_webhook(
        self, list_id: str, webhook_id: str, settings: Mapping[str, Any], *, secret: str = ""
    ) -> Record:
        """Set some of url, events and sources; what is not named stays."""
        name = "PATCH /lists/{list}/webhooks/{webhook}"
        return self._one(name, list_id, webhook_id, body=settings, secret=secret)

    def delete_webhook(self, list_id: str, webhook_id: str) -> None:
        """Gone for one that was no longer there."""
        self._ask(wire.call("DELETE /lists/{list}/webhooks/{webhook}", list_id, webhook_id))

    # How calls are made

    def _patch(self, list_id: str, who: str, body: Record, is_lenient: bool) -> Record:
        return self._one(
            "PATCH /lists/{list}/members/{member}", list_id, wire.member_id(who),
            body=body, skip_merge_validation=is_lenient or None,
        )  # fmt: skip

    def _one(self, name: str, *ids: str | int, **parts: Any) -> Record:
        call = wire.call(name, *ids, **parts)
        return wire.read_one(call, self._ask(call))

    def _all(self, name: str, *ids: str | int, **query: object) -> Page:
        key = "merge_id" if name.endswith("merge-fields") else "id"
        return [one for page in self._walk(name, *ids, key=key, **query) for one in page]

    def _walk(self, name: str, *ids: str | int, key: str, **query: Any) -> Iterator[Page]:
        def fetch(offset: int) -> wire.Page:
            call = wire.call(name, *ids, count=wire.PAGE_COUNT, offset=offset, **query)
            return wire.read_page(call, self._ask(call))

        return walk(fetch, name=name, key=lambda record: str(record[key]))

    def _is_safe(self, url: str) -> bool:
        """Whether a file may be fetched from there: over TLS, or from where the API itself is."""
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL:
            return False
        own = httpx.URL(self._url)
        is_ours = (parsed.scheme, parsed.netloc) == (own.scheme, own.netloc)
        return bool(parsed.host) and (parsed.scheme == "https" or is_ours)

    def _ask(self, call: wire.Call) -> Record:
        if call.writes:
            return self._once(call)
        return patiently(lambda: self._once(call), sleep=self._sleep)

    def _once(self, call: wire.Call) -> Record:
        headers = {"authorization": self._login.header, "accept": "application/json"}
        if call.content is not None:
            headers["content-type"] = "application/json"
        request = httpx.Request(
            call.method, f"{self._url}/3.0{call.path}", params=call.query, headers=headers,
            content=call.content,
        )  # fmt: skip
        with self._room:
            answer = self._line.ask(request, call=call.name, cost=1, kind=call.kind)
        try:
            return read_answer(
                call, answer.status_code, answer.headers, answer.content,
                secrets=self._login.secrets,
            )  # fmt: skip
        except Blocked as error:
            self._meter.blocked(error.retry_after, error.said)
            raise
