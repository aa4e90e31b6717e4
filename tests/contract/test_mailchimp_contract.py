"""Mailchimp's sandbox beside the contract: its calls, its members, its answers to odd requests."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.mailchimp.access import ACME_KEY
from sandbox.mailchimp.account import hash_of
from sandbox.stage import Stage
from sandbox.vendor import Answer, Request
from tests.contract import drawing
from tests.contract.exchange import Exchange
from tests.contract.mailchimp import MAILCHIMP, implemented
from tests.contract.openapi import JOINTS, Key, members

pytestmark = pytest.mark.skipif(bool(MAILCHIMP.why_absent()), reason=MAILCHIMP.why_absent())
BRIEF = settings(
    max_examples=10, deadline=None, database=None, derandomize=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
ROOT = "http://127.0.0.1:1/mailchimp"
# Members that the contract has and this sandbox never tells: other products, other channels,
# kinds of campaigns that it does not have.
NOT_TOLD = {
    "ab_split", "ab_split_opts", "variate_settings", "rss_opts", "rss_last_send", "social_card",
    "share_report", "timewarp", "parent_campaign_id", "marketing_permissions", "sms_phone_number",
    "parent_campaign", "ecommerce_data", "absplit_group", "can_cancel", "emails_canceled",
    "auto_fb_post", "capsule", "salesforce",
}  # fmt: skip
# Members that are told only where there is such a thing: recorded answers go without them.
TOLD_AT_TIMES = {
    "last_note", "unsubscribe_reason", "total_contacts", "segment_opts", "options", "url", "type",
    "choices", "date_format", "default_country", "phone_format", "status", "emails_sent",
}  # fmt: skip
LINKS = "_links"
# Members of recorded answers that the contract does not have.
ADDED = {"region", "tags_count", "consents_to_one_to_one_messaging"}


def fresh() -> Stage:
    return Stage(7, 40, "mailchimp", lambda: None)


def ask(stage: Stage, method: str, path: str, query: Any = (), body: bytes = b"") -> Answer:
    headers = {"authorization": f"Bearer {ACME_KEY}", "user-agent": drawing.AGENT,
               "content-type": "application/json", "x-sandbox-root": ROOT}  # fmt: skip
    at = stage.clock.now()
    return stage.perform(
        "mailchimp", Request(method, f"/3.0{path}", list(query), headers, body, at)
    )


def exchange(request: Request, answer: Answer) -> Exchange:
    """As a contract reads it."""
    kind = answer.headers.get("content-type", "").partition(";")[0]
    told = {"type": kind, "json": json.loads(answer.body)} if answer.body else None
    try:
        sent = (
            {"type": "application/json", "json": json.loads(request.body)} if request.body else None
        )
    except ValueError:
        sent = None
    return Exchange(
        "mailchimp", drawing.AGENT, request.method, request.path, tuple(request.query),
        answer.status, sent, told,
    )  # fmt: skip


def places(stage: Stage) -> dict[str, str]:
    """Something alive for every placeholder of a path."""
    books = stage.vendors["mailchimp"].books
    the_list = next(r for r in books["lists"].live() if r["name"] == "Newsletter")["id"]
    clicks = [r for r in books["activity"].live() if r["kind"] == "click"]
    click = next(act for act in clicks if act["list_id"] == the_list)
    campaign = books["campaigns"].get(click["campaign_id"]) or {}
    member = books["members"].get(click["contact_id"]) or {}
    segment = next(r for r in books["segments"].live() if r["type"] == "saved")
    category = next(iter(books["categories"].live()))
    interest = next(iter(books["interests"].live()))
    return {
        "list_id": the_list,
        "campaign_id": campaign["id"],
        "subscriber_hash": member["id"],
        "link_id": next(one["id"] for one in campaign["links"] if one["url"] == click["url"]),
        "segment_id": str(segment["id"]),
        "interest_category_id": category["id"],
        "interest_id": interest["id"],
        "merge_id": "1",
    }


def filled(path: str, known: dict[str, str]) -> str:
    steps = [known.get(s[1:-1], "none") if s.startswith("{") else s for s in path.split("/")]
    return "/".join(steps)


def keys(*methods: str) -> list[Key]:
    if MAILCHIMP.why_absent():
        return []
    known = [key for key in MAILCHIMP.known if " ".join(key) in implemented()]
    return [key for key in known if not methods or key[1] in methods]


def test_every_call_of_the_sandbox_is_in_the_contract_by_the_same_name() -> None:
    """ALL-06: nothing is answered that the vendor does not have."""
    assert implemented() <= set(MAILCHIMP.operations())
    assert len(implemented()) > 80


@pytest.fixture(scope="module")
def stage() -> Stage:
    """An account in which there is one of everything."""
    made = fresh()
    known = places(made)
    email = "busy@new.example"
    path = f"/lists/{known['list_id']}/members"
    posts: list[tuple[str, Any]] = [
        (path, {"email_address": email, "status": "subscribed", "tags": ["Customer"]}),
        (f"{path}/{hash_of(email)}/notes", {"note": "A note"}),
        (f"{path}/{hash_of(email)}/events", {"name": "seen"}),
        (f"/lists/{known['list_id']}/webhooks", {"url": "http://127.0.0.1:1/hook"}),
        ("/batch-webhooks", {"url": "http://127.0.0.1:1/hook"}),
        ("/batches", {"operations": [{"method": "GET", "path": "/ping"}]}),
    ]
    for place, body in posts:
        answer = ask(made, "POST", place, body=json.dumps(body).encode())
        assert answer.status < 300, answer.body
    made.clock.advance(60)
    vendor = made.vendors["mailchimp"]
    for event in (
        {"kind": "open", "email": email}, {"kind": "click", "email": email}, {"kind": "bounce", "email": email, "type": "soft"},
        {"kind": "unsubscribe", "email": email},
    ):  # fmt: skip
        vendor.play({**event, "campaign": known["campaign_id"]})
    vendor.play({"kind": "subscribe", "email": email})
    vendor.play({"kind": "abuse", "email": email, "campaign": known["campaign_id"]})
    return made


@pytest.mark.parametrize("key", keys("GET"), ids=" ".join)
def test_every_member_of_an_answer_is_one_that_the_contract_names_and_none_is_missing(
    key: Key, stage: Stage
) -> None:
    """ALL-02: a name of ours in the vendor's place would teach our readers wrong."""
    path = filled(key[2], places(stage) | made_places(stage))
    query = [("query", "busy")] if key[2] == "/search-members" else []
    answer = ask(stage, "GET", path, query)
    assert answer.status == 200, (path, answer.body)
    schema = MAILCHIMP.known[key].answers["200"]
    told = json.loads(answer.body)
    found = sorted(set(strangers(told, schema, "")))
    assert found == [], path
    absent = sorted(set(missing(told, schema, "")))
    assert absent == [], path


def made_places(stage: Stage) -> dict[str, str]:
    """What the fixture made, by placeholder; a member of whom everything is told."""
    books = stage.vendors["mailchimp"].books
    found = {
        f"{name}_id": str(next(iter(books[book].live()))["id"])
        for name, book in (
            ("webhook", "webhooks"), ("batch_webhook", "batch_webhooks"), ("batch", "batches"),
            ("note", "notes"),
        )
    }  # fmt: skip
    report = next(r for r in books["activity"].live() if r["kind"] == "abuse")
    return found | {"report_id": str(report["id"]), "subscriber_hash": hash_of("busy@new.example")}


def strangers(told: Any, schema: Any, where: str) -> Any:
    """Members of the answer that no part of its schema has."""
    if isinstance(told, list):
        for part in told:
            yield from strangers(part, (schema or {}).get("items"), where)
    known = members(schema) if isinstance(schema, dict) else {}
    if isinstance(told, dict) and known and not open_ended(schema):
        for name, part in ((n, p) for n, p in told.items() if n != LINKS):
            if name not in known and name not in ADDED:
                yield f"{where}.{name}"
            yield from strangers(part, known.get(name), f"{where}.{name}")


def missing(told: Any, schema: Any, where: str) -> Any:
    """Members of the schema that the answer's first record does not tell."""
    if isinstance(told, list):
        if told:
            yield from missing(told[0], (schema or {}).get("items"), where)
        return
    if (
        not isinstance(told, dict)
        or not isinstance(schema, dict)
        or any(j in schema for j in JOINTS)
    ):
        return
    for name, part in members(schema).items():
        if name not in told and name not in NOT_TOLD | TOLD_AT_TIMES:
            yield f"{where}.{name}"
        elif name in told and name != LINKS:
            yield from missing(told[name], part, f"{where}.{name}")


def open_ended(schema: Any) -> bool:
    return isinstance(schema, dict) and bool(schema.get("additionalProperties"))


def test_the_results_of_a_batch_fit_the_contract_as_answers_do(stage: Stage) -> None:
    """ALL-06: an operation is answered as the call itself would be."""
    known = places(stage) | made_places(stage)
    paths = [filled(key[2], known) for key in keys("GET") if key[2] != "/search-members"]
    operations = [{"method": "GET", "path": path} for path in paths]
    body = json.dumps({"operations": operations}).encode()
    batch_id = json.loads(ask(stage, "POST", "/batches", body=body).body)["id"]
    stage.clock.advance(60)
    batch = stage.vendors["mailchimp"].books["batches"].get(batch_id) or {}
    for path, result in zip(paths, batch["results"], strict=True):
        told = {"type": "application/json", "json": json.loads(result["response"])}
        answered = Exchange(
            "mailchimp", drawing.AGENT, "GET", f"/3.0{path}", (), result["status_code"], None, told
        )
        assert result["status_code"] == 200, path
        assert not MAILCHIMP.hold(answered)


COMPANY = {
    "company": "A", "address1": "Main 1", "city": "Riga", "state": "", "zip": "1010", "country": "LV"
}  # fmt: skip
MAILS = {"from_name": "A", "from_email": "a@new.example", "subject": "", "language": "en"}


def test_what_a_call_makes_can_be_changed_and_taken_away_by_the_contract() -> None:
    """ALL-06: writes are told as the contract tells them, and a 204 is without a body."""
    stage = fresh()
    known = places(stage)
    the_list, category = f"/lists/{known['list_id']}", known["interest_category_id"]
    email = "write@new.example"
    member = f"{the_list}/members/{hash_of(email)}"
    steps: list[tuple[str, str, Any, int]] = [
        ("POST", f"{the_list}/members", {"email_address": email, "status": "subscribed"}, 200),
        ("PUT", member, {"email_address": email, "status": "subscribed"}, 200),
        ("POST", f"{member}/notes", {"note": "One"}, 200),
        ("PATCH", f"{member}/notes/1", {"note": "Two"}, 200),
        ("DELETE", f"{member}/notes/1", None, 204),
        ("POST", f"{the_list}/segments", {"name": "New", "static_segment": []}, 200),
        ("POST", f"{the_list}/merge-fields", {"name": "Town", "type": "text"}, 200),
        ("POST", f"{the_list}/interest-categories/{category}/interests", {"name": "Art"}, 200),
        ("PATCH", f"{the_list}/interest-categories/{category}",
         {"title": "Themes", "type": "checkboxes"}, 200),
        ("POST", "/lists", {"name": "Another", "permission_reminder": "Hello", "contact": COMPANY,
                            "campaign_defaults": MAILS | {"subject": "Hi"},
                            "email_type_option": False}, 200),
    ]  # fmt: skip
    made = 0
    for method, path, body, status in steps:
        answer = called(stage, method, path, body)
        assert answer.status == status, (path, answer.body)
        assert bool(answer.body) == (status == 200)
        if path.endswith("/segments"):
            made = json.loads(answer.body)["id"]
    inside = f"{the_list}/segments/{made}/members"
    assert called(stage, "POST", inside, {"email_address": email}).status == 200
    assert called(stage, "DELETE", f"{inside}/{hash_of(email)}", None).status == 204


def called(stage: Stage, method: str, path: str, body: Any) -> Answer:
    """The answer, held against the contract with the request."""
    raw = b"" if body is None else json.dumps(body).encode()
    answer = ask(stage, method, path, body=raw)
    request = Request(method, f"/3.0{path}", [], {}, raw, stage.clock.now())
    assert not MAILCHIMP.hold(exchange(request, answer)), path
    return answer


IDS = st.sampled_from(["none", "0", "-1", "a@b.example", "²", "9" * 5000, "0" * 32, "%", "1"])


@pytest.mark.parametrize("key", keys(), ids=" ".join)
@BRIEF
@given(data=st.data())
def test_no_request_from_the_contract_crashes_mailchimps_sandbox(
    key: Key, data: st.DataObject
) -> None:
    """ALL-06: whatever is asked is answered as the contract says, or refused as it says."""
    stage = fresh()
    known = places(stage)
    for _ in range(data.draw(st.integers(1, 3))):
        steps = {name: data.draw(st.just(value) | IDS) for name, value in known.items()}
        drawn = drawing.requests(key[1], filled(key[2], steps), MAILCHIMP.known[key], IDS)
        asked = data.draw(drawn)
        answer = ask(stage, asked.method, asked.path, asked.query, asked.body)
        request = asked._replace(path=f"/3.0{asked.path}")
        complaints = MAILCHIMP.hold(exchange(request, answer))
        assert not complaints, (request.body[:500], answer.body[:500], complaints)
        stage.clock.advance(30)
