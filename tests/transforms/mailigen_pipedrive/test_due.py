"""Crossings that have not fired yet, and the activities and deals they become (MG-14, MG-15)."""

import json

import pytest

from pipelines.mailigen_pipedrive.sweep import SYNC
from transforms.build import build

KEY = "activity|acme-crm|acme|one|warm|ann|1"


@pytest.fixture
def crossed(draw):
    """Ann, of owner 11, crossed rule `warm` in sweep 5 with her third open."""
    draw("resolve.contacts", """
        contact_id | email    | person_id_pipedrive | owner_id_pipedrive
        ann        | ann@x.lv | 1                   | 11
    """)  # fmt: skip
    draw("staging.pipedrive__persons", """
        person_id_pipedrive | name
        1                   | Ann Apple
    """)  # fmt: skip
    draw("resolve.crossings", """
        bot_id | rule_id | contact_id | crossing | event_count | crossed_in_sweep
        one    | warm    | ann        | 1        | 3           | 5
    """)  # fmt: skip
    draw("staging.mailigen__campaigns", """
        campaign_id_mailigen | title   | subject
        k1                   | Spring  | Hello
        k2                   |         | Sale!
    """)  # fmt: skip


def rule(draw, **more):
    columns = {"bot_id": "one", "rule_id": "warm", "threshold": "3", **more}
    draw(
        "staging.syncline__rules",
        f"{' | '.join(columns)}\n{' | '.join(str(value) for value in columns.values())}",
    )


def happened(draw, kind="open", campaign="k1", link="''", at="2026-11-01 10:00"):
    draw("resolve.contact_events", f"""
        contact_id | kind   | campaign_id_mailigen | link   | sweep | happened_at
        ann        | {kind} | {campaign}           | {link} | 5     | {at}
    """)  # fmt: skip


@pytest.fixture
def planned(db):
    def rows(table, columns):
        build(db, SYNC, "resolve.fired", "resolve.due", table)
        return db.execute(f"SELECT {columns} FROM {table} ORDER BY write_key").fetchall()

    return rows


def test_the_key_names_bot_rule_contact_and_crossing_and_no_moment(crossed, draw, planned):
    rule(draw, does="activity")
    assert planned("plan.activities", "write_key") == [(KEY,)]


def test_a_crossing_that_has_fired_is_not_due(crossed, draw, planned):
    rule(draw)
    draw("staging.syncline__deeds", f"""
        write_key                | sweep | state
        {KEY.replace("|", "¦")}  | 2     | done
    """)  # fmt: skip
    assert planned("plan.activities", "write_key") == []


@pytest.mark.parametrize("state", ["planned", "sending", "unknown"])
def test_a_crossing_whose_deed_is_under_way_is_not_due(state, crossed, draw, planned):
    rule(draw)
    draw("staging.syncline__deeds", f"""
        write_key                | sweep | state
        {KEY.replace("|", "¦")}  | 2     | {state}
    """)  # fmt: skip
    assert planned("plan.activities", "write_key") == []


@pytest.mark.parametrize(("fired_in", "due_count"), [(2, 0), (3, 0), (4, 1)])
def test_what_an_ancestor_fired_up_to_the_parting_is_not_due(
    fired_in, due_count, crossed, draw, planned
):
    rule(draw)
    draw("resolve.lineage", """
        contact_id | ancestor_id | up_to_sweep
        ann        | old         | 3
    """)  # fmt: skip
    draw("staging.syncline__deeds", f"""
        write_key                                 | sweep      | state
        activity¦acme-crm¦acme¦one¦warm¦old¦1     | {fired_in} | done
    """)  # fmt: skip
    assert len(planned("plan.activities", "write_key")) == due_count


def test_another_crossing_of_an_ancestor_bars_nothing(crossed, draw, planned):
    rule(draw)
    draw("resolve.lineage", """
        contact_id | ancestor_id | up_to_sweep
        ann        | old         | 3
    """)  # fmt: skip
    draw("staging.syncline__deeds", """
        write_key                                 | sweep | state
        activity¦acme-crm¦acme¦one¦warm¦old¦2     | 2     | done
        activity¦acme-crm¦acme¦two¦warm¦old¦1     | 2     | done
    """)  # fmt: skip
    assert len(planned("plan.activities", "write_key")) == 1


def test_an_activity_is_the_owners_and_due_on_the_day_it_happened(crossed, draw, planned):
    rule(draw, activity_type="call", text="{count} opens, last {campaign}")
    happened(draw)
    rows = planned(
        "plan.activities",
        "person_id_pipedrive, owner_id_pipedrive, activity_type, subject, due_on::VARCHAR, note",
    )
    note = "open count 3 reached 3; last: Spring"
    assert rows == [(1, 11, "call", "3 opens, last Spring", "2026-11-01", note)]


def test_an_activity_without_a_date_is_due_on_the_day_it_was_first_seen(crossed, draw, planned):
    rule(draw)
    happened(draw, at="")
    assert planned("plan.activities", "due_on::VARCHAR") == [("2026-11-02",)]


def test_an_activity_for_clicks_names_the_link(crossed, draw, planned):
    rule(draw, event="click", text="{count} clicks, last {link} in {campaign}")
    happened(draw, kind="click", link="x.lv/one")
    ((subject, note),) = planned("plan.activities", "subject, note")
    assert subject == "3 clicks, last x.lv/one in Spring"
    assert note == "click count 3 reached 3; last: Spring; x.lv/one"


def test_the_latest_event_of_the_sweep_that_crossed_is_named(crossed, draw, planned):
    rule(draw, text="{campaign}")
    happened(draw, campaign="k2", at="2026-11-01 12:00")
    happened(draw, campaign="k1", at="2026-11-01 10:00")
    assert planned("plan.activities", "subject") == [("Sale!",)]


def test_a_campaign_mailigen_no_longer_lists_is_named_by_its_id(crossed, draw, planned):
    rule(draw, text="{campaign}")
    happened(draw, campaign="k9")
    assert planned("plan.activities", "subject") == [("k9",)]


def test_an_activity_carries_its_cause_and_its_price(crossed, draw, planned):
    rule(draw)
    happened(draw)
    ((cause, reason, cost),) = planned("plan.activities", "cause, reason, cost_tokens")
    assert json.loads(cause) == {
        "event": "open", "count": 3, "campaign": "k1", "link": "", "sweep": 5,
    }  # fmt: skip
    assert (reason, cost) == ("reached 3 of 3 open events", 5)


def test_a_deal_has_owner_stage_value_and_title_of_its_rule(crossed, draw, planned):
    rule(
        draw, does="deal", event="click", text="{name}: {campaign} ({count}) {link}",
        owner_id_pipedrive=12, stage_id_pipedrive=4, value="99.5",
    )  # fmt: skip
    happened(draw, kind="click", link="x.lv")
    rows = planned(
        "plan.deals",
        "write_key, person_id_pipedrive, owner_id_pipedrive, stage_id_pipedrive, value, title",
    )
    key = "deal|acme-crm|acme|one|warm|ann|1"
    assert rows == [(key, 1, 12, 4, 99.5, "Ann Apple: Spring (3) x.lv")]


def test_a_deal_for_a_person_without_a_name_still_has_a_title(crossed, db, draw, planned):
    rule(draw, does="deal", text="{name}: {campaign}")
    happened(draw)
    db.execute("UPDATE staging.pipedrive__persons SET name = NULL")
    assert planned("plan.deals", "title") == [(": Spring",)]


def test_an_activity_rule_makes_no_deal_and_a_deal_rule_no_activity(crossed, draw, planned):
    rule(draw, does="deal")
    assert planned("plan.activities", "write_key") == []
    assert len(planned("plan.deals", "write_key")) == 1


def test_a_text_is_complete_though_the_event_that_crossed_is_not_known(crossed, draw, planned):
    rule(draw, text="{count} {campaign} {link}")
    ((subject,),) = planned("plan.activities", "subject")
    assert subject is not None


def test_an_activity_of_a_contact_without_owner_is_planned_without(crossed, db, draw, planned):
    rule(draw)
    db.execute("UPDATE resolve.contacts SET owner_id_pipedrive = NULL")
    assert planned("plan.activities", "owner_id_pipedrive") == [(None,)]


def test_of_mails_first_seen_in_one_sweep_the_last_is_the_one_sent_last(crossed, draw, planned, db):
    """MG-14: Mailigen dates no open, and a campaign's id says nothing of its age."""
    db.execute("DELETE FROM staging.mailigen__campaigns")
    draw("staging.mailigen__campaigns", """
        campaign_id_mailigen | title  | subject | sent_at
        k9                   | First  |         | 2026-10-01 09:00
        k1                   | Second |         | 2026-10-20 09:00
        k5                   | Never  |         |
    """)  # fmt: skip
    rule(draw, does="activity", text="last: {campaign}")
    for campaign in ("k9", "k1", "k5"):
        happened(draw, campaign=campaign)
    assert planned("plan.activities", "subject") == [("last: Second",)]


def test_a_mail_opened_again_is_not_the_last_beside_one_opened_for_the_first_time(
    crossed, draw, planned
):
    """MG-14: it is the new one that reached the count."""
    rule(draw, does="activity", text="last: {campaign}")
    draw("resolve.contact_events", """
        contact_id | kind | campaign_id_mailigen | link | sweep | happened_at
        ann        | open | k2                   | ''   | 2     | 2026-10-01 10:00
    """)  # fmt: skip
    happened(draw, campaign="k2")
    happened(draw, campaign="k1")
    assert planned("plan.activities", "subject") == [("last: Spring",)]
