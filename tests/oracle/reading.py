"""What an outsider can read of both vendors: a small client of our own, and one picture of all.

Nothing of the product is used here: an error it makes in reading must not be made twice.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple

import httpx

Json = dict[str, Any]
STATUSES = ("subscribed", "unsubscribed", "inactive", "bounced")
BOUNCE_LISTS = ("Hard", "Soft", "Blocked", "Temporary", "Generic")
PAGE = 500


class Happening(NamedTuple):
    """Something an address did, or that was done to it; `link` only for clicks."""

    kind: str
    campaign: str
    email: str
    link: str = ""


class Member(NamedTuple):
    """One row of the list as the vendor shows it."""

    email: str
    status: str
    merges: dict[str, str]


@dataclass(frozen=True)
class World:
    """Both vendors at one moment. Addresses that are keys are lower case."""

    persons: dict[int, Json]
    done_at: dict[int, str]
    organizations: dict[int, Json]
    person_fields: dict[str, Json]
    organization_fields: dict[str, Json]
    filters: dict[int, Json]
    filter_members: dict[int, frozenset[int]]
    users: dict[int, Json]
    stages: dict[int, Json]
    pipelines: dict[int, Json]
    activity_types: list[Json]
    activities: dict[int, Json]
    deals: dict[int, Json]
    notes: dict[int, Json]
    list_id: str
    merge_vars: list[Json]
    members: dict[str, Member]
    campaigns: dict[str, Json]
    happened: Counter[Happening]


class Pipedrive:
    """As one of its administrators; not the one the product uses, whose burst limit is its own."""

    def __init__(self, url: str, token: str = "sandbox-pipedrive-bob") -> None:
        self._clock = f"{url}/_sandbox/clock"
        self._http = httpx.Client(
            base_url=f"{url}/pipedrive", headers={"x-api-token": token}, timeout=60
        )

    def call(self, method: str, path: str, body: Json | None = None, **query: Any) -> Any:
        """The whole answer; anything but a success is an error of the scenario."""
        answer = self._http.request(method, path, json=body, params=query)
        if answer.status_code == 429:  # the burst limit, on the sandbox's own clock
            httpx.post(self._clock, json={"advance_s": 2})
            answer = self._http.request(method, path, json=body, params=query)
        if answer.status_code >= 400:
            raise RuntimeError(f"pipedrive: {method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    def walk(self, path: str, **query: Any) -> list[Json]:
        """Every record of a v2 list."""
        found: list[Json] = []
        cursor = None
        while True:
            asked = query | ({"cursor": cursor} if cursor else {})
            page = self.call("GET", f"/api/v2{path}", limit=PAGE, **asked)
            found += page["data"] or []
            cursor = (page.get("additional_data") or {}).get("next_cursor")
            if not cursor:
                return found

    def notes(self) -> list[Json]:
        found: list[Json] = []
        while True:
            page = self.call("GET", "/v1/notes", start=len(found), limit=PAGE)
            found += page["data"] or []
            if not page["additional_data"]["pagination"]["more_items_in_collection"]:
                return found


class Mailigen:
    """By the account's own key."""

    def __init__(self, url: str, key: str = "sandbox-mailigen-key") -> None:
        self._http = httpx.Client(base_url=f"{url}/mailigen", timeout=60)
        self._key = key

    def call(self, method: str, **form: str) -> Any:
        """What the vendor answers; an `error` in it is an error of the scenario."""
        answer = self._http.post(
            "/1.8/", params={"output": "json", "method": method}, data={"apikey": self._key} | form
        )
        told = answer.json()
        if isinstance(told, dict) and told.get("error"):
            raise RuntimeError(f"mailigen: {method}: {told['error']}")
        return told

    def rows(self, method: str, limit: int, **form: str) -> list[Any]:
        """Every row of a paged call, whether the rows come bare or under `data`."""
        found: list[Any] = []
        page = 0
        while True:
            told = self.call(method, start=str(page), limit=str(limit), **form)
            rows = told["data"] if isinstance(told, dict) else told
            found += rows
            page += 1
            if len(rows) < limit:
                return found

    def list_named(self, title: str) -> str:
        """The id of the list with that title; empty when there is none."""
        found = [each["id"] for each in self.call("lists") if each["name"] == title]
        return str(found[0]) if found else ""

    def members(self, list_id: str) -> dict[str, Member]:
        found: dict[str, Member] = {}
        for status in STATUSES:
            for row in self.rows("listMembers", 1000, id=list_id, status=status):
                told = self.call("listMemberInfo", id=list_id, email_address=row["email"])
                found[row["email"].lower()] = Member(row["email"], told["status"], told["merges"])
        return found

    def happened(self, campaign: str) -> Counter[Happening]:
        """Cumulative totals of one campaign, by address."""
        found: Counter[Happening] = Counter()
        opened = self.rows("campaignOpened", 1000, cid=campaign)
        sent = [row["email"] for row in opened]
        sent += self.rows("campaignNotOpened", 1000, cid=campaign)
        for row in opened:
            found[Happening("open", campaign, row["email"].lower())] = int(row["count"])
        for row in self.rows("campaignClickStatsDetails", 1000, cid=campaign):
            found[Happening("click", campaign, row["email"].lower(), row["link"])] += 1
        for email in sent:
            found[Happening("send", campaign, email.lower())] = 1
        for kind in BOUNCE_LISTS:
            for email in self.rows(f"campaign{kind}Bounces", 1000, cid=campaign):
                found[Happening("bounce", campaign, email.lower())] = 1
        return found


def read_world(url: str, list_title: str) -> World:
    """Everything the model needs, by the vendors' APIs alone. Nobody else may write meanwhile."""
    crm, engagement = Pipedrive(url), Mailigen(url)
    mail_times = "last_incoming_mail_time,last_outgoing_mail_time"
    activities = crm.walk("/activities")
    done_at: dict[int, str] = {}
    for activity in activities:
        if activity["done"] and activity["person_id"]:
            person, at = activity["person_id"], activity["marked_as_done_time"] or ""
            done_at[person] = max(done_at.get(person, ""), at)
    filters = {f["id"]: f for f in crm.call("GET", "/v1/filters")["data"]}
    live = [f["id"] for f in filters.values() if f["active_flag"] and f["type"] == "people"]
    list_id = engagement.list_named(list_title)
    sent = engagement.rows("campaigns", 1000, **{"filters[list_id]": list_id}) if list_id else []
    campaigns = {c["id"]: c for c in sent if c["send_time"]}
    return World(
        persons=_by_id(crm.walk("/persons", include_fields=mail_times)),
        done_at=done_at,
        organizations=_by_id(crm.walk("/organizations")),
        person_fields={f["field_code"]: f for f in crm.walk("/personFields")},
        organization_fields={f["field_code"]: f for f in crm.walk("/organizationFields")},
        filters=filters,
        filter_members={
            f: frozenset(p["id"] for p in crm.walk("/persons", filter_id=f)) for f in live
        },
        users=_by_id(crm.call("GET", "/v1/users")["data"]),
        stages=_by_id(crm.walk("/stages")),
        pipelines=_by_id(crm.walk("/pipelines")),
        activity_types=crm.call("GET", "/v1/activityTypes")["data"],
        activities=_by_id(activities),
        deals=_by_id(crm.walk("/deals")),
        notes=_by_id(crm.notes()),
        list_id=list_id,
        merge_vars=engagement.call("listMergeVars", id=list_id) if list_id else [],
        members=engagement.members(list_id) if list_id else {},
        campaigns=campaigns,
        happened=sum((engagement.happened(c) for c in campaigns), Counter()),
    )


def _by_id(records: list[Json]) -> dict[int, Json]:
    return {int(record["id"]): record for record in records}
