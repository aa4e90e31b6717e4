"""The demo's look at both vendors: through their own APIs, as any outsider would."""

from collections import Counter
from typing import Any, NamedTuple

import httpx

TOKEN = {"x-api-token": "sandbox-pipedrive-admin"}
KEY = "sandbox-mailigen-key"
LIST = "Newsletter"


class Look(NamedTuple):
    """What was there when somebody looked."""

    subscribed: int
    with_source: int
    merge_vars: tuple[str, ...]
    activities: int
    deals: int
    notes: int


class Vendors:
    """Reads both sides; plays engagement through the sandbox's control surface."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = httpx.Client(timeout=30)
        self._seen: dict[str, set[str]] = {}
        self._played: list[str] = []

    def look(self) -> Look:
        return Look(
            subscribed=len(self._members()),
            with_source=len(self._synced()),
            merge_vars=tuple(v["tag"] for v in self._mailigen("listMergeVars", id=self._list_id())),
            activities=self._count_v2("activities"),
            deals=self._count_v2("deals"),
            notes=len(self._v1("notes", limit=500)),
        )

    def say_difference(self, before: Look, after: Look) -> None:
        print(f"   {'':34}{'before':>10}{'after':>10}")
        rows = (
            ("Mailigen: subscribers", before.subscribed, after.subscribed),
            ("Mailigen: with a Pipedrive source", before.with_source, after.with_source),
            ("Mailigen: merge fields", len(before.merge_vars), len(after.merge_vars)),
            ("Pipedrive: activities", before.activities, after.activities),
            ("Pipedrive: deals", before.deals, after.deals),
            ("Pipedrive: notes", before.notes, after.notes),
        )
        for name, old, new in rows:
            mark = "" if old == new else f"  {new - old:+d}"
            print(f"   {name:34}{old:>10}{new:>10}{mark}")

    def play_engagement(self) -> list[str]:
        """Three fresh contacts: one opens three mails, one clicks twice, one bounces."""
        campaigns = [
            c["id"] for c in self._mailigen("campaigns", limit=100) if c["status"] == "sent"
        ]
        fresh = [e for e in self._synced() if e not in self._engaged(campaigns)]
        opener, clicker, bouncer = fresh[:3]
        self._played = [opener, clicker]
        for campaign in campaigns[:3]:
            self._event({"kind": "open", "campaign": campaign, "email": opener})
        self._event({"kind": "click", "campaign": campaigns[0], "email": clicker, "times": 2})
        self._event({"kind": "bounce", "campaign": campaigns[1], "email": bouncer, "type": "soft"})
        return [
            "one contact opened three campaigns (the rule `warm` waits for three opens)",
            "one contact clicked twice (the rule `hot` waits for two clicks)",
            "one contact's mail bounced (noted)",
        ]

    def say_one_contact(self) -> None:
        """Everything Pipedrive now holds about the one who opened three campaigns."""
        email = self._played[0]
        person = next(p for p in self._persons() if _primary(p) == email)
        print(f"   the contact who opened three campaigns is person {person['id']}:")
        for activity in self._v2("activities", person_id=person["id"]):
            print(f"     activity {activity['id']}: {activity['type']}, {activity['subject']}")
        for note in self._v1("notes", person_id=person["id"]):
            print(f"     note {note['id']}: {note['content']}")

    def example_key(self) -> str:
        """The address of the contact who clicked twice, for `explain`."""
        return self._played[1]

    def journal_end(self) -> int:
        lines = self._http.get(f"{self._url}/_sandbox/journal").text.splitlines()
        return len(lines)

    def writes(self, after: int = 0) -> list[Any]:
        """What was committed at the vendors by anybody but the sandbox's own stage hands."""
        lines = self._http.get(f"{self._url}/_sandbox/journal", params={"after": after}).text
        entries = [httpx.Response(200, text=line).json() for line in lines.splitlines()]
        return [e for e in entries if e["effects"] and e["method"] != "PLAY"]

    def _engaged(self, campaigns: list[str]) -> set[str]:
        found: set[str] = set()
        for cid in campaigns:
            found |= {
                row["email"]
                for row in self._mailigen("campaignOpened", cid=cid, limit=1000)["data"]
            }
            details = self._mailigen("campaignClickStatsDetails", cid=cid, limit=1000)
            found |= {row["email"] for row in details}
        return found

    def _synced(self) -> list[str]:
        rows = self._http.get(f"{self._url}/_sandbox/books/mailigen/members").json()
        counted = Counter(
            row["email"]
            for row in rows
            if not row["_deleted"]
            and str(row.get("merges", {}).get("SOURCE", "")).startswith("Pipedrive")
            and row.get("status") == "subscribed"
        )
        return sorted(counted)

    def _members(self) -> list[Any]:
        return list(
            self._mailigen("listMembers", id=self._list_id(), status="subscribed", limit=15000)
        )

    def _list_id(self) -> str:
        return next(str(one["id"]) for one in self._mailigen("lists") if one["name"] == LIST)

    def _mailigen(self, method: str, **fields: Any) -> Any:
        answer = self._http.post(
            f"{self._url}/mailigen/1.8/",
            params={"output": "json", "method": method},
            data={"apikey": KEY, **fields},
        )
        return answer.raise_for_status().json()

    def _persons(self) -> list[Any]:
        return self._v2("persons")

    def _v2(self, path: str, **query: Any) -> list[Any]:
        found: list[Any] = []
        cursor = None
        while True:
            params = {"limit": 500, **query} | ({"cursor": cursor} if cursor else {})
            body = self._http.get(
                f"{self._url}/pipedrive/api/v2/{path}", params=params, headers=TOKEN
            ).json()
            found += body["data"]
            cursor = (body.get("additional_data") or {}).get("next_cursor")
            if cursor is None:
                return found

    def _count_v2(self, path: str) -> int:
        return len(self._v2(path))

    def _v1(self, path: str, **query: Any) -> list[Any]:
        url = f"{self._url}/pipedrive/v1/{path}"
        return self._http.get(url, params=query, headers=TOKEN).json()["data"] or []

    def _event(self, event: dict[str, Any]) -> None:
        self._http.post(f"{self._url}/_sandbox/events/mailigen", json=event).raise_for_status()


def _primary(person: dict[str, Any]) -> str:
    emails = person.get("emails") or []
    chosen = next((e for e in emails if e["primary"]), emails[0] if emails else {"value": ""})
    return str(chosen["value"]).strip().lower()
