"""What an outsider sees of Pipedrive and Mailchimp, by the sandbox's books: one picture of both.

Values are texts, '' for empty, so that what two vendors write differently can be held together.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import httpx

Json = dict[str, Any]
OUT = ("unsubscribed", "cleaned", "archived")


@dataclass
class Person:
    """One live person. `emails` has the one it is synced by first, all in lower case."""

    id: int
    emails: list[str]
    values: dict[str, str]
    at: str
    has_phones: int = 0
    tier: str = ""


@dataclass
class Member:
    """One member of an audience, archived ones too; `id` is its contact id."""

    id: str
    audience: str
    email: str
    status: str
    values: dict[str, str]
    at: str
    tags: set[str] = field(default_factory=set)


@dataclass
class Both:
    """Both vendors at one moment."""

    persons: dict[int, Person]
    members: dict[str, Member]
    deals: dict[int, int | None]  # deal: its main person
    filters: set[str]
    tags: set[str]
    now: str = ""

    def copy(self) -> "Both":
        """One that may be changed without changing this."""
        return replace(
            self,
            persons={
                i: replace(p, emails=list(p.emails), values=dict(p.values))
                for i, p in self.persons.items()
            },
            members={
                i: replace(m, values=dict(m.values), tags=set(m.tags))
                for i, m in self.members.items()
            },
            deals=dict(self.deals),
            filters=set(self.filters),
            tags=set(self.tags),
        )

    def at_address(self, audience: str, email: str) -> Member | None:
        found = (m for m in self.members.values() if m.audience == audience and m.email == email)
        return next(found, None)


def text(value: Any) -> str:
    """A value as both sides would agree on it: numbers without idle zeros, money its amount."""
    if value is None or value == "":
        return ""
    if isinstance(value, dict):
        return text(value.get("value"))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(int(value)) if float(value).is_integer() else str(value)
    return str(value)


def first_address(emails: list[Json]) -> list[str]:
    """All addresses, first the one flagged primary; none flagged: as they stand."""
    told = sorted(emails, key=lambda way: not way.get("primary"))
    return [str(way["value"]).strip().lower() for way in told]


class Reader:
    """Reads books; `audiences` and field codes are those of the reset it was made after."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/_sandbox", timeout=60, trust_env=False)
        lists = self.book("mailchimp", "lists")
        self.audiences = {one["id"]: one["name"] for one in lists}
        fields = self.book("pipedrive", "personFields")
        self.custom = {
            f["field_name"]: f["field_code"] for f in fields if f["is_custom_field"]
        }  # fmt: skip
        tier = next(f for f in fields if f["field_name"] == "Customer tier")
        self.tiers = {option["id"]: option["label"] for option in tier["options"]}

    def book(self, vendor: str, name: str) -> list[Json]:
        """Every record that is not deleted."""
        told = self._http.get(f"/books/{vendor}/{name}").json()
        return [one for one in told if not one["_deleted"]]

    def read(self) -> Both:
        segments = self.book("mailchimp", "segments")
        named = {str(one["id"]): one["name"] for one in segments}
        filters = self.book("pipedrive", "filters")
        return Both(
            persons={p["id"]: self._person(p) for p in self.book("pipedrive", "persons")},
            members={
                m["contact_id"]: self._member(m, named)
                for m in self.book("mailchimp", "members")
            },
            deals={d["id"]: d["person_id"] for d in self._all("pipedrive", "deals")},
            filters={f["name"] for f in filters if f["active_flag"]},
            tags={f"{self.audiences[one['list_id']]}/{one['name']}" for one in segments},
        )  # fmt: skip

    def _all(self, vendor: str, name: str) -> list[Json]:
        told: list[Json] = self._http.get(f"/books/{vendor}/{name}").json()
        return told

    def _person(self, told: Json) -> Person:
        phones = sorted(told["phones"], key=lambda way: not way.get("primary"))
        custom = told["custom_fields"]
        values = {
            "first_name": text(told["first_name"]),
            "last_name": text(told["last_name"]),
            "job_title": text(told["job_title"]),
            "phone": text(phones[0]["value"]) if phones else "",
            "name": text(told["name"]),
        }
        for name in ("Region", "Renewal", "Contract value"):
            values[name] = text(custom.get(self.custom[name]))
        return Person(
            told["id"], first_address(told["emails"]), values, told["update_time"], len(phones),
            self.tiers.get(custom.get(self.custom["Customer tier"]), ""),
        )  # fmt: skip

    def _member(self, told: Json, tags: dict[str, str]) -> Member:
        return Member(
            told["contact_id"],
            self.audiences[told["list_id"]],
            told["email_address"].lower(),
            told["status"],
            {tag: text(value) for tag, value in told["merge_fields"].items() if text(value)},
            told["last_changed"],
            {tags[i] for i in told["tags"] if i in tags},
        )
