"""Webhooks: who hears of what, from which source, signed how."""

import hashlib
import hmac
from typing import Any

import orjson
import pytest
from mailigen_desk import Desk

URL = "http://127.0.0.1:9/hook"
EVERYTHING = [
    "contact.subscribe",
    "contact.unsubscribe",
    "contact.update",
    "email.change",
    "email.open",
    "email.click",
    "email.bounce",
]


def listen(desk: Desk, **options: Any) -> str:
    wanted = {"list_id": desk.list_id, "url": URL, "secret_key": "s3", "events": EVERYTHING}
    return str(desk.call("webhookCreate", title="Hook", options=wanted | options))


def heard(desk: Desk) -> list[dict[str, Any]]:
    return [orjson.loads(body) for _, _, body in desk.delivered]


def test_a_delivery_is_json_signed_with_the_secret(desk: Desk) -> None:
    listen(desk)
    desk.subscribe("a@x.lv", merge_vars={"FNAME": "Ann"})
    url, headers, body = desk.delivered[0]
    fields = {"FNAME": "Ann", "LNAME": ""}
    assert (url, orjson.loads(body)) == (
        URL,
        {
            "hook": "contact.subscribe",
            "data": [{"list": desk.list_id, "email": "a@x.lv", "fields": fields}],
        },
    )
    expected = hmac.new(b"s3", body, hashlib.sha1).hexdigest()
    assert headers["X-Mailigen-Signature"] == f"sha1={expected}"


def test_a_batch_is_told_in_one_delivery(desk: Desk) -> None:
    listen(desk)
    batch = [{"EMAIL": f"n{i}@x.lv"} for i in range(3)]
    desk.call("listBatchSubscribe", id=desk.list_id, batch=batch, double_optin=False)
    assert [len(delivery["data"]) for delivery in heard(desk)] == [3]
    assert desk.call("webhooks")[0]["total_events"] == 3


@pytest.mark.parametrize(
    ("source", "event"),
    [
        ("subscriber", {"kind": "subscribe", "email": "new@x.lv"}),
        ("subscriber", {"kind": "unsubscribe", "email": "in@x.lv"}),
        ("subscriber", {"kind": "email_change", "email": "in@x.lv", "new_email": "b@x.lv"}),
        ("admin", {"kind": "edit", "email": "in@x.lv", "fields": {"FNAME": "X"}}),
    ],
)
def test_a_webhook_hears_only_of_its_sources(
    desk: Desk, source: str, event: dict[str, Any]
) -> None:
    for name in ("subscriber", "admin", "api"):
        listen(desk, url=f"{URL}/{name}", sources=[name])
    desk.subscribe("in@x.lv")
    desk.delivered.clear()
    desk.vendor.play(event)
    assert [url for url, _, _ in desk.delivered] == [f"{URL}/{source}"]


@pytest.mark.parametrize("kind", ["open", "click", "bounce"])
def test_engagement_is_told_without_its_campaign_unless_assumed(desk: Desk, kind: str) -> None:
    listen(desk)
    cid, email = desk.vendor.account()["campaigns"]["Product news 3"], desk.emails()[0]
    event = {"kind": kind, "campaign": cid, "email": email, "type": "soft"}
    desk.vendor.play(event)
    desk.vendor.assume("email_webhooks_carry_campaign", True)
    desk.vendor.play(event)
    told = heard(desk)
    assert [delivery["hook"] for delivery in told] == [f"email.{kind}"] * 2
    assert [delivery["data"][0].get("campaign") for delivery in told] == [None, cid]


def test_a_webhook_hears_only_of_its_list_unless_it_has_none(desk: Desk) -> None:
    listen(desk, url=f"{URL}/one")
    listen(desk, url=f"{URL}/all", list_id="")
    desk.vendor.play({"kind": "subscribe", "list": "Partners", "email": "a@x.lv"})
    assert [url for url, _, _ in desk.delivered] == [f"{URL}/all"]


def test_a_webhook_without_a_secret_is_not_signed(desk: Desk) -> None:
    listen(desk, secret_key="")
    desk.subscribe("a@x.lv")
    assert "X-Mailigen-Signature" not in desk.delivered[0][1]


def test_events_that_were_not_asked_for_are_not_told(desk: Desk) -> None:
    listen(desk, events=["contact.unsubscribe"])
    desk.subscribe("a@x.lv")
    assert desk.delivered == []


def test_a_deletion_fires_nothing_unless_assumed(desk: Desk) -> None:
    listen(desk)
    first, second = desk.emails()[:2]
    desk.call("listMemberDelete", id=desk.list_id, email_address=first)
    assert desk.delivered == []
    desk.vendor.assume("delete_fires_unsubscribe", True)
    desk.call("listMemberDelete", id=desk.list_id, email_address=second)
    assert heard(desk)[0]["hook"] == "contact.unsubscribe"


def test_a_webhook_is_changed_copied_and_deleted(desk: Desk) -> None:
    wid = listen(desk)
    assert desk.call("webhookUpdate", wid=wid, name="title", value="Mine") == "true"
    copy = desk.call("webhookReplicate", wid=wid)
    assert copy != wid
    assert desk.call("webhookDelete", wid=wid) == "true"
    shown = desk.call("webhooks")
    assert shown == [{"id": copy, "title": "Mine", "last_event": "", "total_events": 0}]
    assert "error" in desk.call("webhookDelete", wid=wid)


@pytest.mark.parametrize(
    "options",
    [
        {"url": "ftp://x"},
        {"url": "http://["},
        {"events": ["nope"]},
        {"list_id": "nope"},
        {"sources": ["cat"]},
    ],
)
def test_a_webhook_that_could_not_work_is_refused(desk: Desk, options: dict[str, Any]) -> None:
    wanted = {"list_id": desk.list_id, "url": URL, "events": EVERYTHING}
    assert "error" in desk.call("webhookCreate", title="Hook", options=wanted | options)
