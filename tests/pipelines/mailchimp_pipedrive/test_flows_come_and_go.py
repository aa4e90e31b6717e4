"""Flows taken out of the file and put back, and flows whose things are gone: what is told when."""

from pipelines.mailchimp_pipedrive.check import check_sync
from pipelines.mailchimp_pipedrive.config import Definition
from pipelines.report import Finding
from tests.pipelines.mailchimp_pipedrive.flow_desk import INTO, OUT, FlowDesk
from tests.pipelines.mailchimp_pipedrive.test_flows import done

GONE = ("warn", "flow into", "is in the file no more: a run deletes it")


def told(findings: list[Finding]) -> set[tuple[str, str, str]]:
    return {(one.level, one.thing, one.sentence) for one in findings}


def check(desk: FlowDesk) -> list[Finding]:
    definition = Definition.model_validate(desk.wanted)
    return check_sync(definition, desk.connections, settings=desk.settings).findings


def test_a_flow_taken_out_of_the_file_is_announced_before_a_run_deletes_it(desk: FlowDesk) -> None:
    """MC-02, ALL-10: by `check`, by `plan` and by the run itself, once"""
    desk.start(OUT, INTO)
    done(desk)
    assert GONE not in told(check(desk))
    desk.wanted["flows"] = [OUT]
    assert GONE in told(check(desk))
    assert GONE in told(desk.plan().findings)
    assert GONE in told(done(desk).findings)
    assert GONE not in told(done(desk).findings)
    assert GONE not in told(check(desk))


def test_a_plan_shows_what_a_flow_that_comes_back_into_the_file_will_ask(desk: FlowDesk) -> None:
    """MC-02, ALL-05: a deleted one begins anew"""
    desk.start(OUT, INTO)
    done(desk)
    desk.wanted["flows"] = [OUT]
    done(desk)
    desk.wanted |= {"flows": [OUT, INTO], "guards": {"first_activation": "ask"}}
    planned = desk.plan().guards
    asked = desk.run()
    assert (asked.outcome, asked.guards) == ("guarded", planned)
    (said,) = planned
    assert said.startswith("first activation of into: ")


def test_a_run_with_a_paused_flow_does_not_say_that_everything_is_in_step(desk: FlowDesk) -> None:
    """MC-07, ALL-10"""
    desk.start(OUT, INTO)
    assert done(desk).said == "Everything is in step."
    tag = next(s["id"] for s in desk.book("mailchimp", "segments") if s["name"] == "Nobody yet")
    desk.call("DELETE", f"/lists/{desk.audience}/segments/{tag}")
    outcome = done(desk)
    assert outcome.said == "Everything is in step but flows that are paused: into."
    assert "syncline list" in outcome.next_step
