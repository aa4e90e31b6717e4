"""Campaigns, what came of them, and what people are played to do."""

from typing import Any

import pytest
from mailigen_desk import Desk


def sent_campaign(desk: Desk) -> str:
    cid = desk.draft()
    assert desk.call("campaignSendNow", cid=cid) == "true"
    return cid


def test_eight_campaigns_of_the_last_four_weeks_are_there(desk: Desk) -> None:
    shown = desk.call("campaigns", limit=1000)
    assert len(shown) == 8
    assert [c["status"] for c in shown if c["type"] == "auto"] == ["sending"]
    assert min(c["send_time"] for c in shown) > "2026-10-05"
    assert "analytcs_tag" in shown[0]


def test_some_people_opened_once_twice_and_more_often(desk: Desk) -> None:
    counts: dict[str, int] = {}
    for campaign in desk.call("campaigns"):
        for row in desk.call("campaignOpened", cid=campaign["id"], limit=1000)["data"]:
            counts[row["email"]] = counts.get(row["email"], 0) + row["count"]
    assert {1, 2, 3} <= set(counts.values())
    bounces = [bounce["email"] for bounce in desk.book("bounces")]
    assert max(bounces.count(email) for email in bounces) >= 3


def test_campaigns_are_filtered_by_status_list_and_time(desk: Desk) -> None:
    sent = desk.call("campaigns", filters={"status": "sent"})
    assert len(sent) == 7
    late = desk.call("campaigns", filters={"sendtime_start": "2026-10-30 00:00:00"})
    assert [c["title"] for c in late] == ["Black Friday preview"]
    assert desk.call("campaigns", filters={"list_id": "nope"}) == []
    assert desk.call("campaigns", filters={"sendtime_start": "soon"})["code"] == 500


def test_a_campaign_goes_to_the_subscribed_members_only(desk: Desk) -> None:
    cid = sent_campaign(desk)
    assert [s["email"] for s in desk.book("sends") if s["campaign"] == cid] == desk.emails()
    assert desk.call("campaignStats", cid=cid)["emails_sent"] == len(desk.emails())
    assert desk.call("campaignSendNow", cid=cid)["code"] == 313


def test_a_campaign_to_a_segment_goes_to_the_segment(desk: Desk) -> None:
    desk.subscribe("a@x.lv", merge_vars={"LNAME": "Unusual"})
    rows = [{"field": "merge2", "condition": "is", "value": "Unusual"}]
    sid = desk.call("listSegmentCreate", list=desk.list_id, title="S", filter=rows)
    cid = desk.draft(segment_id=sid)
    desk.call("campaignSendNow", cid=cid)
    assert desk.call("campaignNotOpened", cid=cid) == {"total": 1, "data": ["a@x.lv"]}


def test_a_plan_without_mails_left_refuses_the_campaign(desk: Desk) -> None:
    desk.vendor.assume("emails_left", 1)
    refused = desk.call("campaignSendNow", cid=desk.draft())
    assert refused["code"] == 122
    assert "Please upgrade" in refused["error"]
    assert desk.call("getAccountDetails")["emails_left"] == 1


def test_a_scheduled_campaign_goes_out_at_its_hour(desk: Desk) -> None:
    cid = desk.draft()
    desk.call("campaignSchedule", cid=cid, schedule_time="2026-11-02 13:00:00")
    desk.clock.advance(minutes=59)
    assert desk.call("campaignStats", cid=cid)["code"] == 301
    desk.clock.advance(minutes=1)
    assert desk.call("campaignStats", cid=cid)["emails_sent"] > 0


def test_an_unscheduled_or_paused_campaign_stays_at_home(desk: Desk) -> None:
    first, second = desk.draft(), desk.draft()
    for cid in (first, second):
        desk.call("campaignSchedule", cid=cid, schedule_time="2026-11-02 13:00:00")
    assert desk.call("campaignUnschedule", cid=first) == "true"
    assert desk.call("campaignPause", cid=second) == "true"
    desk.clock.advance(hours=2)
    statuses = {c["id"]: c["status"] for c in desk.call("campaigns")}
    assert (statuses[first], statuses[second]) == ("draft", "paused")


def test_a_campaign_scheduled_anew_forgets_its_first_hour(desk: Desk) -> None:
    cid = desk.draft()
    desk.call("campaignSchedule", cid=cid, schedule_time="2026-11-02 13:00:00")
    desk.call("campaignUnschedule", cid=cid)
    desk.call("campaignSchedule", cid=cid, schedule_time="2026-11-02 18:00:00")
    desk.clock.advance(hours=2)
    assert desk.call("campaigns", filters={"campaign_id": cid})[0]["status"] == "scheduled"
    desk.clock.advance(hours=4)
    assert desk.call("campaigns", filters={"campaign_id": cid})[0]["status"] == "sent"


def test_mails_left_count_down_and_start_over_when_set_anew(desk: Desk) -> None:
    desk.vendor.assume("emails_left", 500)
    cid = sent_campaign(desk)
    sent = desk.call("campaignStats", cid=cid)["emails_sent"]
    assert desk.call("getAccountDetails")["emails_left"] == 500 - sent
    desk.vendor.assume("emails_left", 500)
    assert desk.call("getAccountDetails")["emails_left"] == 500


def test_a_scheduled_campaign_above_the_plan_is_paused_at_its_hour(desk: Desk) -> None:
    cid = desk.draft()
    desk.call("campaignSchedule", cid=cid, schedule_time="2026-11-02 13:00:00")
    desk.vendor.assume("emails_left", 0)
    desk.clock.advance(hours=2)
    assert desk.call("campaigns", filters={"campaign_id": cid})[0]["status"] == "paused"


def test_sending_may_take_a_while(desk: Desk) -> None:
    desk.vendor.assume("sending_takes_s", 60)
    cid = sent_campaign(desk)
    assert desk.call("campaigns", filters={"campaign_id": cid})[0]["status"] == "sending"
    desk.clock.advance(seconds=60)
    assert desk.call("campaigns", filters={"campaign_id": cid})[0]["status"] == "sent"


def test_a_draft_is_changed_and_deleted(desk: Desk) -> None:
    cid = desk.draft()
    assert desk.call("campaignUpdate", cid=cid, name="subject", value="Summer") == "true"
    assert desk.call("campaigns", filters={"subject": "Summer"})[0]["id"] == cid
    assert desk.call("campaignDelete", cid=cid) == "true"
    assert desk.call("campaignStats", cid=cid)["code"] == 300


def test_opens_are_totals_without_dates(desk: Desk) -> None:
    cid, email = sent_campaign(desk), desk.emails()[0]
    desk.vendor.play({"kind": "open", "campaign": cid, "email": email, "times": 2})
    desk.vendor.play({"kind": "open", "campaign": "Spring", "email": email.upper()})
    assert desk.call("campaignOpened", cid=cid) == {
        "total": 1,
        "data": [{"email": email, "count": 3}],
    }
    assert email not in desk.call("campaignNotOpened", cid=cid, limit=1000)["data"]


@pytest.mark.parametrize("most", [1000, 50])
def test_the_opened_list_is_cut_without_a_word(desk: Desk, most: int) -> None:
    desk.vendor.assume("opened_limit_max", most)
    batch = [{"EMAIL": f"n{i}@x.lv"} for i in range(1100)]
    desk.call("listBatchSubscribe", id=desk.list_id, batch=batch, double_optin=False)
    cid = sent_campaign(desk)
    total = len(desk.emails())
    pages: list[Any] = []
    while page := desk.call("campaignNotOpened", cid=cid, start=len(pages), limit=5000)["data"]:
        pages.append(page)
    assert len(pages[0]) == most
    assert sum(len(page) for page in pages) == total


def test_clicks_are_dated_and_by_person(desk: Desk) -> None:
    cid, email = sent_campaign(desk), desk.emails()[0]
    desk.vendor.play({"kind": "click", "campaign": cid, "email": email, "times": 2})
    desk.clock.advance(minutes=1)
    link = "https://acme.example/b"
    desk.vendor.play({"kind": "click", "campaign": cid, "email": email, "link": link})
    rows = desk.call("campaignClickStatsDetails", cid=cid)
    assert [row["link"][-1] for row in rows] == ["a", "a", "b"]
    assert set(rows[0]) == {"email", "link", "date", "device", "browser"}
    only = desk.call("campaignClickStatsDetails", cid=cid, filters={"link": link})
    assert [row["date"] for row in only] == ["2026-11-02 12:01:00"]
    desk.vendor.assume("click_details_order", "newest_first")
    assert desk.call("campaignClickStatsDetails", cid=cid)[0]["link"] == link


def test_click_totals_are_a_list_in_18_and_a_map_in_15(desk: Desk) -> None:
    cid, email = sent_campaign(desk), desk.emails()[0]
    desk.vendor.play({"kind": "click", "campaign": cid, "email": email, "times": 2})
    first = desk.call("campaignClickStats", cid=cid)[0]
    assert {"url": first["url"], "clicks": first["clicks"], "unique": first["unique"]} == {
        "url": "https://acme.example/a",
        "clicks": 2,
        "unique": 1,
    }
    old = desk.send("campaignClickStats", {"cid": cid}, version="1.5").body
    assert old.startswith(b'{"https://acme.example/a":{"clicks":2,"unique":1}')


@pytest.mark.parametrize("kind", ["hard", "soft", "blocked", "temporary", "generic"])
def test_every_bounce_has_its_list_and_only_a_hard_one_moves_the_member(
    desk: Desk, kind: str
) -> None:
    cid, email = sent_campaign(desk), desk.emails()[0]
    desk.vendor.play({"kind": "bounce", "campaign": cid, "email": email, "type": kind})
    assert desk.call(f"campaign{kind.title()}Bounces", cid=cid) == [email]
    assert desk.call("campaignStats", cid=cid)[f"{kind}_bounces"] == 1
    assert desk.call("campaignBounceMessages", cid=cid)[0]["email"] == email
    assert desk.status(email) == ("bounced" if kind == "hard" else "subscribed")


def test_bounce_messages_are_kept_thirty_days(desk: Desk) -> None:
    cid, email = sent_campaign(desk), desk.emails()[0]
    desk.vendor.play({"kind": "bounce", "campaign": cid, "email": email, "type": "soft"})
    desk.clock.advance(days=31)
    assert desk.call("campaignBounceMessages", cid=cid) == []
    assert desk.call("campaignSoftBounces", cid=cid) == [email]


def test_not_opened_counts_those_who_bounced_unless_assumed_otherwise(desk: Desk) -> None:
    cid, email = sent_campaign(desk), desk.emails()[0]
    desk.vendor.play({"kind": "bounce", "campaign": cid, "email": email, "type": "soft"})
    assert email in desk.call("campaignNotOpened", cid=cid, limit=1000)["data"]
    desk.vendor.assume("not_opened_includes_bounced", False)
    assert email not in desk.call("campaignNotOpened", cid=cid, limit=1000)["data"]


def test_stats_have_the_documented_names(desk: Desk) -> None:
    cid = desk.vendor.account()["campaigns"]["Autumn offer"]
    assert set(desk.call("campaignStats", cid=cid)) == {
        "hard_bounces",
        "soft_bounces",
        "blocked_bounces",
        "temporary_bounces",
        "generic_bounces",
        "unsubscribes",
        "forwards",
        "opens",
        "last_open",
        "unique_opens",
        "clicks",
        "unique_clicks",
        "last_click",
        "users_who_clicked",
        "emails_sent",
    }


def test_who_leaves_through_a_campaign_is_in_its_list(desk: Desk) -> None:
    cid, email = sent_campaign(desk), desk.emails()[0]
    desk.vendor.play({"kind": "unsubscribe", "email": email, "campaign": cid})
    assert desk.call("campaignUnsubscribes", cid=cid) == [email]
    assert desk.call("campaignForwardStats", cid=cid) == []


def test_an_open_of_an_unsent_mail_sends_it_first(desk: Desk) -> None:
    desk.subscribe("late@x.lv")
    told = desk.vendor.play({"kind": "open", "campaign": "Autumn offer", "email": "late@x.lv"})
    assert told["sent"] is True
    assert any(s["email"] == "late@x.lv" for s in desk.book("sends"))


@pytest.mark.parametrize(
    ("event", "named"),
    [
        ({"kind": "dance"}, "dance"),
        ({"kind": "open", "campaign": "Nope", "email": "a@x.lv"}, "Nope"),
        ({"kind": "open", "campaign": "Autumn offer", "email": "no@x.lv"}, "no@x.lv"),
        ({"kind": "open", "campaign": "Autumn offer"}, "email"),
        ({"kind": "bounce", "campaign": "Autumn offer", "email": "in@x.lv", "type": "x"}, "x"),
        ({"kind": "click", "campaign": "Autumn offer", "email": "in@x.lv", "link": "l"}, "l"),
        ({"kind": "open", "campaign": "Autumn offer", "email": "in@x.lv", "times": 0}, "times"),
        ({"kind": "subscribe", "email": "broken"}, "broken"),
        ({"kind": "subscribe", "email": "b@x.lv", "list": "Nope"}, "Nope"),
        ({"kind": "edit", "email": "in@x.lv", "fields": {"NOPE": "1"}}, "NOPE"),
        ({"kind": "remove", "email": "no@x.lv"}, "no@x.lv"),
        ({"kind": "confirm", "email": "in@x.lv"}, "in@x.lv"),
        ({"kind": "unsubscribe", "email": "no@x.lv"}, "no@x.lv"),
        ({"kind": "revoke_key", "key": "k9"}, "k9"),
    ],
)
def test_what_cannot_happen_is_refused_by_name(
    desk: Desk, event: dict[str, Any], named: str
) -> None:
    desk.subscribe("in@x.lv")
    with pytest.raises(ValueError, match=named):
        desk.vendor.play(event)


def test_a_person_may_come_back_by_their_own_act(desk: Desk) -> None:
    left = desk.emails("unsubscribed")[0]
    desk.vendor.play({"kind": "subscribe", "email": left, "fields": {"FNAME": "Back"}})
    assert desk.status(left) == "subscribed"


def test_an_admin_removes_and_edits_and_a_person_changes_the_address(desk: Desk) -> None:
    first, second = desk.emails()[:2]
    desk.vendor.play({"kind": "remove", "email": first})
    desk.vendor.play({"kind": "edit", "email": second, "fields": {"FNAME": "Edited"}})
    desk.vendor.play({"kind": "email_change", "email": second, "new_email": "new@x.lv"})
    shown = desk.call("listMemberInfo", id=desk.list_id, email_address="new@x.lv")
    assert shown["merges"]["FNAME"] == "Edited"
    assert (desk.status(first), desk.status(second)) == (None, None)


def test_the_same_seed_gives_the_same_books(desk: Desk) -> None:
    again, other = Desk(), Desk(seed=8)
    names = list(desk.vendor.books)
    assert [desk.book(n) for n in names] == [again.book(n) for n in names]
    assert desk.book("members") != other.book("members")
    assert desk.effects == []
