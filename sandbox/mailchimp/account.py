"""One Mailchimp account: its books, its ids and times, and who wants to hear of changes.

Records are replaced, never edited, so a reader may keep one. Times in the books are the vendor's
text in UTC (`2026-11-02T12:00:00+00:00`), which sorts as it stands; a time that never was is "".

    book          key                       fields beside the key
    lists         id, 10 hex                name, contact, campaign_defaults, double_optin, ...
    members       contact_id, 32 hex        list_id, email_address, status, merge_fields, tags,
                                            interests, left_by, status_at, last_changed, ...
    forgotten     <list>/<md5>              at
    merge_fields  <list>/<merge_id>         list_id, merge_id, tag, name, type, required, ...
    categories    10 hex                    list_id, title, type, display_order
    interests     10 hex                    list_id, category_id, name, display_order
    segments      number                    list_id, name, type, options, created_at, updated_at
    notes         number                    list_id, contact_id, note, created_at, updated_at
    events        number                    list_id, contact_id, name, properties, occurred_at
    mails         number                    kind (optin), list_id, to, at
    webhooks      10 hex                    list_id, url, events, sources, secret, disabled_at
    batch_webhooks  10 hex                  url, enabled
    batches       10 hex                    as the vendor shows them; operations and results
    campaigns     10 hex                    list_id, segment_id, title, subject_line, status,
                                            send_time
    activity      running number            campaign_id, list_id, contact_id, kind (sent, open,
                                            click, bounce, unsub, abuse), url, at; see acts.py
"""

import hashlib
from datetime import UTC, datetime
from uuid import UUID

from sandbox.books import Book, Effect, Record
from sandbox.mailchimp.acts import Acts
from sandbox.mailchimp.assumptions import Assumptions
from sandbox.mailchimp.changes import Announce, Change
from sandbox.mailchimp.problems import not_found
from sandbox.mailchimp.shelf import Members
from sandbox.world import World

PLAIN_BOOKS = (
    "lists", "forgotten", "merge_fields", "categories", "interests", "segments", "notes", "events",
    "mails", "webhooks", "batch_webhooks", "batches", "campaigns", "activity",
)  # fmt: skip


class Account:
    """The state of one account. `prefix` keeps the books of a second account apart."""

    def __init__(self, world: World, assumed: Assumptions, name: str, prefix: str = "") -> None:
        self.world, self.assumed, self.name = world, assumed, name
        self.listeners: list[Announce] = []
        self.crowded: set[str] = set()  # addresses that joined too many lists lately
        self.is_api_disabled = False
        self.batch_at_work = ""  # the id of the batch whose turn it is
        self._is_seeding = True
        self._dice = world.dice(f"mailchimp/{prefix}ids")
        self._instances = world.dice(f"mailchimp/{prefix}instances")
        self._counters: dict[str, int] = {}
        books = {book: Book(prefix + book, self._note) for book in PLAIN_BOOKS}
        self.members = Members(Book(f"{prefix}members", self._note))
        self.books = {b.name: b for b in (*books.values(), self.members.book)}
        self.lists, self.forgotten = books["lists"], books["forgotten"]
        self.merge_fields = books["merge_fields"]
        self.categories, self.interests = books["categories"], books["interests"]
        self.segments, self.mails = books["segments"], books["mails"]
        self.notes, self.events = books["notes"], books["events"]
        self.webhooks, self.batches = books["webhooks"], books["batches"]
        self.batch_webhooks = books["batch_webhooks"]
        self.campaigns, self.activity = books["campaigns"], books["activity"]
        self.acts = Acts(self.activity)

    def seeded(self) -> None:
        """From here on every change is an effect, and is announced."""
        self._is_seeding = False

    def _note(self, effect: Effect) -> None:
        if not self._is_seeding:
            self.world.note(effect)

    def announce(self, change: Change) -> None:
        """Tell every listener of a change that is in the books already."""
        if not self._is_seeding:
            for listener in self.listeners:
                listener(change)

    def new_hex(self, digits: int = 10) -> str:
        return f"{self._dice.getrandbits(digits * 4):0{digits}x}"

    def new_instance(self) -> str:
        """An id for a request, as `X-Request-Id` and `instance` carry it."""
        return str(UUID(int=self._instances.getrandbits(128), version=4))

    def new_number(self, kind: str, first: int = 1) -> int:
        self._counters[kind] = self._counters.get(kind, first - 1) + 1
        return self._counters[kind]

    def now(self) -> str:
        return stamp(self.world.clock.now())

    def mail(self, kind: str, member: Record) -> None:
        """Record a mail this causes."""
        number = self.new_number("mail")
        about = {"list_id": member["list_id"], "to": member["email_address"], "at": self.now()}
        self.mails.put(number, {"id": number, "kind": kind, **about})

    def the_list(self, list_id: str) -> Record:
        return alive(self.lists, list_id)

    def fields_of(self, list_id: str) -> list[Record]:
        """The merge fields of a list as it shows them; EMAIL is none."""
        fields = (f for f in self.merge_fields.live() if f["list_id"] == list_id)
        return sorted(fields, key=lambda f: (f["display_order"], f["merge_id"]))

    def segments_of(self, list_id: str) -> list[Record]:
        return [s for s in self.segments.live() if s["list_id"] == list_id]

    def is_forgotten(self, list_id: str, email: str) -> bool:
        return self.forgotten.get(f"{list_id}/{hash_of(email)}") is not None


def alive(book: Book, record_id: object) -> Record:
    """The record; a 404 problem when there is none or it is deleted."""
    record = book.get(record_id)
    if record is None or book.is_deleted(record_id):
        raise not_found()
    return record


def hash_of(email: str) -> str:
    """What a path names a member by: md5 of the address in lower case."""
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()


def unique_id_of(email: str) -> str:
    """One id for an address in all lists: ten hex digits."""
    return hashlib.sha1(email.lower().encode(), usedforsecurity=False).hexdigest()[:10]


def stamp(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="seconds")
