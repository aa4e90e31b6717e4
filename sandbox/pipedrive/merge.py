"""Merging persons, v1: the person of the path disappears into the other one."""

from typing import Any

from sandbox.books import Record
from sandbox.pipedrive import answers
from sandbox.pipedrive.answers import RefusalError
from sandbox.pipedrive.call import Call, v1_time
from sandbox.pipedrive.company import COMPANY_ID, Company
from sandbox.pipedrive.contacts import alive
from sandbox.vendor import Answer

FOLLOWING = ("deals", "activities", "notes")


def merge_persons(company: Company, call: Call) -> Answer:
    """What belonged to the loser belongs to the winner; the winner's values stand on conflict."""
    loser = alive(company, "persons", call.id)
    winner = alive(company, "persons", call.body().get("merge_with_id"))
    if loser["id"] == winner["id"]:
        raise RefusalError(400, "Person can not be merged with itself.")
    changes: dict[str, Any] = {k: v for k, v in loser.items() if winner[k] in (None, [], "")}
    for ways in ("emails", "phones"):
        changes[ways] = _joined(winner[ways], loser[ways])
    changes["custom_fields"] = loser["custom_fields"] | winner["custom_fields"]
    for name in FOLLOWING:
        for record in list(company.records(name)):
            if record["person_id"] == loser["id"]:
                company.change(name, record, _moved(record, loser["id"], winner["id"]), call)
    theirs = company.mail_times.pop(loser["id"], {})
    mine = company.mail_times[winner["id"]]
    mine |= {k: max(v, mine.get(k, "")) for k, v in theirs.items()}
    company.remove("persons", loser, call, merged_to_id=str(winner["id"]))
    after = company.change("persons", winner, changes, call, merged_from_id=str(loser["id"]))
    return answers.ok(_shown_v1(company, after) | {"merge_what_id": loser["id"]})


def _joined(first: list[Record], second: list[Record]) -> list[Record]:
    have = {way["value"].casefold() for way in first}
    has_primary = any(way["primary"] for way in first)
    extra = [way for way in second if way["value"].casefold() not in have]
    return first + [way | {"primary": way["primary"] and not has_primary} for way in extra]


def _moved(record: Record, loser_id: int, winner_id: int) -> Record:
    moved: Record = {"person_id": winner_id}
    if "participants" in record:
        moved["participants"] = [
            p | {"person_id": winner_id if p["person_id"] == loser_id else p["person_id"]}
            for p in record["participants"]
        ]
    return moved


def _shown_v1(company: Company, person: Record) -> Record:
    owner = company.user(person["owner_id"]) or {}
    org = company.live("organizations", person["org_id"]) or {}
    return {
        "id": person["id"],
        "company_id": COMPANY_ID,
        "owner_id": person["owner_id"],
        "org_id": person["org_id"],
        "name": person["name"],
        "first_name": person["first_name"],
        "last_name": person["last_name"],
        "active_flag": True,
        "phone": person["phones"],
        "email": person["emails"],
        "first_char": person["name"][:1].lower(),
        "add_time": v1_time(person["add_time"]),
        "update_time": v1_time(person["update_time"]),
        "visible_to": str(person["visible_to"]),
        "label_ids": person["label_ids"],
        "org_name": org.get("name"),
        "owner_name": owner.get("name"),
    }
