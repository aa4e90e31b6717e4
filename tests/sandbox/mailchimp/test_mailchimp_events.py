"""What people and the owner do in Mailchimp, and what is announced of it."""

import pytest
from mailchimp_desk import ACME_KEY, EMPTY_KEY, Desk

from sandbox.mailchimp.playing import EVENTS

ANN = "ann@x.lv"


def test_a_form_subscribes_at_once_without_double_optin(desk: Desk) -> None:
    told = desk.play("subscribe", ANN, fields={"FNAME": "Ann"})
    assert told["status"] == "subscribed"
    shown = desk.member(ANN)
    assert (shown["source"], shown["full_name"]) == ("Hosted Signup Form", "Ann")
    assert shown["timestamp_signup"] == shown["timestamp_opt"] != ""
    assert desk.told() == [("subscribe", "user")]


def test_a_form_waits_for_the_mail_under_double_optin(desk: Desk) -> None:
    """ALL-08"""
    told = desk.play("subscribe", ANN, list="Partners")
    assert told["status"] == "pending"
    assert desk.told() == []
    assert desk.book("mails")[-1]["to"] == ANN
    path = f"/lists/{desk.partners}/members/{ANN}"
    assert desk.call("GET", path)["timestamp_opt"] == ""
    desk.play("confirm", ANN, list="Partners")
    assert desk.call("GET", path)["timestamp_opt"] != ""
    assert desk.told() == [("subscribe", "user")]
    with pytest.raises(ValueError, match="nothing to confirm"):
        desk.play("confirm", ANN, list="Partners")


@pytest.mark.parametrize(
    ("by", "source", "reason"),
    [("person", "user", "manual"), ("abuse", "user", "abuse"), ("admin", "admin", "manual")],
)
def test_an_unsubscription_tells_whose_act_it_was(
    desk: Desk, by: str, source: str, reason: str
) -> None:
    """ALL-08"""
    desk.add(ANN)
    desk.play("unsubscribe", ANN, by=by, campaign="c1")
    change = desk.changes[-1]
    assert (change.kind, change.source) == ("unsubscribe", source)
    assert (change.action, change.reason, change.campaign_id) == ("unsub", reason, "c1")
    assert desk.book("members")[-1]["left_by"] == by
    assert "left_by" not in desk.member(ANN)


def test_each_event_is_announced_once_with_its_source(desk: Desk) -> None:
    """ALL-12"""
    desk.play("add", ANN)
    desk.play("update_profile", ANN, fields={"FNAME": "Ann"})
    desk.play("edit", ANN, fields={"LNAME": "Oak"}, vip=True)
    desk.play("change_address", ANN, new_email="ann@new.lv")
    desk.play("archive", "ann@new.lv")
    desk.put("ann@new.lv", status="subscribed")
    desk.play("clean", "ann@new.lv")
    assert desk.told() == [
        ("subscribe", "admin"),
        ("profile", "user"),
        ("profile", "admin"),
        ("upemail", "user"),
        ("unsubscribe", "admin"),
        ("subscribe", "api"),
        ("cleaned", "admin"),
    ]
    assert desk.changes[4].action == "delete"
    assert desk.changes[3].old_address == ANN


def test_a_change_is_announced_after_it_is_in_the_books(desk: Desk) -> None:
    seen: list[str] = []
    desk.vendor.acme.listeners.append(lambda _: seen.append(desk.status(ANN)))
    desk.add(ANN)
    desk.play("unsubscribe", ANN)
    assert seen == ["subscribed", "unsubscribed"]


def test_a_write_that_changes_nothing_announces_nothing(desk: Desk) -> None:
    desk.add(ANN, merge_fields={"FNAME": "Ann"})
    desk.put(ANN, status="subscribed", merge_fields={"FNAME": "Ann"})
    assert desk.told() == [("subscribe", "api")]


def test_who_was_forgotten_by_hand_is_told_as_deleted(desk: Desk) -> None:
    """ALL-11"""
    desk.add(ANN)
    desk.call("POST", f"{desk.path(ANN)}/notes", {"note": "Called."})
    desk.play("forget", ANN)
    assert (desk.changes[-1].kind, desk.changes[-1].action) == ("unsubscribe", "delete")
    assert not [note for note in desk.book("notes") if not note["_deleted"]]
    assert desk.refusal("GET", desk.path(ANN))["status"] == 404
    with pytest.raises(ValueError, match="signing up"):
        desk.play("add", ANN)


@pytest.mark.parametrize("end", ["unsubscribe", "archive", "forget"])
def test_the_person_may_always_come_back(desk: Desk, end: str) -> None:
    desk.add(ANN)
    desk.play(end, ANN)
    desk.play("subscribe", ANN)
    assert desk.status(ANN) == "subscribed"
    assert desk.put(ANN, status="unsubscribed")["status"] == "unsubscribed"
    assert desk.put(ANN, status="subscribed")["status"] == "subscribed"


def test_a_bounced_address_does_not_come_back(desk: Desk) -> None:
    desk.add(ANN)
    desk.play("clean", ANN)
    with pytest.raises(ValueError, match="bouncing"):
        desk.play("subscribe", ANN)


def test_who_cleans_is_as_assumed(desk: Desk) -> None:
    desk.add(ANN)
    desk.assume("cleaned_source", "user")
    desk.play("clean", ANN)
    assert desk.told()[-1] == ("cleaned", "user")


@pytest.mark.parametrize(
    ("kind", "event", "said"),
    [
        ("dance", {}, "cannot play"),
        ("", {}, "needs kind"),
        ("edit", {"email": "no@x.lv"}, "not on list"),
        ("edit", {"email": ""}, "needs email"),
        ("edit", {"email": ANN, "list": "Nowhere"}, "no such list"),
        ("edit", {"email": ANN, "fields": {"NOPE": 1}}, "no merge fields"),
        ("edit", {"email": ANN, "fields": {"SCORE": "x"}}, "Please enter a number"),
        ("unsubscribe", {"email": ANN, "by": "nobody"}, "by is person"),
        ("change_address", {"email": ANN}, "needs new_email"),
        ("change_address", {"email": ANN, "new_email": "x"}, "valid email"),
        ("untag", {"email": ANN, "tag": "Nope"}, "has no tag"),
        ("delete_segment", {"segment": "Nope"}, "no such segment"),
        ("disable_key", {"key": "nope"}, "no such key"),
        ("subscribe", {"email": "nonsense"}, "valid email"),
    ],
)
def test_an_event_that_cannot_happen_says_why(
    desk: Desk, kind: str, event: dict[str, object], said: str
) -> None:
    desk.add(ANN)
    effects = list(desk.effects)
    with pytest.raises(ValueError, match=said):
        desk.vendor.play({"kind": kind, **event})
    assert desk.effects == effects


@pytest.mark.parametrize("kind", [*EVENTS])
def test_every_event_that_is_offered_is_known(desk: Desk, kind: str) -> None:
    event = {"kind": kind, "email": "no@x.lv", "key": "nope", "by": "nobody", "segment": "Nope"}
    try:
        assert desk.vendor.play(event)["kind"] == kind
    except ValueError as refused:
        assert "cannot play" not in str(refused)


def test_the_account_names_what_opens_it(desk: Desk) -> None:
    """MC-01"""
    told = desk.vendor.account()
    assert set(told["keys"]) == {ACME_KEY, EMPTY_KEY}
    assert set(told["lists"]) == {"Newsletter", "Partners"}
