"""Plans that cost more than is left of an account's day: asked for first, then done over days."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from connectors.http import utc_now
from state.schema import budgets
from tests.pipelines.mailigen_pipedrive.desk import CUSTOMERS, QUIET, Desk

PEOPLE = 150


def test_an_added_field_that_costs_more_calls_than_are_left_waits_for_an_approval(
    fresh: Desk,
) -> None:
    """ALL-07, ALL-05: what is approved goes as far as the day does, and on the next day further"""
    fresh.start(QUIET, people=PEOPLE)
    fresh.settle()
    reading = calls(fresh.run())
    fresh.effects()
    fresh.wanted |= {"fields": {"person": ["phone", "Customer tier", "job_title"]}}

    leave_calls(fresh, reading + 10)
    stopped = fresh.run()

    assert (stopped.outcome, stopped.exit_code) == ("guarded", 3)
    (reason,) = stopped.guards
    assert reason.startswith("the plan costs ")
    assert "calls of engagement and" in reason
    assert fresh.effects() == []

    wanted = stopped.counts["planned_members_update"]
    fresh.approve()
    leave_calls(fresh, reading + 10)
    first_day = fresh.run()
    written = member_writes(fresh)

    assert (first_day.outcome, first_day.exit_code) == ("failed", 1)
    assert "this day allows us are spent" in first_day.said
    assert "goes on by itself" in first_day.next_step
    assert 0 < len(written) < wanted

    fresh.facts = {}
    tomorrow(fresh)
    second_day = fresh.run()
    written += member_writes(fresh)

    assert second_day.outcome == "done", second_day.said
    assert len(written) == len(set(written)) == wanted


@pytest.mark.slow
def test_deeds_that_cost_more_tokens_than_are_left_wait_for_an_approval(fresh: Desk) -> None:
    """ALL-07, ALL-05: and are done over two days, each once"""
    fresh.start(CUSTOMERS, people=PEOPLE)
    fresh.settle()
    people = [fresh.person(on_list=True) for _ in range(8)]
    reading = fresh.run().cost[0].tokens
    fresh.effects()
    for _, email in people:
        fresh.play("open", email)

    leave_tokens(fresh, reading + 30)
    stopped = fresh.run()

    assert (stopped.outcome, stopped.guards[0].split(" and ")[0]) == (
        "guarded", "the plan costs 120 tokens of crm",
    )  # fmt: skip
    assert fresh.effects() == []

    fresh.approve()
    leave_tokens(fresh, reading + 30)
    first_day = fresh.run()
    made = fresh.effects()

    assert first_day.outcome == "failed"
    assert 0 < len(made) < 16

    fresh.facts = {}
    tomorrow(fresh)
    assert fresh.run().outcome == "done"
    made += fresh.effects()
    assert sorted(one["object"] for one in made) == ["activities"] * 8 + ["notes"] * 8
    assert all(len(fresh.ours("activities", person)) == 1 for person, _ in people)


def test_a_first_activation_says_what_it_costs_when_that_is_too_much(fresh: Desk) -> None:
    """ALL-07: beside its own question; whoever approves one approves both"""
    fresh.start(QUIET, people=PEOPLE, guards={"first_activation": "ask"})
    reading = calls(fresh.run())
    fresh.effects()

    leave_calls(fresh, reading + 1)
    stopped = fresh.run()

    assert stopped.outcome == "guarded"
    assert stopped.guards[0].startswith("first activation of customers")
    assert "calls of engagement" in stopped.guards[1]
    assert fresh.effects() == []


def leave_calls(desk: Desk, left: int) -> None:
    """Let the Mailigen account have so many calls left today."""
    desk.facts = {"engagement": {"calls_per_day": spent(desk, "engagement") + left,
                                 "quota_share": 1}}  # fmt: skip


def leave_tokens(desk: Desk, left: int) -> None:
    # A hundredth more: shares are rounded down to whole tokens.
    share = (spent(desk, "crm") + left + 0.01) / 30_000
    desk.facts = {"crm": {"plan": "lite", "seats": 1, "quota_share": share}}


def spent(desk: Desk, account: str) -> int:
    with desk.state() as state, state.read() as db:
        query = select(budgets.c.spent_tokens).where(budgets.c.account == account)
        return int(db.scalar(query) or 0)


def tomorrow(desk: Desk) -> None:
    def now() -> datetime:
        return utc_now() + timedelta(days=1)

    desk.control("clock", advance_s=86_400)
    desk.around = replace(desk.around, now=now)


def calls(outcome: Any) -> int:
    return int(next(one.tokens for one in outcome.cost if one.account == "engagement"))


def member_writes(desk: Desk) -> list[str]:
    return [str(one["id"]) for one in desk.effects() if one["object"] == "members"]
