"""Mailigen's plan is full: every bot of the connection is paused until somebody resumes (MG-21)."""

import pytest

from pipelines.mailigen_pipedrive import life
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.run import run_sync
from pipelines.report import Outcome, RunOptions
from state import bots
from tests.pipelines.mailigen_pipedrive.desk import CUSTOMERS, QUIET, Desk, connections

PARTNERS = {"name": "partners", "list": {"title": "Partners", "create": True}}


def run_partners(desk: Desk) -> Outcome:
    """A second sync of the same two accounts, with a list of its own."""
    wanted = Definition.model_validate(desk.wanted | PARTNERS)
    return run_sync(
        wanted, connections(desk.url), options=RunOptions(), report=lambda _: None,
        settings=desk.settings,
    )  # fmt: skip


def fill(desk: Desk, limit: str) -> str:
    """Reach one of the plan's limits; return the reason a bot is paused for."""
    if limit == "emails":
        desk.assume("mailigen", "emails_left", 0)
        return life.NO_EMAILS
    total = sum(m["status"] == "subscribed" for m in desk.book("mailigen", "members"))
    desk.assume("mailigen", "subscribers_limit", total)
    desk.add_person("One Toomany", "one.toomany@acme.example")
    return life.FULL_PLAN


def make_room(desk: Desk) -> None:
    desk.assume("mailigen", "emails_left", None)
    desk.assume("mailigen", "subscribers_limit", None)


def standing(desk: Desk, sync: str) -> list[tuple[str, str]]:
    with desk.state() as state:
        return [(bot.state, bot.reason) for bot in bots.bots(state, sync)]


def resume(desk: Desk, sync: str) -> None:
    with desk.state() as state:
        bots.resume(state, sync, "customers")


@pytest.mark.parametrize("limit", ["subscribers", "emails"])
def test_either_limit_pauses_the_bots_of_every_sync_of_the_connection(
    fresh: Desk, limit: str
) -> None:
    """MG-21: `resume` looks again, and pauses again while the limit stands."""
    fresh.start(CUSTOMERS)
    fresh.settle()
    assert run_partners(fresh).outcome == "done"
    person, email = fresh.person(on_list=True)
    reason = fill(fresh, limit)
    fresh.effects()

    for _ in range(2):
        stopped = fresh.run()
        assert (stopped.outcome, stopped.exit_code) == ("failed", 1)
        assert "Upgrade the Mailigen subscription" in stopped.next_step
        assert standing(fresh, "acme") == standing(fresh, "partners") == [("paused", reason)]
        for waiting in (fresh.run(), run_partners(fresh)):
            assert waiting.outcome == "done", waiting.said
            assert any(reason in f.sentence for f in waiting.findings)
        assert fresh.effects() == []
        resume(fresh, "acme")
        resume(fresh, "partners")

    fresh.play("open", email)
    make_room(fresh)
    assert fresh.run().outcome == "done"
    assert run_partners(fresh).outcome == "done"
    assert standing(fresh, "acme") == standing(fresh, "partners") == [("active", "")]
    assert len(fresh.ours("notes", person)) == 1, "nothing of that time is lost"


def test_what_was_planned_when_the_plan_was_full_waits_for_its_bot(fresh: Desk) -> None:
    """MG-21: note and activity; no run is at fault meanwhile, the resumed bot sends each once."""
    fresh.start(CUSTOMERS)
    fresh.settle()
    person, email = fresh.person(on_list=True)
    fresh.play("open", email)
    fill(fresh, "subscribers")
    assert fresh.run().outcome == "failed"

    waiting = fresh.run()
    assert (waiting.outcome, waiting.counts["waiting"]) == ("done", 2), waiting.said
    assert "what paused bots had planned (2 records)" in waiting.said
    assert fresh.ours("notes", person) == []

    make_room(fresh)
    resume(fresh, "acme")
    assert fresh.run().said == "Everything is in step."
    assert len(fresh.ours("notes", person)) == 1


def test_a_plan_by_subscribers_may_show_no_emails_left(fresh: Desk) -> None:
    """MG-21: whether it shows none is not known, so the connection can say what it counts."""
    fresh.start(QUIET)
    fresh.assume("mailigen", "emails_left", 0)
    wanted = Definition.model_validate(fresh.wanted)
    accounts = connections(fresh.url)
    by_subscribers = accounts["engagement"].model_copy(update={"counts_emails": False})

    waiting = fresh.run()
    outcome = run_sync(
        wanted, accounts | {"engagement": by_subscribers}, options=RunOptions(),
        report=lambda _: None, settings=fresh.settings,
    )  # fmt: skip

    assert waiting.outcome == "done"
    assert any(life.NO_EMAILS in f.sentence for f in waiting.findings)
    assert outcome.outcome == "done"
    assert standing(fresh, "acme") == [("active", "")]


def test_a_bot_the_user_paused_stays_the_users(fresh: Desk) -> None:
    """MG-21, MG-20"""
    fresh.start(QUIET | {"id": "held"}, QUIET)
    fresh.settle()
    with fresh.state() as state:
        bots.pause(state, "acme", "held", by="user", reason="holidays")
    fill(fresh, "emails")

    assert fresh.run().outcome == "failed"

    assert standing(fresh, "acme") == [("paused", life.NO_EMAILS), ("paused", "holidays")]
