"""What is put on a person's timeline, once, for events seen while a bot watched (MG-16)."""

import json

import pytest

from pipelines.mailigen_pipedrive.seen_first import CLOSE_SELECTIONS
from pipelines.mailigen_pipedrive.sweep import SYNC
from transforms.build import append, build


@pytest.fixture
def watched(draw):
    """Bot `one` notes opens and clicks, and selects Ann from sweep 3 on."""
    draw("staging.syncline__notes", """
        bot_id | kind
        one    | open
        one    | click
    """)  # fmt: skip
    draw("history.selections", """
        bot_id | contact_id | from_sweep
        one    | ann        | 3
    """)  # fmt: skip
    draw("resolve.contacts", """
        contact_id | email    | person_id_pipedrive
        ann        | ann@x.lv | 1
    """)  # fmt: skip


def seen(draw, sweep, kind="open", campaign="k1", link="''", times=1):
    draw("resolve.contact_events", f"""
        contact_id | kind   | campaign_id_mailigen | link   | sweep   | times
        ann        | {kind} | {campaign}           | {link} | {sweep} | {times}
    """)  # fmt: skip


@pytest.fixture
def planned(db):
    def rows(columns):
        build(db, SYNC, "resolve.noted", "plan.notes")
        return db.execute(f"SELECT {columns} FROM plan.notes ORDER BY write_key").fetchall()

    return rows


def test_an_event_seen_while_a_bot_selects_the_contact_is_noted(watched, draw, planned):
    seen(draw, 5)
    assert planned("person_id_pipedrive, kind, bot_id") == [(1, "open", "one")]


def test_an_event_seen_before_the_bot_selected_the_contact_is_never_noted(watched, draw, planned):
    seen(draw, 2)
    assert planned("kind") == []


def test_what_a_contact_took_over_is_noted_as_if_it_were_still_who_held_it_then(
    watched, draw, planned
):  # fmt: skip
    """MG-16: nobody with that note selected Bob when it happened to him; Cyd was selected."""
    draw("history.selections", """
        bot_id | contact_id | from_sweep
        one    | cyd        | 4
    """)  # fmt: skip
    draw("resolve.contact_events", """
        contact_id | kind | campaign_id_mailigen | sweep | held_by | inherited_in
        ann        | open | k1                   | 5     | bob     | 7
        ann        | open | k2                   | 5     | cyd     | 7
    """)  # fmt: skip
    assert planned("campaign_title") == [("k2",)]


def test_an_event_seen_after_the_bot_let_the_contact_go_is_not_noted(watched, db, draw, planned):
    db.execute("UPDATE history.selections SET until_sweep = 5")
    seen(draw, 4, campaign="k1")
    seen(draw, 5, campaign="k2")
    assert planned("campaign_title") == [("k1",)]


def test_twenty_opens_of_one_mail_are_one_note(watched, draw, planned):
    seen(draw, 4, times=15)
    seen(draw, 5, times=5)
    assert planned("times, cause ->> '$.sweep'") == [(20, "4")]


def test_clicks_are_noted_once_per_link(watched, draw, planned):
    seen(draw, 4, kind="click", link="x.lv/one")
    seen(draw, 5, kind="click", link="x.lv/one")
    seen(draw, 5, kind="click", link="x.lv/two")
    assert sorted(planned("link")) == [("x.lv/one",), ("x.lv/two",)]


def test_a_kind_the_bot_does_not_note_is_not_noted(watched, draw, planned):
    seen(draw, 5, kind="send")
    assert planned("kind") == []


def test_two_bots_that_note_the_same_event_make_one_note(watched, draw, planned):
    draw("staging.syncline__notes", """
        bot_id | kind
        two    | open
    """)  # fmt: skip
    draw("history.selections", """
        bot_id | contact_id
        two    | ann
    """)  # fmt: skip
    seen(draw, 5, times=2)
    assert planned("bot_id, times") == [("one", 2)]


def test_events_first_seen_in_a_pause_are_not_noted(watched, draw, planned):
    draw("staging.syncline__pauses", """
        bot_id | from_sweep | until_sweep
        one    | 4          | 5
    """)  # fmt: skip
    seen(draw, 4, campaign="k1")
    seen(draw, 5, campaign="k2")
    assert planned("campaign_title") == [("k2",)]


def test_what_the_baseline_held_is_not_noted(watched, db, draw, planned):
    db.execute("UPDATE staging.syncline__notes SET counting_since = 4")
    seen(draw, 4, campaign="k1")
    seen(draw, 5, campaign="k2")
    assert planned("campaign_title") == [("k2",)]


def test_a_note_made_is_not_made_again(watched, db, draw, planned):
    seen(draw, 4)
    ((key,),) = planned("write_key")
    assert key == "note|acme-crm|acme|ann|k1|open"
    db.execute("INSERT INTO staging.syncline__deeds VALUES (?, 4, 'done')", [key])
    assert planned("write_key") == []


@pytest.mark.parametrize(("noted_in", "count"), [(2, 0), (4, 1)])
def test_what_an_ancestor_noted_is_not_noted_again(noted_in, count, watched, draw, planned):
    seen(draw, 4)
    draw("resolve.lineage", """
        contact_id | ancestor_id | up_to_sweep
        ann        | old         | 3
    """)  # fmt: skip
    draw("staging.syncline__deeds", f"""
        write_key                      | sweep      | state
        note¦acme-crm¦acme¦old¦k1¦open | {noted_in} | done
    """)  # fmt: skip
    assert len(planned("write_key")) == count


def test_nobody_gone_is_noted(watched, db, draw, planned):
    db.execute("UPDATE resolve.contacts SET is_gone = TRUE, is_selected = FALSE")
    seen(draw, 5)
    assert planned("write_key") == []


def test_a_note_has_a_date_a_cause_and_a_price(watched, draw, planned):
    draw("staging.mailigen__campaigns", """
        campaign_id_mailigen | title
        k1                   | Spring
    """)  # fmt: skip
    seen(draw, 5, kind="click", link="x.lv")
    ((on, title, cause, reason, cost),) = planned(
        "happened_at::DATE::VARCHAR, campaign_title, cause, reason, cost_tokens"
    )
    assert (on, title, cost) == ("2026-11-02", "Spring", 10)
    assert reason == "first click of this e-mail"
    assert json.loads(cause) == {
        "event": "click", "campaign": "k1", "link": "x.lv", "times": 1, "sweep": 5,
    }  # fmt: skip


@pytest.fixture
def selections(db):
    """Live through a sweep's selecting, and return the stretches."""

    def after(sweep):
        db.execute("UPDATE staging.syncline__sweep SET sweep = ?", [sweep])
        db.execute(CLOSE_SELECTIONS, {"sweep": sweep})
        append(db, SYNC, "history.selections")
        return db.execute(
            "SELECT bot_id, contact_id, from_sweep, until_sweep FROM history.selections ORDER BY ALL"
        ).fetchall()

    return after


def test_a_selection_begins_with_the_sweep_that_selects_and_goes_on(draw, selections):
    draw("resolve.contacts", """
        contact_id | bots
        ann        | [one]
    """)  # fmt: skip
    assert selections(5) == [("one", "ann", 5, None)]
    assert selections(6) == [("one", "ann", 5, None)]


def test_a_selection_ends_with_the_sweep_that_selects_no_more(db, draw, selections):
    draw("resolve.contacts", """
        contact_id | bots
        ann        | [one]
    """)  # fmt: skip
    selections(5)
    db.execute("UPDATE resolve.contacts SET bots = [], is_selected = FALSE")
    assert selections(6) == [("one", "ann", 5, 6)]
    db.execute("UPDATE resolve.contacts SET bots = ['one'], is_selected = TRUE")
    assert selections(7) == [("one", "ann", 5, 6), ("one", "ann", 7, None)]


def test_a_suspended_bot_keeps_its_selections_open(db, draw, selections):
    draw("resolve.contacts", """
        contact_id | bots
        ann        | [one]
    """)  # fmt: skip
    selections(5)
    db.execute("UPDATE resolve.contacts SET bots = [], is_selected = FALSE")
    draw("staging.syncline__bots", """
        bot_id | is_active | is_suspended
        one    | false     | true
    """)  # fmt: skip
    assert selections(6) == [("one", "ann", 5, None)]
