"""Audience webhooks: who is told, what the form holds, retries, signatures."""

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest
from mailchimp_line import Ear, Line

from sandbox.server import Running

ALL = dict.fromkeys(("subscribe", "unsubscribe", "profile", "cleaned", "upemail", "campaign"), True)
SOURCES = dict.fromkeys(("user", "admin", "api"), True)
ANN = "ann.hook@new.example"


@pytest.fixture
def line(running: Running) -> Iterator[Line]:
    talking = Line(running.url)
    talking.reset()
    yield talking
    talking.http.close()


@pytest.fixture
def ear() -> Iterator[Ear]:
    with Ear() as listening:
        yield listening


def hook(line: Line, url: str, **told: Any) -> Any:
    body = {"url": url, "events": ALL, "sources": SOURCES, **told}
    return line.post(f"/lists/{line.list_id}/webhooks", body)


def test_an_address_is_looked_at_with_get_before_it_is_taken(line: Line, ear: Ear) -> None:
    """ALL-12: an address that does not answer a GET is refused with what it answered."""
    ear.at_look = 405
    path = f"/lists/{line.list_id}/webhooks"
    body = {"url": ear.url, "events": ALL, "sources": SOURCES}
    said = line.refusal("POST", path, body)
    assert said["errors"][0]["message"].endswith("HTTP Code: 405")
    assert line.refusal("POST", path, body | {"url": "http://127.0.0.1:9/x"})["status"] == 400
    ear.at_look = 200
    assert hook(line, ear.url)["url"] == ear.url
    assert ear.looks == ["MailChimp.com WebHook Validator"] * 2
    assert not ear.heard


def test_no_key_no_look(line: Line, ear: Ear) -> None:
    """ALL-11: nobody can make the vendor call an address without a key."""
    line.key = "wrong-us6"
    assert (
        line.refusal("POST", f"/lists/{line.list_id}/webhooks", {"url": ear.url})["status"] == 401
    )
    assert not ear.looks


def test_two_webhooks_may_not_differ_in_their_query_alone(line: Line, ear: Ear) -> None:
    """ALL-12: the secret in the query does not make another address."""
    made = hook(line, f"{ear.url}?secret=one")
    assert line.refusal(
        "POST", f"/lists/{line.list_id}/webhooks", {"url": f"{ear.url}?secret=two"}
    )["errors"][0]["field"] == "url"  # fmt: skip
    path = f"/lists/{line.list_id}/webhooks/{made['id']}"
    changed = line.call(
        "PATCH", path, {"url": f"{ear.url}?secret=two", "events": {"profile": False}}
    )
    assert changed["url"].endswith("two")
    assert changed["events"] == ALL | {"profile": False}
    assert line.get(f"/lists/{line.list_id}/webhooks")["total_items"] == 1
    line.call("DELETE", path)
    assert line.refusal("GET", path)["status"] == 404


def test_a_subscription_is_told_as_a_form_with_every_merge_field(line: Line, ear: Ear) -> None:
    """MC-08: type, fired_at without a zone, and the member as brackets name it."""
    hook(line, f"{ear.url}?secret=s3")
    address = {"addr1": "Main 1", "city": "Riga", "state": "-", "zip": "1010"}
    line.add(ANN, merge_fields={"FNAME": "Ann", "ADDRESS": address})
    heard = ear.until(1)[0]
    form = heard.form
    assert heard.path == "/hook?secret=s3"
    assert heard.headers["content-type"] == "application/x-www-form-urlencoded"
    assert form["type"] == "subscribe"
    assert len(form["fired_at"]) == len("2026-01-31 09:00:00")
    assert form["data[email]"] == form["data[merges][EMAIL]"] == ANN
    assert form["data[merges][FNAME]"] == "Ann"
    assert form["data[merges][ADDRESS][city]"] == "Riga"
    assert form["data[merges][LNAME]"] == form["data[merges][INTERESTS]"] == ""
    assert form["data[list_id]"] == line.list_id
    assert len(form["data[id]"]) == 10
    assert "x-mailchimp-signature" not in heard.headers


def test_a_change_is_told_to_those_who_asked_for_its_event_and_its_source(
    line: Line, ear: Ear
) -> None:
    """ALL-12: without the api as a source, nobody hears the echo of own writes."""
    hook(line, ear.url, sources={"user": True, "admin": True, "api": False})
    line.add(ANN)
    line.call("PATCH", line.member_path(ANN), {"merge_fields": {"FNAME": "Ann"}})
    line.play("update_profile", email=ANN, fields={"FNAME": "Anna"})
    line.play("edit", email=ANN, fields={"LNAME": "Berg"})
    line.play("unsubscribe", email=ANN)
    assert ear.kinds(3) == ["profile", "profile", "unsubscribe"]
    left = ear.heard[2].form
    assert (left["data[action]"], left["data[reason]"]) == ("unsub", "manual")


def test_a_campaign_is_told_whatever_the_sources(line: Line, ear: Ear) -> None:
    """ALL-12: campaign events are not filtered by source."""
    hook(line, ear.url, sources={})
    sent = line.play("send", campaign="A new one")
    form = ear.until(1)[0].form
    assert (form["type"], form["data[id]"]) == ("campaign", sent["campaign"])
    assert (form["data[status]"], form["data[subject]"]) == ("sent", "A new one")


def test_a_new_address_is_told_with_a_profile_and_as_an_assumption_without(
    line: Line, ear: Ear
) -> None:
    """MC-10: upemail names both addresses; old pages have a profile beside it."""
    hook(line, ear.url)
    line.add(ANN)
    line.play("change_address", email=ANN, new_email="ann2@new.example")
    assert ear.kinds(3) == ["subscribe", "upemail", "profile"]
    moved = ear.heard[1].form
    assert (moved["data[old_email]"], moved["data[new_email]"]) == (ANN, "ann2@new.example")
    line.assume("upemail_comes_with_profile", False)
    line.play("change_address", email="ann2@new.example", new_email="ann3@new.example")
    line.play("archive", email="ann3@new.example")
    assert ear.kinds(5)[3:] == ["upemail", "unsubscribe"]
    assert ear.heard[4].form["data[action]"] == "delete"


def test_a_hard_bounce_is_told_as_cleaned_and_never_as_leaving_too(line: Line, ear: Ear) -> None:
    """ALL-08: one of the two, with the campaign it bounced at."""
    hook(line, ear.url)
    line.add(ANN)
    line.play("bounce", campaign="Product update", email=ANN, type="soft")
    line.play("bounce", campaign="Product update", email=ANN, type="hard")
    line.play("tag", email=ANN, tag="Customer")
    line.play("send", campaign="Afterwards")
    assert ear.kinds(3) == ["subscribe", "cleaned", "campaign"]
    form = ear.heard[1].form
    assert (form["data[reason]"], form["data[email]"]) == ("hard", ANN)
    assert form["data[campaign_id]"] == line.account()["campaigns"]["Product update"]


def test_a_complaint_is_told_as_leaving_or_as_cleaned(line: Line, ear: Ear) -> None:
    """ALL-08: an assumption both ways; never both for one address."""
    hook(line, ear.url)
    for email in (ANN, "bea@new.example"):
        line.add(email)
        line.play("abuse", campaign="Product update", email=email)
        line.assume("abuse_is_told_as", "cleaned")
    assert ear.kinds(4) == ["subscribe", "unsubscribe", "subscribe", "cleaned"]
    assert {heard.form.get("data[reason]") for heard in ear.heard[1::2]} == {"abuse"}


def test_what_fails_is_tried_again_for_75_minutes_and_then_lost(line: Line, ear: Ear) -> None:
    """ALL-12: the sweep has to find what a receiver was too ill to hear."""
    hook(line, ear.url)
    ear.status = 500
    line.add(ANN)
    for count, wait_s in enumerate((60, 180, 360, 600, 1200, 2100), start=1):
        ear.until(count)
        settle(line, count)
        line.advance(wait_s)
    ear.until(7)
    settle(line, 7)
    ear.status = 200
    line.advance(86400)
    line.play("tag", email=ANN, tag="Customer")
    line.play("unsubscribe", email=ANN)
    assert ear.kinds(8) == ["subscribe"] * 7 + ["unsubscribe"]


def test_beyond_what_may_wait_events_are_lost(line: Line, ear: Ear) -> None:
    """ALL-12: a receiver that is down for long misses what comes when the queue is full."""
    line.assume("webhooks_waiting_most", 2)
    hook(line, ear.url)
    ear.status = 500
    for number in range(3):
        line.add(f"wait{number}@new.example")
    ear.until(2)
    settle(line, 3)
    ear.status = 200
    line.advance(60)
    ear.until(4)
    settle(line, 5)
    line.add(ANN)
    assert {heard.form["data[email]"] for heard in ear.until(5)} == {
        "wait0@new.example", "wait1@new.example", ANN,
    }  # fmt: skip


def test_by_the_release_note_it_is_tried_twenty_times_and_then_disabled(
    line: Line, ear: Ear
) -> None:
    """ALL-12: the other reading; a change of the webhook takes it up again."""
    line.assume("webhook_retries", "twenty_then_disabled")
    made = hook(line, ear.url)
    ear.status = 500
    line.add(ANN)
    for count in range(1, 22):
        ear.until(count)
        settle(line, count)
        line.advance(1500)
    ear.status = 200
    assert line.book("webhooks")[0]["disabled_at"]
    line.play("unsubscribe", email=ANN)
    line.call(
        "PATCH", f"/lists/{line.list_id}/webhooks/{made['id']}", {"events": {"profile": True}}
    )
    line.play("subscribe", email=ANN)
    assert ear.kinds(22) == ["subscribe"] * 22


def settle(line: Line, tried: int) -> None:
    """Until the sandbox has noted so many attempts: their next ones are on the clock then."""
    while len(line.control("GET", "/deliveries")) < tried:
        pass


def test_a_signature_is_made_for_each_attempt_where_signing_is_assumed(
    line: Line, ear: Ear
) -> None:
    """ALL-12: the secret is shown once; a retry bears the time of the retry."""
    line.assume("webhooks_are_signed", True)
    made = hook(line, ear.url)
    secret = made["signing_secret"]
    path = f"/lists/{line.list_id}/webhooks/{made['id']}"
    assert "signing_secret" not in line.get(path)
    ear.status = 500
    line.add(ANN)
    ear.until(1)
    settle(line, 1)
    line.advance(61)
    times = []
    for heard in ear.until(2):
        stamp, _, told = heard.headers["x-mailchimp-signature"].partition(",v1=")
        signed = stamp.removeprefix("t=").encode() + b"." + heard.body
        assert told == hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        times.append(int(stamp.removeprefix("t=")))
    assert times[1] - times[0] >= 60


@pytest.mark.parametrize(
    ("fault", "kinds"),
    [
        ("drop_webhook", ["profile"]),
        ("double_webhook", ["subscribe", "subscribe", "profile"]),
        ("reorder_webhooks", ["profile", "subscribe"]),
    ],
)
def test_deliveries_are_lost_doubled_and_reordered_on_order(
    line: Line, ear: Ear, fault: str, kinds: list[str]
) -> None:
    """ALL-12: the faults of webhooks work for this vendor as for the others."""
    hook(line, ear.url)
    line.control("POST", "/faults", {"vendor": "mailchimp", "kind": fault, "path": "/hook"})
    line.add(ANN)
    line.play("update_profile", email=ANN, fields={"FNAME": "Ann"})
    assert sorted(ear.kinds(len(kinds))) == sorted(kinds)
    assert ear.kinds(len(kinds)) == kinds


def test_a_fault_can_be_about_the_webhooks_of_one_record(line: Line, ear: Ear) -> None:
    """ALL-12: whose delivery is lost is known to who ordered it."""
    hook(line, ear.url)
    for name in ("Ann", "Zoe"):
        order = {"vendor": "mailchimp", "kind": "drop_webhook", "about": f"{name}X"}
        line.control("POST", "/faults", order)
    line.add(ANN)
    for name in ("Anna", "AnnX", "Annie"):
        line.play("update_profile", email=ANN, fields={"FNAME": name})
    heard = [dict(parse_qsl(one.body.decode())) for one in ear.until(3)]
    assert [one.get("data[merges][FNAME]") for one in heard[1:]] == ["Anna", "Annie"]


def test_a_switch_that_is_no_boolean_is_refused(line: Line, ear: Ear) -> None:
    """ALL-12: a refusal names the switch; unknown ones are passed over."""
    path = f"/lists/{line.list_id}/webhooks"
    wrong = {"url": ear.url, "events": {"subscribe": "yes"}}
    assert line.refusal("POST", path, wrong)["errors"][0]["field"] == "events.subscribe"
    assert line.refusal("POST", path, {"url": "ftp://x"})["errors"][0]["field"] == "url"
    assert line.refusal("POST", "/lists/0000000000/webhooks", {"url": ear.url})["status"] == 404
