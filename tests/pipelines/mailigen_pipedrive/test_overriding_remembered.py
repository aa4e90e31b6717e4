"""What is known of overriding: in a plan, in an older history, and after the state was lost."""

import duckdb
import pytest

from deployments.explain import explain_key
from tests.pipelines.mailigen_pipedrive.desk import CrashedError, Desk, crash_after
from tests.pipelines.mailigen_pipedrive.losses import adopt, lose, quiet
from tests.pipelines.mailigen_pipedrive.two_bots import (
    COUNTING,
    EU,
    EVERYBODY,
    bot,
    click,
    retier,
    subjects,
)

pytestmark = pytest.mark.slow  # whole lives of a sync, lost and adopted


def test_a_plan_after_a_fallback_shows_what_the_run_then_does_and_says_why(fresh: Desk) -> None:
    """MG-17, ALL-05, ALL-10"""
    fresh.start(COUNTING, EU, people=40)
    fresh.settle()
    person, email = fresh.person(on_list=True)
    click(fresh, email)
    retier(fresh, person, "Bronze")
    fresh.settle()
    fresh.play("click", email, times=2)

    shown = fresh.plan()
    fresh.settle()

    assert shown.totals["activities"] == {"create": 2}
    because = {row["reason"] for row in shown.rows["activities"]}
    assert because == {"reached 2 of 2 click events since no filter bot overrides everybody"}
    done = fresh.ask("SELECT DISTINCT reason FROM history.writes WHERE object = 'activity'")
    assert because < {reason for (reason,) in done}
    (often,) = (a for a in fresh.ours("activities", person) if a["subject"] == "often")
    steps = explain_key(fresh.settings, "acme", str(often["id"]))
    assert any("counted since the fallback in sweep" in step.said for step in steps)


def test_a_plan_shows_the_overriding_before_any_run_knows_of_it(fresh: Desk) -> None:
    """MG-17, ALL-05"""
    fresh.start(EVERYBODY, people=40)
    fresh.settle()
    _, email = fresh.person(on_list=True)
    fresh.play("click", email)
    assert fresh.plan().totals["deals"] == {"create": 1}

    fresh.wanted["bots"] = [EVERYBODY, bot("eu", "Customers EU", notes=["bounce"])]

    assert fresh.plan().totals["deals"] == {}
    assert fresh.ask("FROM history.overrides") == []


def test_a_history_of_an_earlier_version_opens_and_goes_on(fresh: Desk) -> None:
    """MG-17, ALL-06: it knows of no overriding, and selections of every bot."""
    fresh.start(COUNTING, EU, people=40)
    fresh.settle()
    person, email = fresh.person(on_list=True)
    with duckdb.connect(str(fresh.home / "history" / "acme.duckdb")) as db:
        db.execute(
            "INSERT INTO selections SELECT bot_id, contact_id, from_sweep, NULL FROM overrides"
        )
        db.execute("DROP TABLE overrides")

    click(fresh, email)
    retier(fresh, person, "Bronze")
    click(fresh, email, times=2)
    assert subjects(fresh, person) == ["eu-clicks"]

    click(fresh, email, times=2)
    assert subjects(fresh, person) == ["eu-clicks", "often", "once"]


def fell_back_and_fired(desk: Desk) -> tuple[int, str]:
    """A person whom the bot for all has given a repeated activity after a fallback."""
    desk.start(COUNTING, EU, people=40)
    desk.settle()
    person, email = desk.person(on_list=True)
    click(desk, email)
    retier(desk, person, "Bronze")
    desk.settle()
    click(desk, email, times=2)
    assert subjects(desk, person) == ["eu-clicks", "often", "once"]
    return person, email


@pytest.mark.parametrize(
    "lost", [(), ("keep",), ("history",), ("history", "keep")],
    ids=["state", "keep file", "history", "both"],
)  # fmt: skip
def test_after_a_fallback_and_an_adoption_nothing_fires_again(
    fresh: Desk, lost: tuple[str, ...]
) -> None:
    """ALL-14, MG-17: with the history counting goes on, without it nothing unproven fires."""
    person, email = fell_back_and_fired(fresh)
    lose(fresh, *lost)

    adopted = adopt(fresh)

    assert len(adopted.unexplained) == (1 if "history" in lost else 0)
    quiet(fresh)
    click(fresh, email)
    assert subjects(fresh, person) == ["eu-clicks", "often", "once"]
    retier(fresh, person, "Gold")
    click(fresh, email)
    retier(fresh, person, "Bronze")
    fresh.settle()
    click(fresh, email, times=2)
    assert subjects(fresh, person) == ["eu-clicks", "often", "often", "once"]


def test_a_crossing_after_a_fallback_sent_right_before_the_loss_is_recognised(fresh: Desk) -> None:
    """ALL-14, MG-17: no history names it, only its reference does."""
    person, email = fell_back_and_fired(fresh)
    fresh.play("click", email, times=2)
    with pytest.raises(CrashedError):
        fresh.run(step=crash_after("Load"))
    assert len(subjects(fresh, person)) == 4
    fresh.effects()
    lose(fresh)

    adopted = adopt(fresh)

    assert adopted.unexplained == []
    quiet(fresh)
    assert len(subjects(fresh, person)) == 4
