"""Campaigns, reports and what one member did: sums over the same acts, whichever way one asks."""

from collections.abc import Iterator

import pytest
from mailchimp_line import Line

from sandbox.server import Running

TITLE = "A new one"
ANN, BEA = "ann.report@new.example", "bea.report@new.example"


@pytest.fixture
def line(running: Running) -> Iterator[Line]:
    talking = Line(running.url)
    talking.reset()
    yield talking
    talking.http.close()


@pytest.fixture
def campaign(line: Line) -> str:
    """Just sent, to Ann and Bea alone, who did nothing yet; an hour later."""
    line.add(ANN)
    line.add(BEA)
    sent = line.play("send", campaign=TITLE, email=ANN)
    line.play("send", campaign=TITLE, email=BEA)
    line.advance(3600)
    return str(sent["campaign"])


def test_campaigns_are_found_by_when_they_were_sent_to_which_list_and_to_whom(
    line: Line, campaign: str
) -> None:
    """ALL-02: which campaigns to look at again is asked by send time."""
    everything = line.get("/campaigns", count=100)
    sent = line.get("/campaigns", status="sent", count=100, sort_field="send_time", sort_dir="DESC")
    assert everything["total_items"] - sent["total_items"] == 1
    assert sent["campaigns"][0]["id"] == campaign
    times = [one["send_time"] for one in sent["campaigns"]]
    assert times == sorted(times, reverse=True)
    late = line.get("/campaigns", since_send_time=times[1])
    assert [one["id"] for one in late["campaigns"]] == [campaign]
    assert line.get("/campaigns", before_send_time=times[1])["total_items"] == len(times) - 2
    assert (
        line.get("/campaigns", member_id=line.get(line.member_path(ANN))["id"])["total_items"] == 1
    )
    partners = line.account()["lists"]["Partners"]
    assert line.get("/campaigns", list_id=partners)["total_items"] == 1
    assert line.send("GET", "/campaigns", status="gone").status_code == 400
    assert line.get(f"/campaigns/{campaign}")["report_summary"]["opens"] == 0


def test_every_number_of_a_report_is_a_sum_over_what_happened(line: Line, campaign: str) -> None:
    """ALL-09: totals and rows agree, so that a reader may check one by the other."""
    line.play("open", campaign=TITLE, email=ANN, times=3)
    line.play("click", campaign=TITLE, email=ANN, times=2)
    line.play("bounce", campaign=TITLE, email=BEA, type="soft")
    report = line.get(f"/reports/{campaign}")
    assert (report["emails_sent"], report["opens"]["opens_total"]) == (2, 3)
    assert (report["opens"]["unique_opens"], report["opens"]["open_rate"]) == (1, 1.0)
    clicks = report["clicks"]
    assert (clicks["clicks_total"], clicks["unique_clicks"]) == (2, 1)
    assert report["bounces"] == {"hard_bounces": 0, "soft_bounces": 1, "syntax_errors": 0}
    newest = line.get("/reports", since_send_time=report["send_time"], count=1)
    assert newest["total_items"] == 0
    assert line.get("/reports", count=100)["total_items"] == 10


def test_a_campaign_that_was_not_sent_has_no_report(line: Line) -> None:
    """ALL-02: a draft is a campaign without results."""
    draft = line.account()["campaigns"]["Winter offers"]
    assert line.get(f"/campaigns/{draft}")["status"] == "save"
    assert line.refusal("GET", f"/reports/{draft}")["status"] == 404
    assert line.refusal("GET", f"/reports/{draft}/email-activity")["status"] == 404
    line.call("DELETE", f"/campaigns/{draft}")
    assert line.refusal("GET", f"/campaigns/{draft}")["status"] == 404


def test_email_activity_since_a_time_tells_what_came_after_and_quiet_people_too(
    line: Line, campaign: str
) -> None:
    """ALL-02: incremental reading; who did nothing since is a row with an empty list."""
    path = f"/reports/{campaign}/email-activity"
    line.play("open", campaign=TITLE, email=ANN)
    first = line.get(path)["emails"][0]["activity"][0]
    assert (first["action"], first["timestamp"][-6:]) == ("open", "+00:00")
    line.advance(60)
    line.play("click", campaign=TITLE, email=ANN)
    later = line.get(path, since=first["timestamp"])
    actions = [[act["action"] for act in row["activity"]] for row in later["emails"]]
    assert actions == [["click"], []]
    assert later["emails"][0]["activity"][0]["url"].startswith("https://")
    line.assume("quiet_recipients", "no_member")
    assert "activity" not in line.get(path)["emails"][1]
    line.assume("quiet_recipients", "left_out")
    assert line.get(path)["total_items"] == 1
    one = line.get(f"{path}/{line.get(line.member_path(ANN))['id']}")
    assert [act["action"] for act in one["activity"]] == ["open", "click"]


def test_email_activity_is_cut_at_a_thousand_opens_a_member(line: Line, campaign: str) -> None:
    """ALL-02: what is beyond the cap is in the sums alone."""
    line.play("open", campaign=TITLE, email=ANN, times=1001)
    rows = line.get(f"/reports/{campaign}/email-activity")["emails"]
    assert len(rows[0]["activity"]) == 1000
    assert line.get(f"/reports/{campaign}")["opens"]["opens_total"] == 1001


def test_sent_to_tells_who_got_it_and_who_bounced(line: Line, campaign: str) -> None:
    """ALL-02: the only list of recipients, without a since."""
    line.play("open", campaign=TITLE, email=ANN, times=2)
    line.play("bounce", campaign=TITLE, email=BEA, type="hard")
    rows = line.get(f"/reports/{campaign}/sent-to")["sent_to"]
    assert [(r["email_address"], r["status"], r["open_count"]) for r in rows] == [
        (ANN, "sent", 2), (BEA, "hard", 0),
    ]  # fmt: skip
    assert rows[1]["last_open"] == ""
    assert line.get(line.member_path(BEA))["status"] == "cleaned"
    assert line.get(f"/reports/{campaign}/sent-to/{rows[0]['email_id']}")["open_count"] == 2


def test_opens_and_clicks_are_told_by_person_and_clicks_without_their_times(
    line: Line, campaign: str
) -> None:
    """ALL-02: open-details have times, click-details do not."""
    line.play("open", campaign=TITLE, email=ANN)
    line.advance(60)
    line.play("open", campaign=TITLE, email=BEA, times=2)
    line.play("click", campaign=TITLE, email=BEA, link="https://acme.example/news")
    opens = line.get(f"/reports/{campaign}/open-details", sort_field="opens_count", sort_dir="DESC")
    assert [(row["email_address"], row["opens_count"]) for row in opens["members"]] == [
        (BEA, 2), (ANN, 1),
    ]  # fmt: skip
    assert opens["total_opens"] == 3
    since = opens["members"][1]["opens"][0]["timestamp"]
    assert line.get(f"/reports/{campaign}/open-details", since=since)["total_opens"] == 2
    links = line.get(
        f"/reports/{campaign}/click-details", sort_field="total_clicks", sort_dir="DESC"
    )
    top = links["urls_clicked"][0]
    assert (top["url"], top["total_clicks"]) == ("https://acme.example/news", 1)
    place = f"/reports/{campaign}/click-details/{top['id']}"
    assert line.get(place)["unique_clicks"] == 1
    clicker = line.get(f"{place}/members")["members"][0]
    assert (clicker["email_address"], clicker["clicks"]) == (BEA, 1)
    assert line.get(f"{place}/members/{clicker['email_id']}")["url_id"] == top["id"]
    ann = line.get(line.member_path(ANN))["id"]
    assert line.refusal("GET", f"{place}/members/{ann}")["status"] == 404
    assert line.refusal("GET", f"/reports/{campaign}/click-details/none")["status"] == 404


def test_who_left_through_a_campaign_is_in_its_report_with_the_reason(
    line: Line, campaign: str
) -> None:
    """ALL-08: leaving by the mail's link and complaining are two lists."""
    line.play("unsubscribe", email=ANN, campaign=campaign)
    line.play("abuse", email=BEA, campaign=campaign)
    left = line.get(f"/reports/{campaign}/unsubscribed")
    assert [row["email_address"] for row in left["unsubscribes"]] == [ANN]
    assert left["unsubscribes"][0]["reason"]
    complaints = line.get(f"/reports/{campaign}/abuse-reports")
    assert [row["email_address"] for row in complaints["abuse_reports"]] == [BEA]
    report_id = complaints["abuse_reports"][0]["id"]
    assert line.get(f"/reports/{campaign}/abuse-reports/{report_id}")["email_address"] == BEA
    assert line.get(f"/lists/{line.list_id}/abuse-reports")["total_items"] == 1
    for email in (ANN, BEA):
        again = line.refusal("PATCH", line.member_path(email), {"status": "subscribed"})
        assert again["title"] == "Member In Compliance State"


def test_a_member_tells_the_last_fifty_acts_and_a_feed_with_mails_sent(
    line: Line, campaign: str
) -> None:
    """ALL-02: newest first; the feed can be narrowed and paged."""
    line.play("open", campaign=TITLE, email=ANN, times=60)
    line.advance(60)
    line.play("click", campaign=TITLE, email=ANN)
    path = line.member_path(ANN)
    acts = line.get(f"{path}/activity")["activity"]
    assert (len(acts), acts[0]["action"]) == (50, "click")
    assert line.get(f"{path}/activity", action="click")["total_items"] == 1
    feed = line.get(f"{path}/activity-feed", activity_filters="click,sent")["activity"]
    assert [item["activity_type"] for item in feed] == ["click", "sent"]
    assert feed[1]["campaign_title"] == TITLE
    line.assume("activity_feed_order", "oldest_first")
    page = line.get(f"{path}/activity-feed", count=1, offset=1)["activity"]
    assert [item["activity_type"] for item in page] == ["open"]


def test_whoever_was_erased_for_good_is_in_no_report(line: Line, campaign: str) -> None:
    """ALL-11: the vendor forgets what they did, too."""
    line.play("open", campaign=TITLE, email=ANN)
    line.post(f"{line.member_path(ANN)}/actions/delete-permanent", None)
    rows = line.get(f"/reports/{campaign}/email-activity")["emails"]
    assert [row["email_address"] for row in rows] == [BEA]
    assert line.get(f"/reports/{campaign}/open-details")["members"] == []


def test_reports_are_told_in_pages_and_in_part(line: Line) -> None:
    """ALL-09: the total is that of all pages, and `fields` leaves the rest away."""
    campaign = line.account()["campaigns"]["Autumn offers"]
    path = f"/reports/{campaign}/sent-to"
    total = line.get(path)["total_items"]
    seen: list[str] = []
    for offset in range(0, total, 7):
        page = line.get(path, count=7, offset=offset, fields="sent_to.email_id,total_items")
        seen += [row["email_id"] for row in page["sent_to"]]
        assert set(page["sent_to"][0]) == {"email_id"}
    assert len(seen) == len(set(seen)) == total > 20


def test_what_cannot_happen_to_a_mail_is_refused_by_name(line: Line, campaign: str) -> None:
    """ALL-04: a slip in a test's own story is told, not played."""
    for event, said in (
        ({"kind": "open", "campaign": "None such", "email": ANN}, "None such"),
        ({"kind": "open", "campaign": TITLE, "email": "nobody@new.example"}, "nobody@new.example"),
        ({"kind": "click", "campaign": TITLE, "email": ANN, "link": "http://x"}, "http://x"),
        ({"kind": "bounce", "campaign": TITLE, "email": ANN, "type": "odd"}, "odd"),
        ({"kind": "open", "campaign": TITLE, "email": ANN, "times": 0}, "times"),
        ({"kind": "send", "campaign": "Another", "list": "None such"}, "None such"),
        ({"kind": "send", "campaign": "Another", "email": "nobody@new.example"}, "nobody"),
    ):
        answer = line.http.post(f"{line.url}/_sandbox/events/mailchimp", json=event)
        assert answer.status_code == 400
        assert said in answer.json()["error"]
    assert line.get(f"/reports/{campaign}")["opens"]["opens_total"] == 0
