"""Filter bots with automations override the bots for all contacts, and history keeps when."""

from types import SimpleNamespace

import pytest

from pipelines.mailigen_pipedrive.seen_first import remember
from pipelines.mailigen_pipedrive.sweep import SYNC
from transforms.build import build

NO_IMPORT = SimpleNamespace(new_subscribers=None)


@pytest.fixture
def bots(draw):
    """Two filter bots with automations, a bare one, and one for everybody."""
    draw("staging.syncline__bots", """
        bot_id | selection | has_automations
        all    | all       | true
        bare   | filter    | false
        eu     | filter    | true
        vip    | filter    | true
    """)  # fmt: skip


@pytest.fixture
def automated(db, draw):
    """Who automates Ann, and who is remembered as overridden, when these bots select her."""

    def by(*selecting):
        db.execute("DELETE FROM resolve.winners; DELETE FROM resolve.identity")
        draw(
            "resolve.winners",
            f"email | person_id_pipedrive | bots\na@x.lv | 1 | [{', '.join(selecting)}]",
        )
        draw("resolve.identity", """
            email  | person_id_pipedrive | decision | contact_id
            a@x.lv | 1                   | same     | ann
        """)  # fmt: skip
        build(db, SYNC, "resolve.contacts")
        ((bots, automated, overridden),) = db.execute(
            "SELECT bots, automated_by, overridden FROM resolve.contacts"
        ).fetchall()
        assert bots == [*selecting], "the source names whoever selects, whatever overrides"
        return automated, overridden

    return by


def test_every_filter_bot_with_automations_gives_its_own_and_the_one_for_all_none(bots, automated):
    """MG-17"""
    assert automated("all", "bare", "eu", "vip") == (["eu", "vip"], ["all"])


def test_a_bare_filter_bot_overrides_nothing(bots, automated):
    """MG-17"""
    assert automated("all", "bare") == (["all", "bare"], [])


def test_without_a_bot_for_all_nobody_is_overridden(bots, automated):
    """MG-10, MG-17"""
    assert automated("eu", "vip") == (["eu", "vip"], [])


@pytest.mark.parametrize("column", ["is_active = FALSE", "has_automations = FALSE"])
def test_a_bot_that_stopped_or_lost_its_automations_overrides_nothing(
    column, bots, db, automated
):  # fmt: skip
    """MG-17"""
    db.execute(f"UPDATE staging.syncline__bots SET {column} WHERE bot_id = 'eu'")
    selecting = ("all",) if "active" in column else ("all", "eu")
    assert automated(*selecting) == ([*selecting], [])


def test_a_bot_that_waits_for_its_approval_overrides_in_the_plan_and_leaves_no_trace(
    bots, db, automated
):  # fmt: skip
    """MG-17"""
    db.execute("UPDATE staging.syncline__bots SET is_waiting = TRUE WHERE bot_id = 'eu'")
    assert automated("all", "eu") == (["eu"], [])
    assert automated("all", "eu", "vip") == (["eu", "vip"], ["all"])


@pytest.fixture
def stretches(db, automated):
    """Live through a sweep in which these bots select Ann, and return what history then says."""

    def after(sweep, *selecting):
        db.execute("UPDATE staging.syncline__sweep SET sweep = ?", [sweep])
        automated(*selecting)
        remember(SimpleNamespace(db=db, sweep=sweep, definition=NO_IMPORT))
        return [
            db.execute(f"SELECT bot_id, from_sweep, until_sweep FROM {table} ORDER BY ALL")
            .fetchall()
            for table in ("history.selections", "history.overrides")
        ]  # fmt: skip

    return after


def test_history_keeps_when_a_bot_was_overridden_and_that_it_then_selected_nobody(bots, stretches):
    """MG-16, MG-17"""
    assert stretches(1, "all") == [[("all", 1, None)], []]
    assert stretches(2, "all", "eu") == [
        [("all", 1, 2), ("eu", 2, None)],
        [("all", 2, None)],
    ]
    stretches(3, "all", "eu")
    assert stretches(4, "all") == [
        [("all", 1, 2), ("all", 4, None), ("eu", 2, 4)],
        [("all", 2, 4)],
    ]
    assert stretches(5, "all", "vip")[1] == [("all", 2, 4), ("all", 5, None)]


def test_what_was_first_seen_after_a_pause_between_two_sweeps_finds_nobody_selected(
    bots, db, draw, stretches
):  # fmt: skip
    """MG-16, MG-18: also when the bot is created again and its pauses are forgotten."""
    assert stretches(1, "eu")[0] == [("eu", 1, None)]
    draw("staging.syncline__pauses", """
        bot_id | from_sweep | until_sweep
        eu     | 2          |
    """)  # fmt: skip
    assert stretches(2, "eu")[0] == [("eu", 1, 2)]
    db.execute("UPDATE staging.syncline__pauses SET until_sweep = 3")
    assert stretches(3, "eu")[0] == [("eu", 1, 2), ("eu", 3, None)]
