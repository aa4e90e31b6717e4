"""Which flows a run deals with, and that the others are left as they are."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pipelines.surroundings import REAL
from state import schedules
from tests.pipelines.mailchimp_pipedrive.flow_desk import INTO, OUT, STAGE, FlowDesk

DAILY = {"schedule": {"every": "1d"}}
DAY = timedelta(days=1)


def served(desk: FlowDesk, flow_id: str) -> schedules.Served | None:
    with desk.state() as state:
        return schedules.served(state, f"acme.{flow_id}")


def lead(desk: FlowDesk, email: str) -> None:
    desk.act("add", email, fields={"FNAME": "Tess", "LNAME": "Ting"})
    desk.act("tag", email, tag="lead")


def test_a_flow_that_is_not_due_is_left_alone_until_it_is(desk: FlowDesk) -> None:
    """MC-02, MC-04: whoever came meanwhile comes across as soon as it is."""
    desk.start(OUT | DAILY, INTO | DAILY)
    assert desk.run().outcome == "done"
    first = served(desk, "into")
    lead(desk, "tess@new.example")
    assert desk.run(flow="out").outcome == "done"
    assert desk.persons_with("tess@new.example") == []
    assert served(desk, "into") == first

    desk.around = replace(REAL, now=lambda: datetime.now(UTC) + DAY)
    assert desk.run(flow="out").outcome == "done"
    assert len(desk.persons_with("tess@new.example")) == 1
    assert served(desk, "into") != first


def test_a_flow_that_was_never_served_is_due_at_once(desk: FlowDesk) -> None:
    """MC-04, MC-10: the first sync does not wait for a schedule of a day."""
    desk.start(OUT | DAILY, INTO | DAILY | {"active": False})
    assert desk.run().outcome == "done"
    lead(desk, "tess@new.example")
    desk.change("into", active=True)
    assert desk.run(flow="out").outcome == "done"
    assert len(desk.persons_with("tess@new.example")) == 1


def test_a_guarded_flow_stays_due_and_holds_up_no_other(desk: FlowDesk) -> None:
    """ALL-07, MC-02: the run ends as guarded, and what nobody asked about is written."""
    desk.start(OUT | DAILY, INTO | DAILY | {"active": False})
    assert desk.run().outcome == "done"
    desk.wanted["guards"] = {"first_activation": "ask"}
    desk.change("into", active=True)
    lead(desk, "tess@new.example")
    for _ in range(2):
        outcome = desk.run(flow="out")
        assert (outcome.outcome, len(outcome.guards)) == ("guarded", 1)
        assert "first activation of into" in outcome.guards[0]
    waiting = served(desk, "into")
    assert waiting is not None
    assert waiting.waits
    assert desk.persons_with("tess@new.example") == []


def test_a_passage_of_a_flow_that_is_not_due_waits_for_it(desk: FlowDesk) -> None:
    """MC-14: it is noted when the deals are read, whichever flow the run was for."""
    desk.start(OUT | DAILY | {"trigger": {"filters": ["Partners"]}}, STAGE | DAILY)
    assert desk.run().outcome == "done"
    person, email = desk.untouched()
    deal = desk.deal(person, "Lead In")
    desk.move(deal, "Qualified")
    assert desk.run(flow="out").outcome == "done"
    assert desk.member(email) is None
    assert desk.run(flow="stage").outcome == "done"
    assert desk.member(email) is not None


def test_a_run_for_a_flow_that_does_not_run_reads_nothing(desk: FlowDesk) -> None:
    """MC-02: a saved flow syncs nothing, and the run says why."""
    desk.start(OUT | {"active": False})
    outcome = desk.run(flow="out")
    assert outcome.outcome == "done"
    assert any("does not run" in one.sentence for one in outcome.findings)
    assert desk.effects() == []


def test_a_flow_nobody_knows_is_told_with_the_nearest(desk: FlowDesk) -> None:
    """MC-02: nothing was read, exit code 2."""
    desk.start(OUT)
    outcome = desk.run(flow="oat")
    assert outcome.exit_code == 2
    assert "acme has no flow 'oat' (did you mean out?)" in outcome.said
