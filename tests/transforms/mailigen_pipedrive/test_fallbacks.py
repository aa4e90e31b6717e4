"""Falling back to a bot for all contacts counts from zero, each holder's events for themselves."""

import pytest

from pipelines.mailigen_pipedrive.sweep import SYNC
from transforms.build import build

CROSSED = "bot_id, contact_id, crossing, event_count, crossed_in_sweep"


def rule(draw, threshold, **more):
    columns = {"bot_id": "all", "rule_id": "warm", "threshold": threshold, **more}
    draw(
        "staging.syncline__rules",
        f"{' | '.join(columns)}\n{' | '.join(str(value) for value in columns.values())}",
    )


def opens(draw, contact, *sweeps, held_by=""):
    whose = held_by or contact
    rows = [f"{contact} | {whose}{n} | {sweep} | {held_by}" for n, sweep in enumerate(sweeps)]
    columns = "contact_id | campaign_id_mailigen | sweep | held_by"
    draw("resolve.contact_events", "\n".join([columns, *rows]))


@pytest.fixture
def fallen_back(draw):
    """Ann was overridden and fell back to the bot for all in sweep 10; now it is sweep 20."""
    draw("resolve.contacts", """
        contact_id | bots  | automated_by
        ann        | [all] | [all]
    """)  # fmt: skip
    draw("history.overrides", """
        bot_id | contact_id | from_sweep | until_sweep
        all    | ann        | 5          | 10
    """)  # fmt: skip


@pytest.fixture
def crossed(db, built):
    def rows():
        build(db, SYNC, "resolve.heirs", "resolve.fallbacks")
        return built("resolve.crossings", CROSSED)

    return rows


@pytest.mark.parametrize("counting_since", [0, 3])
def test_after_a_fallback_counting_begins_after_the_sweep_that_found_it(
    counting_since, fallen_back, draw, crossed
):  # fmt: skip
    """MG-17: `all_time` does not reach behind it either."""
    rule(draw, 2, counting_since=counting_since)
    opens(draw, "ann", 1, 2, 7, 10, 11, 12)
    assert crossed() == [("all", "ann", "1", 2, 12)]


def test_a_repeated_crossing_after_a_fallback_is_named_for_it(fallen_back, draw, crossed):
    """MG-17, MG-18: counting from zero may reach the same number again."""
    rule(draw, 2, is_repeated="true")
    opens(draw, "ann", 1, 2, 11, 12)
    assert crossed() == [("all", "ann", "2@10", 2, 12)]


def test_a_jump_over_two_multiples_after_a_fallback_fires_twice(fallen_back, draw, crossed):
    """MG-18"""
    rule(draw, 2, is_repeated="true")
    opens(draw, "ann", 11, 12, 12, 12)
    assert crossed() == [("all", "ann", "2@10", 4, 12), ("all", "ann", "4@10", 4, 12)]


def test_the_latest_of_several_fallbacks_counts(fallen_back, draw, crossed):
    """MG-17"""
    rule(draw, 1, is_repeated="true")
    draw("history.overrides", """
        bot_id | contact_id | from_sweep | until_sweep
        all    | ann        | 12         | 15
    """)  # fmt: skip
    opens(draw, "ann", 4, 11, 13, 16)
    assert crossed() == [("all", "ann", "1@15", 1, 16)]


def test_a_filter_bot_counts_on_whatever_was_overridden_beside_it(fallen_back, db, draw, crossed):
    """MG-17: the fallback is the overridden bot's alone."""
    rule(draw, 2, bot_id="eu")
    db.execute("UPDATE resolve.contacts SET automated_by = ['eu']")
    opens(draw, "ann", 7, 12)
    assert crossed() == [("eu", "ann", "1", 2, 12)]


def test_who_is_overridden_now_fires_nothing(fallen_back, db, draw, crossed):
    """MG-17"""
    rule(draw, 1)
    db.execute("UPDATE resolve.contacts SET bots = ['all', 'eu'], automated_by = ['eu']")
    opens(draw, "ann", 12)
    assert crossed() == []


def test_events_of_a_pause_after_a_fallback_do_not_count(fallen_back, draw, crossed):
    """MG-18"""
    rule(draw, 2)
    draw("staging.syncline__pauses", """
        bot_id | from_sweep | until_sweep
        all    | 11         | 13
    """)  # fmt: skip
    opens(draw, "ann", 12, 14, 15)
    assert crossed() == [("all", "ann", "1", 2, 15)]


@pytest.fixture
def heir(fallen_back, db, draw):
    """Bob, who parted from Ann or took her in, in sweep 15."""
    db.execute("DELETE FROM resolve.contacts")
    draw("resolve.contacts", """
        contact_id | bots  | automated_by
        bob        | [all] | [all]
    """)  # fmt: skip
    draw("resolve.lineage", """
        contact_id | ancestor_id | up_to_sweep
        bob        | ann         | 15
    """)  # fmt: skip
    draw("resolve.holdings", """
        contact_id | email  | from_sweep
        ann        | a@x.lv | 0
        bob        | b@x.lv | 0
    """)  # fmt: skip
    return lambda: draw("resolve.holdings", "contact_id | email | from_sweep\nbob | a@x.lv | 0")


def test_who_takes_over_a_contacts_events_takes_over_its_fallback(heir, draw, crossed):
    """MG-17: merges and forks."""
    heir()
    rule(draw, 2, is_repeated="true")
    opens(draw, "bob", 7, 8, 12, 13, held_by="ann")
    assert crossed() == [("all", "bob", "2", 2, 13)]


def test_who_takes_in_a_contact_that_fell_back_counts_on_what_it_saw_itself(heir, draw, crossed):
    """MG-17: nobody ever overrode the bot for all with Bob."""
    heir()
    rule(draw, 3)
    opens(draw, "bob", 7, 8)
    opens(draw, "bob", 6, 12, held_by="ann")
    assert crossed() == [("all", "bob", "1", 3, 12)]


def test_falling_back_after_a_merge_leaves_nothing_of_either_behind(heir, draw, crossed):
    """MG-17"""
    heir()
    draw("history.overrides", """
        bot_id | contact_id | from_sweep | until_sweep
        all    | bob        | 16         | 18
    """)  # fmt: skip
    rule(draw, 1, is_repeated="true")
    opens(draw, "bob", 14, 19)
    opens(draw, "bob", 12, held_by="ann")
    assert crossed() == [("all", "bob", "1@18", 1, 19)]


def test_what_an_ancestor_had_taken_over_before_it_fell_back_counts_from_then_on(
    heir, draw, crossed
):  # fmt: skip
    """MG-17: Cid became Ann's in sweep 6, Ann fell back in 10 and became Bob's in 15."""
    heir()
    draw("resolve.lineage", """
        contact_id | ancestor_id | up_to_sweep
        ann        | cid         | 6
        bob        | cid         | 6
    """)  # fmt: skip
    draw("resolve.holdings", """
        contact_id | email  | from_sweep
        cid        | c@x.lv | 0
        ann        | c@x.lv | 0
        bob        | c@x.lv | 0
    """)  # fmt: skip
    rule(draw, 1)
    opens(draw, "bob", 4, held_by="cid")
    assert crossed() == []


def test_a_new_tie_break_winner_takes_over_no_fallback(heir, draw, crossed):
    """MG-17: it takes over deeds, and no events."""
    rule(draw, 2, is_repeated="true")
    opens(draw, "bob", 7, 8)
    assert crossed() == [("all", "bob", "2", 2, 8)]


def test_who_parts_from_a_contact_still_overridden_falls_back_in_that_sweep(
    heir, db, draw, crossed
):  # fmt: skip
    """MG-17"""
    heir()
    db.execute("UPDATE history.overrides SET until_sweep = NULL")
    rule(draw, 1)
    opens(draw, "bob", 8, 14, held_by="ann")
    opens(draw, "bob", 16)
    assert crossed() == [("all", "bob", "1", 1, 16)]


def test_what_befell_the_ancestor_after_the_parting_is_its_own(heir, db, draw, crossed):
    """MG-17"""
    heir()
    db.execute("UPDATE history.overrides SET from_sweep = 16, until_sweep = 18")
    rule(draw, 1)
    opens(draw, "bob", 8, held_by="ann")
    assert crossed() == [("all", "bob", "1", 1, 8)]


def fired(draw, key, sweep, state="done"):
    bars = f"activity|acme-crm|acme|all|warm|{key}".replace("|", "¦")
    draw("staging.syncline__deeds", f"write_key | sweep | state\n{bars} | {sweep} | {state}")


@pytest.fixture
def due(db, crossed):
    def rows():
        crossed()
        build(db, SYNC, "resolve.fired")
        left = db.execute(
            "SELECT crossing FROM resolve.crossings EXCEPT SELECT crossing FROM resolve.fired "
            "ORDER BY ALL"
        ).fetchall()
        return [crossing for (crossing,) in left]

    return rows


def test_what_fired_before_the_fallback_does_not_bar_the_count_after_it(fallen_back, draw, due):
    """MG-17, MG-18"""
    rule(draw, 2, is_repeated="true")
    opens(draw, "ann", 1, 2, 11, 12)
    fired(draw, "ann|2", 2)
    assert due() == ["2@10"]


def test_a_single_automation_fires_once_whatever_falls_back(fallen_back, draw, due):
    """MG-17, MG-18"""
    rule(draw, 2)
    opens(draw, "ann", 1, 2, 11, 12)
    fired(draw, "ann|1", 2)
    assert due() == []


def test_what_fired_after_the_fallback_is_not_due(fallen_back, draw, due):
    """MG-18"""
    rule(draw, 2, is_repeated="true")
    opens(draw, "ann", 11, 12, 13, 14)
    fired(draw, "ann|2@10", 12)
    assert due() == ["4@10"]


def test_an_heir_does_not_fire_again_what_it_fired_itself(heir, draw, due):
    """MG-18: Bob fired in sweep 12, then took Ann in, and with her the fallback in sweep 10."""
    heir()
    rule(draw, 2, is_repeated="true")
    opens(draw, "bob", 3, 11, 12)
    fired(draw, "bob|2", 12)
    assert due() == []


@pytest.mark.parametrize("name", ["ann|2@10", "bob|2@10"])
def test_an_heir_does_not_fire_again_what_was_fired_after_the_fallback(name, heir, draw, due):
    """MG-18: also where an earlier version named the heir's own for the ancestor's fallback."""
    heir()
    rule(draw, 2, is_repeated="true")
    opens(draw, "bob", 11, 12, 13, 14, held_by="ann")
    fired(draw, name, 12)
    assert due() == ["4"]


def test_what_an_ancestor_fired_before_it_fell_back_bars_nothing(heir, draw, due):
    """MG-17, MG-18"""
    heir()
    rule(draw, 2, is_repeated="true")
    opens(draw, "bob", 1, 2, 11, 12, held_by="ann")
    fired(draw, "ann|2", 2)
    assert due() == ["2"]


@pytest.fixture
def noted(db, draw):
    draw("staging.syncline__notes", "bot_id | kind\nall | open")
    draw("history.selections", """
        bot_id | contact_id | from_sweep | until_sweep
        all    | ann        | 1          | 5
        all    | ann        | 10         |
    """)  # fmt: skip

    def sweeps():
        build(db, SYNC, "resolve.heirs", "resolve.fallbacks", "resolve.noted")
        return [n for (n,) in db.execute("SELECT sweep FROM resolve.noted ORDER BY 1").fetchall()]

    return sweeps


def test_only_what_came_after_the_fallback_is_noted(fallen_back, draw, noted):
    """MG-16, MG-17"""
    opens(draw, "ann", 4, 7, 10, 11)
    assert noted() == [11]


def test_an_overridden_bot_notes_nothing(fallen_back, db, draw, noted):
    """MG-17"""
    opens(draw, "ann", 11)
    db.execute("UPDATE resolve.contacts SET bots = ['all', 'eu'], automated_by = ['eu']")
    assert noted() == []


def test_a_crossing_after_a_fallback_says_so(fallen_back, draw, db, crossed):
    """MG-17, ALL-10"""
    rule(draw, 1)
    opens(draw, "ann", 11)
    db.execute("UPDATE resolve.contacts SET person_id_pipedrive = 1")
    draw("staging.pipedrive__persons", "person_id_pipedrive | name\n1 | Ann")
    crossed()
    build(db, SYNC, "resolve.fired", "resolve.due", "plan.activities")
    ((reason, since),) = db.execute(
        "SELECT reason, cause ->> '$.\"counted since the fallback in sweep\"' FROM plan.activities"
    ).fetchall()
    assert reason == "reached 1 of 1 open events since no filter bot overrides all"
    assert since == "10"
