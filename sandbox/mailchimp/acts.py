"""What happened to members: mails sent, opened, clicked, bounced, complained of, left by.

One record an act. Reports are sums over them; who a member is now is asked of the members' book,
so a person erased for good is in no report by name.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from sandbox.books import Book, Record

KINDS = ("sent", "open", "click", "bounce", "unsub", "abuse")
IP = "203.0.113.7"


class Act(NamedTuple):
    """One thing to write down. `bounce` is hard or soft."""

    kind: str
    campaign_id: str
    list_id: str
    contact_id: str
    at: str
    url: str = ""
    bounce: str = ""
    reason: str = ""


class Acts:
    """The book `activity`, also found by campaign and by contact, oldest first."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._by_campaign: dict[str, list[Record]] = defaultdict(list)
        self._by_contact: dict[str, list[Record]] = defaultdict(list)
        self._count = 0

    def add(self, act: Act) -> Record:
        self._count += 1
        told: dict[str, Any] = {"id": self._count, **act._asdict()}
        told["ip"] = IP if act.kind in ("open", "click") else ""
        record = self._book.put(self._count, told)
        self._by_campaign[act.campaign_id].append(record)
        self._by_contact[act.contact_id].append(record)
        return record

    def of_campaign(self, campaign_id: str, *kinds: str) -> list[Record]:
        """The campaign's acts of these kinds, all of them when none is named."""
        acts = self._alive(self._by_campaign.get(campaign_id, ()))
        return [act for act in acts if not kinds or act["kind"] in kinds]

    def of_contact(self, contact_id: str) -> list[Record]:
        return self._alive(self._by_contact.get(contact_id, ()))

    def _alive(self, acts: Iterable[Record]) -> list[Record]:
        return [act for act in acts if not self._book.is_deleted(act["id"])]

    def by_contact(self, campaign_id: str, *kinds: str) -> dict[str, list[Record]]:
        """The campaign's acts of these kinds, by contact id; contacts by their first act."""
        found: dict[str, list[Record]] = {}
        for act in self.of_campaign(campaign_id, *kinds):
            found.setdefault(act["contact_id"], []).append(act)
        return found
