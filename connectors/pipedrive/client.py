"""Talk to Pipedrive.

Reads are repeated while the vendor says "try again"; writes never are. Large
things come as pages (lists of records as received), small ones as one list.
Every write has a look-up that can find what it wrote (README.md says where
that has holes): the look-ups walk plain lists, never the search index.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx

from connectors.errors import Gone, NotAdministrator
from connectors.http import Line, address_of, utc_now
from connectors.meter import Meter
from connectors.pipedrive import wire
from connectors.pipedrive.credential import Credential, Fixed, api_token
from connectors.pipedrive.door import Door, Page, Record
from connectors.pipedrive.matches import addresses, first, is_in, only
from connectors.pipedrive.nouns import CHANGED, EVERY_DEAL, ONE, Noun
from connectors.pipedrive.written import Written

LAST_CONTACT = ("last_incoming_mail_time", "last_outgoing_mail_time", "last_activity_id")
IN_ID_ORDER = {"sort_by": "id", "sort_direction": "asc"}  # rows that change do not move


class Pipedrive:
    """One company's Pipedrive, through one user's API token or an app's grant."""

    def __init__(
        self,
        base_url: str,
        *,
        token: str | Credential,
        meter: Meter,
        http: httpx.Client | None = None,
        now: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`base_url` is the part before /v1 and /api/v2; '' leaves it to what the credential
        says. A lent `http` stays open."""
        credential = Fixed(api_token(token)) if isinstance(token, str) else token
        url = address_of(base_url) if base_url else ""
        self._line = Line(wire.VENDOR, http, meter, now)
        self._door = Door(url, credential, self._line, meter, sleep)

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

    def me(self) -> Record:
        return self._door.one("GET /v1/users/me")

    def require_admin(self) -> Record:
        """Return users/me, or raise NotAdministrator: a sync of less would be partial."""
        me = self.me()
        if not wire.is_administrator(me):
            said = f"user {me.get('id')} is not an administrator of the company"
            raise NotAdministrator(wire.VENDOR, "GET /v1/users/me", said)
        return me

    def users(self) -> Page:
        return self._door.list("GET /v1/users")

    def filters(self) -> Page:
        return self._door.list("GET /v1/filters")

    def filter(self, filter_id: int) -> Record:
        """Return a saved filter, or raise Gone. It may still be inactive (`active_flag`)
        or of another `type`; walk persons by it only after a look at both."""
        return self._door.one("GET /v1/filters/{id}", remote_id=filter_id)

    def person_fields(self) -> Page:
        return self._door.small("GET /api/v2/personFields")

    def organization_fields(self) -> Page:
        return self._door.small("GET /api/v2/organizationFields")

    def field_numbers(self, entity: str) -> dict[str, int]:
        """Return the number of each field of `person` or `organization` by its code: filters
        name fields by it, and only v1 tells it."""
        pages = self._door.walk_v1(f"GET /v1/{entity}Fields")
        return {str(field["key"]): int(field["id"]) for page in pages for field in page}

    def deal_fields(self) -> Page:
        return self._door.small("GET /api/v2/dealFields")

    def activity_types(self) -> Page:
        return self._door.list("GET /v1/activityTypes")

    def pipelines(self) -> Page:
        return self._door.small("GET /api/v2/pipelines", **IN_ID_ORDER)

    def stages(self) -> Page:
        return self._door.small("GET /api/v2/stages", **IN_ID_ORDER)

    # Large lists

    def persons(
        self,
        filter_id: int | None = None,
        updated_since: datetime | None = None,
        include_fields: Sequence[str] = LAST_CONTACT,
    ) -> Iterator[Page]:
        """Yield persons by id. Deleted ones are simply not there, and nothing is
        counted: absence proves nothing, `person` does."""
        return self._door.walk(
            "GET /api/v2/persons",
            filter_id=filter_id,
            updated_since=updated_since,
            include_fields=tuple(include_fields) or None,
            **IN_ID_ORDER,
        )

    def persons_as_written(
        self,
        filter_id: int | None = None,
        updated_since: datetime | None = None,
        include_fields: Sequence[str] = LAST_CONTACT,
    ) -> Iterator[list[Written]]:
        """Yield the same persons, each as its id and its JSON: to be kept, not to be looked at."""
        return self._door.walk_as_written(
            "GET /api/v2/persons",
            filter_id=filter_id,
            updated_since=updated_since,
            include_fields=tuple(include_fields) or None,
            **IN_ID_ORDER,
        )

    def persons_by_id(
        self, ids: Sequence[int], include_fields: Sequence[str] = LAST_CONTACT
    ) -> Iterator[Page]:
        """Yield the persons that still exist; missing ones are left out without a word."""
        fields = tuple(include_fields) or None
        return self._door.by_id("GET /api/v2/persons", ids, include_fields=fields)

    def person(self, person_id: int) -> Record:
        """Return a living person. Gone for a 404 and for one marked deleted alike: which
        of the two the vendor sends is not documented."""
        person = self._door.one("GET /api/v2/persons/{id}", remote_id=person_id)
        if person.get("is_deleted"):
            raise Gone(wire.VENDOR, "GET /api/v2/persons/{id}", f"person {person_id} is deleted")
        return person

    def organizations(self, updated_since: datetime | None = None) -> Iterator[Page]:
        name = "GET /api/v2/organizations"
        return self._door.walk(name, updated_since=updated_since, **IN_ID_ORDER)

    def organizations_by_id(self, ids: Sequence[int]) -> Iterator[Page]:
        return self._door.by_id("GET /api/v2/organizations", ids)

    def activities_by_id(self, ids: Sequence[int]) -> Iterator[Page]:
        return self._door.by_id("GET /api/v2/activities", ids)

    def activities_of(self, person_id: int | None, since: datetime | None = None) -> Iterator[Page]:
        """Yield activities whose primary participant is the person (None: whoever), changed
        since then."""
        name = "GET /api/v2/activities"
        return self._door.walk(name, person_id=person_id, updated_since=since, **IN_ID_ORDER)

    def deals_of(self, person_id: int | None) -> Iterator[Page]:
        """Yield the person's deals (None: everybody's): living, deleted (30 days back),
        archived, and both."""
        for name in ("GET /api/v2/deals", "GET /api/v2/deals/archived"):
            for status in (None, "deleted"):
                yield from self._door.walk(name, person_id=person_id, status=status, **IN_ID_ORDER)

    def deals(self, updated_since: datetime | None = None) -> Iterator[Page]:
        """Yield everybody's deals of every status, archived ones last, changed since then.

        `stage_change_time` is that of the last change alone: a stage entered and left again is
        in `deal_changes`.
        """
        for name in CHANGED["deal"]:
            yield from self._door.walk(
                name, updated_since=updated_since, status=EVERY_DEAL, **IN_ID_ORDER
            )

    def deal_changes(self, deal_id: int) -> Iterator[Page]:
        """Yield what was changed of a deal, field by field, newest first; 20 tokens a page.
        `passages.py` reads its stages from it."""
        return self._door.walk("GET /v1/deals/{id}/changelog", remote_id=deal_id)

    def notes_of(self, person_id: int | None, since: datetime | None = None) -> Iterator[Page]:
        name = "GET /v1/notes"
        return self._door.walk_v1(name, person_id=person_id, updated_since=since, sort="id ASC")

    # What became of what we wrote

    def thing(self, noun: Noun, remote_id: int) -> Record:
        """Return it, deleted or not (`nouns.is_deleted`); Gone when the vendor has no such id.

        Gone is no proof that it never was: what was deleted is forgotten after 30 days.
        """
        return self._door.one(ONE[noun], remote_id=remote_id)

    def changed_since(self, noun: Noun, since: datetime) -> Page | None:
        """Return what the whole account changed since then, or None when that is above a page.

        Archived and deleted deals are among it; deleted activities and notes are not.
        """
        records: Page = []
        status = EVERY_DEAL if noun == "deal" else None
        for name in CHANGED[noun]:
            call = wire.call(name, updated_since=since, status=status, limit=wire.PAGE_LIMIT)
            answer = self._door.ask(call)
            is_v1 = call.path.startswith("/v1/")
            page = wire.read_page_v1(call, answer, 0) if is_v1 else wire.read_page(call, answer)
            if page.next_mark:
                return None
            records += page.records
        return records

    # Writes: sent once, never repeated here

    def create_filter(self, body: Mapping[str, Any]) -> int:
        return self._door.create("POST /v1/filters", body)

    def create_activity(self, body: Mapping[str, Any]) -> int:
        """Tie it to a person by `participants`: `person_id` is read-only at the vendor."""
        return self._door.create("POST /api/v2/activities", body)

    def create_deal(self, body: Mapping[str, Any]) -> int:
        return self._door.create("POST /api/v2/deals", body)

    def create_note(self, body: Mapping[str, Any]) -> int:
        """`content` is HTML and is sanitised: comments do not survive, visible text does."""
        return self._door.create("POST /v1/notes", body)

    def create_person(self, body: Mapping[str, Any]) -> int:
        return self._door.create("POST /api/v2/persons", body)

    def add_person(self, body: Mapping[str, Any]) -> Record:
        """Create a person and return it as the vendor made it: it splits names, rewrites values."""
        return self._door.made("POST /api/v2/persons", body)

    def update_person(self, person_id: int, body: Mapping[str, Any]) -> Record:
        return self._door.one("PATCH /api/v2/persons/{id}", remote_id=person_id, body=body)

    def create_deal_field(self, name: str, field_type: str) -> str:
        """Return the new field's code; names are labels, several fields may share one."""
        body = {"field_name": name, "field_type": field_type}
        call = wire.call("POST /api/v2/dealFields", body=body)
        return wire.read_code(call, self._door.ask(call))

    # Webhooks (what they deliver is read in webhooks.py)

    def webhooks(self) -> Page:
        """Return the webhooks of the app or user: whoever made one finds it by its
        `subscription_url` or `name`. They hold the passwords they were made with."""
        return self._door.list("GET /v1/webhooks")

    def create_webhook(self, settings: Mapping[str, Any], *, user: str, password: str) -> int:
        """Return the new webhook's id. `settings`: name, subscription_url, event_action and
        event_object; each delivery shows `user` and `password`."""
        body = {
            **settings, "version": "2.0", "http_auth_user": user, "http_auth_password": password,
        }  # fmt: skip
        return self._door.create("POST /v1/webhooks", body, secret=password)

    def delete_webhook(self, webhook_id: int) -> None:
        """Gone for one that was no longer there: the vendor deletes those that fail for days."""
        self._door.ask(wire.call("DELETE /v1/webhooks/{id}", remote_id=webhook_id))

    # Look-ups for what was written

    def find_activity(
        self, person_id: int, marker: str, since: datetime | None = None
    ) -> int | None:
        texts = ("note", "public_description", "subject")
        return first(
            self.activities_of(person_id, since), lambda record: is_in(record, texts, marker)
        )

    def find_deal(self, person_id: int, field_code: str, marker: str) -> int | None:
        return first(
            self.deals_of(person_id),
            lambda record: is_in(record.get("custom_fields"), (field_code,), marker),
        )

    def find_note(self, person_id: int, marker: str, since: datetime | None = None) -> int | None:
        return first(
            self.notes_of(person_id, since), lambda record: is_in(record, ("content",), marker)
        )

    def find_person(self, email: str, since: datetime | None = None) -> int | None:
        """Return the lowest id that holds the address, case ignored, changed since then."""
        wanted = email.strip().casefold()
        return first(self.persons(None, since, ()), lambda record: wanted in addresses(record))

    def find_filter(self, name: str, filter_type: str = "people") -> int | None:
        found = [
            record
            for record in self.filters()
            if record.get("name") == name and record.get("type") == filter_type
        ]
        alone = only(found, "GET /v1/filters", "id")
        return None if alone is None else int(alone["id"])

    def find_deal_field(self, name: str) -> str | None:
        """Return the code of our field; Refused when two custom fields share the name."""
        found = [
            record
            for record in self.deal_fields()
            if record.get("field_name") == name and record.get("is_custom_field")
        ]
        alone = only(found, "GET /api/v2/dealFields", "field_code")
        return None if alone is None else str(alone["field_code"])
