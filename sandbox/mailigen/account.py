"""One Mailigen account: its books, its clock, its assumptions, and what it has to tell the world.

Calls and played events change the account through the functions of the other files; webhooks they
cause are collected here and delivered together when the call is done, as the vendor batches them.
"""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson

from sandbox.books import Book, Effect, Record
from sandbox.mailigen.assumptions import Assumptions
from sandbox.mailigen.errors import MailigenError
from sandbox.mailigen.shelf import Shelf
from sandbox.world import World

ADMIN_KEY = "sandbox-mailigen-key"
RESTRICTED_KEY = "sandbox-mailigen-restricted"
OWNER_EMAIL = "owner@acme.example"
STAMP = "%Y-%m-%d %H:%M:%S"


class Announcement(NamedTuple):
    """Something a webhook may be told: `source` is subscriber, admin or api."""

    hook: str
    list_id: str
    source: str
    row: dict[str, Any]


class Account:
    """The state of the vendor. Times in the books are UTC; `shown` turns them into the vendor's."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.assumed = Assumptions()
        self.emails_spent = 0
        self._is_seeding = True
        self._announced: list[Announcement] = []
        self._dice = world.dice("mailigen/ids")
        self._counters: dict[str, int] = {}
        self.apikeys = Book("apikeys", self._note)
        self.lists = Book("lists", self._note)
        self.campaigns = Book("campaigns", self._note)
        self.webhooks = Book("webhooks", self._note)
        self.suppressed = Book("suppressed", self._note)
        self.mails = Book("mails", self._note)
        self.merge_vars = Shelf("merge_vars", self._note, "list", "tag")
        self.members = Shelf(
            "members", self._note, "list", "email", tally="status", now=world.clock.now
        )
        self.segments = Shelf("segments", self._note, "list")
        self.sends = Shelf("sends", self._note, "campaign", "email")
        self.opens = Shelf("opens", self._note, "campaign", "email")
        self.clicks = Shelf("clicks", self._note, "campaign")
        self.bounces = Shelf("bounces", self._note, "campaign", tally="type")
        self.unsubscribes = Shelf("unsubscribes", self._note, "campaign")

    def books(self) -> dict[str, Book]:
        plain = (
            self.apikeys,
            self.lists,
            self.campaigns,
            self.webhooks,
            self.suppressed,
            self.mails,
        )
        shelves = (
            self.merge_vars,
            self.members,
            self.segments,
            self.sends,
            self.opens,
            self.clicks,
            self.bounces,
            self.unsubscribes,
        )
        return {book.name: book for book in (*plain, *(shelf.book for shelf in shelves))}

    def seeded(self) -> None:
        """From here on every change is an effect."""
        self._is_seeding = False
        self._announced.clear()
        self.members.forget_past()

    def _note(self, effect: Effect) -> None:
        if not self._is_seeding:
            self.world.note(effect)

    def listed(self, list_id: str) -> list[Record]:
        """The members of a list as listings and counts show them: perhaps of a while ago."""
        lag_s = self.assumed.limit("members_index_lag_s")
        if not lag_s:
            return self.members.of(list_id)
        return self.members.as_of(list_id, self.world.clock.now() - timedelta(seconds=lag_s))

    def count_listed(self, list_id: str, status: str) -> int:
        """How many of them have a status; counted from the same index."""
        if not self.assumed.limit("members_index_lag_s"):
            return self.members.count(list_id, status)
        return sum(member["status"] == status for member in self.listed(list_id))

    # -- ids and times

    def new_hex(self) -> str:
        """An id of eight hex digits, as lists have them."""
        return f"{self._dice.getrandbits(32):08x}"

    def new_number(self, kind: str, first: int = 1) -> str:
        self._counters[kind] = self._counters.get(kind, first - 1) + 1
        return str(self._counters[kind])

    def stamp(self) -> str:
        return self.world.clock.now().astimezone(UTC).strftime(STAMP)

    def shown(self, stamp: str) -> str:
        """A stored time in the zone the API speaks; an empty one stays empty."""
        hours = self.assumed.number("timestamps_offset_hours")
        if not hours or not stamp:
            return stamp
        return (datetime.strptime(stamp, STAMP) + timedelta(hours=hours)).strftime(STAMP)

    # -- what must exist

    def the_list(self, list_id: str) -> Record:
        record = self.lists.get(list_id)
        if record is None or self.lists.is_deleted(list_id):
            raise MailigenError("list_unknown", f"Invalid List ID: {list_id}")
        return record

    def the_campaign(self, campaign_id: str) -> Record:
        record = self.campaigns.get(campaign_id)
        if record is None or self.campaigns.is_deleted(campaign_id):
            raise MailigenError("campaign_unknown", f"Invalid Campaign ID: {campaign_id}")
        return record

    # -- what leaves the house

    def mail(self, kind: str, to: str, list_id: str, cause: str) -> None:
        """Record a mail this causes: optin, welcome, goodbye, notification or test."""
        number = self.new_number("mail")
        mail = {"id": number, "kind": kind, "to": to, "list": list_id, "cause": cause}
        self.mails.put(number, {**mail, "at": self.stamp()})

    def announce(self, hook: str, list_id: str, source: str, row: dict[str, Any]) -> None:
        """Remember for the webhooks; `deliver_announcements` sends."""
        self._announced.append(Announcement(hook, list_id, source, {"list": list_id, **row}))

    def deliver_announcements(self) -> None:
        """One delivery per webhook and hook, with the rows of the whole call."""
        announced, self._announced = self._announced, []
        if announced:
            for webhook in list(self.webhooks.live()):
                for hook in dict.fromkeys(a.hook for a in announced if _concerns(a, webhook)):
                    rows = [a.row for a in announced if a.hook == hook and _concerns(a, webhook)]
                    self._deliver(webhook["id"], hook, rows)

    def _deliver(self, webhook_id: str, hook: str, rows: list[dict[str, Any]]) -> None:
        webhook = self.webhooks.get(webhook_id)
        assert webhook is not None
        body = orjson.dumps({"hook": hook, "data": rows})
        headers = {"Content-Type": "application/json"}
        if webhook["secret_key"]:
            headers["X-Mailigen-Signature"] = f"sha1={signature(webhook['secret_key'], body)}"
        counted = {"last_event": self.stamp(), "total_events": webhook["total_events"] + len(rows)}
        self.webhooks.put(webhook_id, {**webhook, **counted})
        self.world.deliver("mailigen", webhook["url"], headers, body)


def signature(secret_key: str, body: bytes) -> str:
    """The hex HMAC-SHA1 of the raw body: what X-Mailigen-Signature carries after `sha1=`."""
    return hmac.new(secret_key.encode(), body, hashlib.sha1).hexdigest()


def _concerns(announced: Announcement, webhook: Record) -> bool:
    return (
        announced.hook in webhook["events"]
        and webhook["list_id"] in ("", announced.list_id)
        and announced.source in webhook["sources"]
    )
