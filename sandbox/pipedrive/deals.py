"""Deals, pipelines and stages, v2. The stage decides the pipeline."""

from collections.abc import Callable
from typing import Any

from sandbox.books import Record
from sandbox.pipedrive import answers, checks
from sandbox.pipedrive.answers import RefusalError, invalid
from sandbox.pipedrive.call import Call
from sandbox.pipedrive.checks import or_null
from sandbox.pipedrive.company import Company
from sandbox.pipedrive.conditions import Matcher
from sandbox.pipedrive.contacts import alive, check_links, delete_one, kept, show_one
from sandbox.pipedrive.custom import merge_values
from sandbox.pipedrive.extras import shower
from sandbox.pipedrive.lists import Listing, answer_list, same
from sandbox.vendor import Answer

DEAL = {
    "title": checks.filled,
    "owner_id": checks.whole,
    "person_id": or_null(checks.whole),
    "org_id": or_null(checks.whole),
    "pipeline_id": checks.whole,
    "stage_id": checks.whole,
    "value": or_null(checks.number),
    "currency": or_null(checks.text),
    "is_deleted": checks.boolean,
    "is_archived": checks.boolean,
    "archive_time": or_null(checks.moment),
    "status": checks.among("open", "won", "lost", "deleted"),
    "probability": or_null(checks.number),
    "lost_reason": or_null(checks.text),
    "visible_to": checks.among(1, 3, 5, 7),
    "close_time": or_null(checks.moment),
    "won_time": or_null(checks.moment),
    "lost_time": or_null(checks.moment),
    "expected_close_date": or_null(checks.day),
    "label_ids": or_null(checks.wholes),
    "custom_fields": checks.anything,
}
PIPELINE = {"name": checks.filled, "is_deal_probability_enabled": checks.boolean}
STAGE = {
    "name": checks.filled,
    "pipeline_id": checks.whole,
    "deal_probability": checks.whole,
    "is_deal_rot_enabled": checks.boolean,
    "days_to_rotten": or_null(checks.whole),
}
QUICK: dict[str, Callable[[Company, str], Matcher]] = {
    member: same(member)
    for member in ("owner_id", "person_id", "org_id", "pipeline_id", "stage_id")
}
STATUSES = ("open", "won", "lost", "deleted")
PIPELINES = Listing("pipelines", has_filter=False)
STAGES = Listing(
    "stages",
    {"pipeline_id": same("pipeline_id")},
    ("id", "update_time", "add_time", "order_nr"),
    has_filter=False,
)


def list_deals(company: Company, call: Call) -> Answer:
    """Deleted deals only when `status` asks for them; archived ones never."""
    return _list(company, call, is_archived=False)


def list_archived_deals(company: Company, call: Call) -> Answer:
    return _list(company, call, is_archived=True)


def _list(company: Company, call: Call, *, is_archived: bool) -> Answer:
    asked = call.words("status")
    if not set(asked) <= set(STATUSES):
        raise invalid({"status": f"Expected {' | '.join(STATUSES)}"})
    wanted = asked or ("open", "won", "lost")

    def is_wanted(deal: Record) -> bool:
        return deal["is_archived"] == is_archived and deal["status"] in wanted

    listing = Listing("deals", QUICK, with_deleted="deleted" in wanted, always=is_wanted)
    return answer_list(company, call, listing, shower(company, call, "deals"))


def get_deal(company: Company, call: Call) -> Answer:
    return show_one(company, call, "deals", kept(company, "deals", call.id))


def create_deal(company: Company, call: Call) -> Answer:
    body = call.body()
    checks.check_body(body, DEAL, ("title",))
    check_links(company, body)
    limit = company.assume["deals_limit"]
    if limit is not None and sum(d["status"] == "open" for d in company.records("deals")) >= limit:
        said = "You have reached the limit of open deals of your plan."
        raise RefusalError(403, said, "feature_capping_deals_limit")
    record = blank_deal(company.next_id("deals"), call.user["id"], call.time)
    if not body.get("stage_id"):
        pipeline_id = body.get("pipeline_id") or company.ids["pipelines"][0]
        body["stage_id"] = _first_stage(company, pipeline_id)["id"]
    record |= _members(company, record, body, call)
    company.create("deals", record | {"stage_change_time": None}, call)
    return answers.one(company.shown_bytes("deals", alive(company, "deals", record["id"])))


def update_deal(company: Company, call: Call) -> Answer:
    """Archived deals are read-only except for leaving the archive."""
    before = alive(company, "deals", call.id)
    body = call.body()
    checks.check_body(body, DEAL)
    check_links(company, body)
    if before["is_archived"] and body.get("is_archived") is not False:
        raise RefusalError(400, "Archived deals cannot be edited")
    is_moved = body.get("pipeline_id", before["pipeline_id"]) != before["pipeline_id"]
    if is_moved and "stage_id" not in body:
        body["stage_id"] = _first_stage(company, body["pipeline_id"])["id"]
    after = company.change("deals", before, _members(company, before, body, call), call)
    return answers.one(company.shown_bytes("deals", after))


def delete_deal(company: Company, call: Call) -> Answer:
    return delete_one(company, call, "deals")


def blank_deal(record_id: int, user_id: int, time: str) -> Record:
    return {
        "id": record_id,
        "title": "",
        "creator_user_id": user_id,
        "owner_id": user_id,
        "person_id": None,
        "org_id": None,
        "pipeline_id": None,
        "stage_id": None,
        "value": 0,
        "currency": "EUR",
        "add_time": time,
        "update_time": time,
        "stage_change_time": None,
        "is_deleted": False,
        "is_archived": False,
        "archive_time": None,
        "status": "open",
        "probability": None,
        "lost_reason": None,
        "visible_to": 3,
        "close_time": None,
        "won_time": None,
        "lost_time": None,
        "expected_close_date": None,
        "label_ids": [],
        "origin": "API",
        "origin_id": None,
        "channel": None,
        "channel_id": None,
        "source_lead_id": None,
        "arr": None,
        "mrr": None,
        "acv": None,
        "custom_fields": {},
    }


def _first_stage(company: Company, pipeline_id: int) -> Record:
    stages = [s for s in company.records("stages") if s["pipeline_id"] == pipeline_id]
    if not stages:
        raise invalid({"pipeline_id": f"Entity {pipeline_id} not found"})
    return min(stages, key=lambda stage: stage["order_nr"])


def _members(company: Company, before: Record, body: dict[str, Any], call: Call) -> Record:
    members = {k: v for k, v in body.items() if k not in ("custom_fields", "pipeline_id")}
    if "custom_fields" in body:
        given = body["custom_fields"]
        members["custom_fields"] = merge_values(company, "deals", before["custom_fields"], given)
    if "stage_id" in body:
        stage = company.live("stages", body["stage_id"])
        if stage is None:
            raise invalid({"stage_id": f"Entity {body['stage_id']} not found"})
        members["pipeline_id"] = stage["pipeline_id"]
        if stage["id"] != before["stage_id"]:
            members["stage_change_time"] = call.time
    if "label_ids" in members:
        members["label_ids"] = members["label_ids"] or []
    if members.get("is_archived") and not before["is_archived"]:
        members["archive_time"] = members.get("archive_time") or call.time
    return members | _closing(before, members, call.time)


def _closing(before: Record, members: Record, time: str) -> Record:
    """Times of winning, losing and re-opening; a reason only stays with a lost deal."""
    status = members.get("status", before["status"])
    if members.get("lost_reason") and status != "lost":
        raise invalid({"lost_reason": "Only allowed when the deal is lost"})
    if status == before["status"]:
        return {}
    if status in ("won", "lost"):
        mark = f"{status}_time"
        return {mark: members.get(mark) or time, "close_time": members.get("close_time") or time}
    if status == "open":
        return {"won_time": None, "lost_time": None, "close_time": None, "lost_reason": None}
    raise invalid({"status": "Use DELETE to delete a deal"})


def list_pipelines(company: Company, call: Call) -> Answer:
    return answer_list(company, call, PIPELINES)


def get_pipeline(company: Company, call: Call) -> Answer:
    return show_one(company, call, "pipelines", alive(company, "pipelines", call.id))


def create_pipeline(company: Company, call: Call) -> Answer:
    call.admins_only()
    body = call.body()
    checks.check_body(body, PIPELINE, ("name",))
    record_id = company.next_id("pipelines")
    record = blank_pipeline(record_id, body["name"], call.time) | body
    return answers.ok(company.create("pipelines", record, call))


def update_pipeline(company: Company, call: Call) -> Answer:
    call.admins_only()
    body = call.body()
    checks.check_body(body, PIPELINE)
    before = alive(company, "pipelines", call.id)
    return answers.ok(company.change("pipelines", before, body, call))


def delete_pipeline(company: Company, call: Call) -> Answer:
    call.admins_only()
    return delete_one(company, call, "pipelines")


def list_stages(company: Company, call: Call) -> Answer:
    return answer_list(company, call, STAGES)


def get_stage(company: Company, call: Call) -> Answer:
    return show_one(company, call, "stages", alive(company, "stages", call.id))


def create_stage(company: Company, call: Call) -> Answer:
    call.admins_only()
    body = call.body()
    checks.check_body(body, STAGE, ("name", "pipeline_id"))
    alive(company, "pipelines", body["pipeline_id"])
    order_nr = sum(s["pipeline_id"] == body["pipeline_id"] for s in company.records("stages"))
    record = blank_stage(company.next_id("stages"), body["pipeline_id"], order_nr + 1, call.time)
    return answers.ok(company.create("stages", record | body, call))


def update_stage(company: Company, call: Call) -> Answer:
    call.admins_only()
    body = call.body()
    checks.check_body(body, STAGE)
    return answers.ok(company.change("stages", alive(company, "stages", call.id), body, call))


def delete_stage(company: Company, call: Call) -> Answer:
    call.admins_only()
    return delete_one(company, call, "stages")


def blank_pipeline(record_id: int, name: str, time: str) -> Record:
    return {
        "id": record_id,
        "name": name,
        "order_nr": record_id,
        "is_deleted": False,
        "is_deal_probability_enabled": True,
        "add_time": time,
        "update_time": time,
    }


def blank_stage(record_id: int, pipeline_id: int, order_nr: int, time: str) -> Record:
    return {
        "id": record_id,
        "order_nr": order_nr,
        "name": "",
        "is_deleted": False,
        "deal_probability": 100,
        "pipeline_id": pipeline_id,
        "is_deal_rot_enabled": False,
        "days_to_rotten": None,
        "add_time": time,
        "update_time": time,
    }
