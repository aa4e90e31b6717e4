"""Talk to Mailigen.

Reads are repeated while the vendor says "try again"; writes never are. No verb
here can set a status, and none can make the vendor send mail: opt-in, welcome
and notification flags are off in every call that has one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import httpx

from connectors.errors import BadCredentials, Blocked, Gone, NotAdministrator, Refused
from connectors.http import Line, address_of, patiently, utc_now
from connectors.mailigen import wire
from connectors.mailigen.form import encode_form
from connectors.mailigen.paging import Pace, short, until_empty, until_total
from connectors.mailigen.wire import BatchAnswer
from connectors.meter import Meter

R = TypeVar("R")
Reader = Callable[[wire.Call, object], list[R]]
Record = dict[str, Any]
Status = Literal["subscribed", "unsubscribed", "inactive", "bounced"]
BounceKind = Literal["hard", "soft", "blocked", "temporary", "generic"]

BOUNCES: dict[BounceKind, str] = {
    "hard": "campaignHardBounces",
    "soft": "campaignSoftBounces",
    "blocked": "campaignBlockedBounces",
    "temporary": "campaignTemporaryBounces",
    "generic": "campaignGenericBounces",
}


class Mailigen:
    """One Mailigen account, through its API key."""

    def __init__(
        self,
        base_url: str,
        *,
        key: str,
        meter: Meter,
        version: str = "1.8",
        http: httpx.Client | None = None,
        now: Callable[[], datetime] = utc_now,
        pace: Pace | None = None,
    ) -> None:
        """`base_url` is the part before /<version>/. A lent `http` stays open."""
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise BadCredentials(wire.VENDOR, "key", "empty, or with characters no key has")
        self._url = f"{address_of(base_url)}/{version}/"
        self._key, self._version = key, version
        self._line = Line(wire.VENDOR, http, meter, now)
        self._meter, self._pace = meter, pace or Pace()

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

    # The account

    def ping(self) -> str:
        """Return the vendor's greeting; raises BadCredentials for a wrong key."""
        return str(self._ask(wire.Call("ping")))

    def account(self) -> Record:
        """Return the account's details, or raise NotAdministrator.

        An account-level call: a key that is refused it sees less than the whole
        account, and "may see all of it" is as near to "administrator" as we get.
        """
        call = wire.Call("getAccountDetails")
        try:
            return wire.read_object(call, self._ask(call))
        except Refused as error:
            raise NotAdministrator(wire.VENDOR, call.method, error.said) from error

    # Lists

    def lists(self) -> list[Record]:
        """Return every list, with the `member_count` that readers reconcile against."""
        pages = self._pages("lists", {}, wire.read_rows, limit=1000, default=1000)
        return [row for page in pages for row in page]

    def create_list(self, title: str) -> str:
        """Return the new list's id; nobody is notified of anything on it."""
        options = {
            "subscription_notify": False,
            "unsubscription_notify": False,
            "has_email_type_option": False,
        }
        call = wire.Call("listCreate", {"title": title, "options": options})
        return wire.read_id(call, self._ask(call))

    def find_list(self, title: str) -> str | None:
        """Return the id of the list with this title, the oldest where several have it."""
        found = [row for row in self.lists() if row.get("name") == title]
        found.sort(key=lambda row: (str(row.get("date_created")), str(row.get("id"))))
        return str(found[0]["id"]) if found else None

    def merge_vars(self, list_id: str) -> list[Record]:
        call = wire.Call("listMergeVars", {"id": list_id})
        return wire.read_rows(call, self._ask(call))

    def add_merge_var(self, list_id: str, tag: str, name: str, field_type: str = "text") -> None:
        """Add a field that no form requires. Found again by its tag in `merge_vars`."""
        options = {"field_type": field_type, "req": False}
        fields = {"id": list_id, "tag": tag, "name": name, "options": options}
        self._yes(wire.Call("listMergeVarAdd", fields))

    # Members

    def members(self, list_id: str, status: Status) -> Iterator[list[Record]]:
        """Yield {email, timestamp} of one status. Reconcile with `lists` afterwards:
        nothing in the pages tells that they are all."""
        fields = {"id": list_id, "status": status}
        return self._pages(
            "listMembers", fields, wire.read_rows, limit=wire.MOST_MEMBERS, default=100
        )

    def member(self, list_id: str, email: str) -> Record | None:
        """Return one member with its values, whatever the status; None when not on the list."""
        call = wire.Call("listMemberInfo", {"id": list_id, "email_address": email})
        try:
            return wire.read_object(call, self._ask(call))
        except Gone:
            return None

    def subscribe_batch(self, list_id: str, rows: Sequence[Mapping[str, str]]) -> BatchAnswer:
        """Put new addresses on the list: merge tags to values, EMAIL among them.

        Never touches who is there already, whatever their status. At most
        BATCH_ROWS rows (cut them with `batches`, which minds a second limit too);
        a lost answer leaves each of them open.
        """
        if len(rows) > wire.BATCH_ROWS or not all(row.get("EMAIL") for row in rows):
            raise ValueError(f"a batch has at most {wire.BATCH_ROWS} rows, each with an EMAIL")
        if not rows:
            return BatchAnswer(0, {})
        # The flags first: a vendor on PHP may cut off what stands behind a long batch.
        fields = {"id": list_id, "double_optin": False, "update_existing": False, "batch": rows}
        call = wire.Call("listBatchSubscribe", fields)
        return wire.read_batch(call, self._ask(call), rows)

    def update_member(self, list_id: str, email: str, merge_vars: Mapping[str, str]) -> None:
        """Change values (EMAIL moves the member); Gone when the address is not on the list."""
        fields = {"id": list_id, "email_address": email, "merge_vars": merge_vars}
        self._yes(wire.Call("listUpdateMember", fields))

    def delete_member(self, list_id: str, email: str) -> None:
        """Take the member and its history off the list, without a goodbye mail."""
        self._yes(wire.Call("listMemberDelete", {"id": list_id, "email_address": email}))

    # Campaigns

    def campaigns(
        self, list_id: str, sent_after: datetime | None = None, status: str | None = None
    ) -> Iterator[list[Record]]:
        """Yield a list's campaigns of every status, drafts too (their send_time is empty).

        With `sent_after`, an autoresponder that started earlier is not among
        them: ask for those without it.
        """
        filters = {"list_id": list_id, "status": status, "sendtime_start": _php_time(sent_after)}
        return self._pages(
            "campaigns", {"filters": filters}, wire.read_rows, limit=1000, default=25
        )

    def stats(self, campaign_id: str) -> Record:
        call = wire.Call("campaignStats", {"cid": campaign_id})
        return wire.read_object(call, self._ask(call))

    def opened(self, campaign_id: str) -> Iterator[list[Record]]:
        """Yield {email, count}, counts since sending; ReadFailed when fewer openers come
        than the vendor says there are. Throw away what was yielded then."""
        return self._counted("campaignOpened", campaign_id, wire.read_rows)

    def not_opened(self, campaign_id: str) -> Iterator[list[str]]:
        """Yield the addresses that have not opened; complete as `opened` is."""
        return self._counted("campaignNotOpened", campaign_id, wire.read_addresses)

    def click_stats(self, campaign_id: str) -> list[Record]:
        """Return {id, url, clicks, unique} per link (version 1.8's shape)."""
        call = wire.Call("campaignClickStats", {"cid": campaign_id})
        return wire.read_rows(call, self._ask(call))

    def click_details(self, campaign_id: str) -> Iterator[list[Record]]:
        """Yield every click, dated. ReadFailed when fewer come than the links' totals,
        read just before, add up to. Needs version 1.8."""
        stats = wire.Call("campaignClickStats", {"cid": campaign_id})
        total = wire.click_total(stats, self._ask(stats))
        if not total:
            return
        method, got = "campaignClickStatsDetails", 0
        for page in self._pages(method, {"cid": campaign_id}, wire.read_rows, 1000, 25):
            got += len(page)
            yield page
        if got < total:
            raise short(method, got, total)

    def bounces(self, campaign_id: str, kind: BounceKind) -> Iterator[list[str]]:
        """Yield the addresses of one kind of bounce; reconcile with `stats`."""
        return self._pages(
            BOUNCES[kind],
            {"cid": campaign_id},
            wire.read_addresses,
            limit=wire.MOST_MEMBERS,
            default=1000,
        )

    def bounce_messages(self, campaign_id: str) -> Iterator[list[Record]]:
        """Yield {date, email, message} of the last 30 days; older ones the vendor forgets."""
        fields = {"cid": campaign_id}
        return self._pages("campaignBounceMessages", fields, wire.read_rows, limit=50, default=25)

    # Webhooks (what they deliver is read in webhooks.py)

    def webhooks(self) -> list[Record]:
        """Return {id, title, last_event, total_events} of each: neither address nor secret, so
        a webhook is found again by its title alone."""
        pages = self._pages("webhooks", {}, wire.read_rows, limit=1000, default=1000)
        return [row for page in pages for row in page]

    def create_webhook(self, title: str, options: Mapping[str, object], secret: str) -> str:
        """Return the new webhook's id. `options`: list_id, url, events and sources."""
        told = {**options, "secret_key": secret}
        call = wire.Call("webhookCreate", {"title": title, "options": told}, secret)
        return wire.read_id(call, self._ask(call))

    def update_webhook(
        self, webhook_id: str, name: str, value: object, *, secret: str = ""
    ) -> None:
        """Set one option of a webhook (or its title); a `secret` in it stays out of messages."""
        fields = {"wid": webhook_id, "name": name, "value": value}
        self._yes(wire.Call("webhookUpdate", fields, secret))

    def delete_webhook(self, webhook_id: str) -> None:
        """Raises Refused for one that is gone already: by which code is not known."""
        self._yes(wire.Call("webhookDelete", {"wid": webhook_id}))

    # How calls are made

    def _pages(
        self, method: str, fields: Mapping[str, object], read: Reader[R], limit: int, default: int
    ) -> Iterator[list[R]]:
        def fetch(start: int, limit: int) -> list[R]:
            call = wire.Call(method, {**fields, "start": start, "limit": limit})
            return read(call, self._ask(call))

        return until_empty(fetch, name=method, limit=limit, default=default)

    def _counted(self, method: str, campaign_id: str, read: Reader[R]) -> Iterator[list[R]]:
        def fetch(start: int, limit: int) -> tuple[int, list[R]]:
            fields = {"cid": campaign_id, "start": start, "limit": limit}
            call = wire.Call(method, fields)
            total, rows = wire.read_counted(call, self._ask(call))
            return total, read(call, rows)

        return until_total(fetch, name=method, limit=1000, key=_address)

    def _yes(self, call: wire.Call) -> None:
        wire.read_true(call, self._ask(call))

    def _ask(self, call: wire.Call) -> Any:
        if call.writes:
            return self._once(call)
        return patiently(lambda: self._once(call), sleep=self._pace.sleep)

    def _once(self, call: wire.Call) -> Any:
        request = httpx.Request(
            "POST",
            self._url,
            params={"output": "json", "method": call.method},
            headers={"content-type": "application/x-www-form-urlencoded"},
            content=encode_form({"apikey": self._key, **call.fields}),
        )
        self._pace.wait()
        answer = self._line.ask(request, call=call.method, cost=1, kind=call.kind)
        try:
            return wire.read_answer(
                call, answer.status_code, answer.headers, answer.content, key=self._key
            )
        except Blocked as error:
            self._meter.blocked(error.retry_after, error.said)
            raise


def _address(row: object) -> str:
    return str(row.get("email") if isinstance(row, dict) else row)


def _php_time(at: datetime | None) -> str | None:
    """Write a time as the vendor does, in UTC: scheduling is documented as GMT, for the
    other times the zone is unknown, so ask for a day more than needed."""
    if at is None:
        return None
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
