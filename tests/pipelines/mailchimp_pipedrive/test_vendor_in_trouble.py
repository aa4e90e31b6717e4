"""A vendor that loses every write: the run gives it a breath, and ends."""

from dataclasses import replace

from tests.pipelines.mailchimp_pipedrive.flow_desk import FlowDesk


def test_a_write_that_is_lost_again_and_again_ends_the_run_as_open(desk: FlowDesk) -> None:
    """ALL-04, ALL-06: the same body may be repeated, but not as fast as the wire is."""
    desk.start()
    person, email = desk.untouched()
    assert desk.run().outcome == "done"
    slept: list[float] = []
    desk.around = replace(desk.around, sleep=slept.append)
    desk.edit(person, first_name="Zelda")
    desk.fault("lost_request", "mailchimp", "*/members/*", method="PATCH", times=1000)
    outcome = desk.run(settle_within=30)
    assert outcome.outcome == "open"
    assert sum(slept) <= 30
    assert desk.faults_fired() < 20
    desk.clear_faults()
    assert desk.run().outcome == "done"
    assert desk.merges(email)["FNAME"] == "Zelda"
