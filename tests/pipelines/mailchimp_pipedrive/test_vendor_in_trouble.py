"""A vendor that loses every write: the run gives it a breath, and ends."""

from dataclasses import replace

import httpx

import connectors.http
from pipelines.surroundings import REAL, Surroundings
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


def test_people_who_join_while_the_audience_is_read_are_no_shortfall(desk: FlowDesk) -> None:
    """ALL-09: it counts one more than it listed, and counted one less before"""
    desk.start()
    joined = list[str]()

    def join(answer: httpx.Response) -> None:
        is_last = answer.url.params.get("status") == "archived"
        if is_last and answer.url.path.endswith(f"/lists/{desk.audience}/members"):
            joined.append(f"tess{len(joined)}@new.example")
            desk.act("add", joined[-1], fields={"FNAME": "Tess"})

    def open_http() -> httpx.Client:
        opened = connectors.http.open_http()
        opened.event_hooks = {"response": [join]}
        return opened

    desk.around = Surroundings(open_http=open_http)
    try:
        for full in (False, False, True):
            outcome = desk.run(full=full)
            assert outcome.outcome == "done", outcome.said
    finally:
        desk.around = REAL
    assert len(joined) == 3, "each run read all of it once"


def test_a_shortfall_that_nobody_s_coming_explains_fails_the_run(desk: FlowDesk) -> None:
    """ALL-09: less than it counted before and after"""
    desk.start()
    body = {"id": desk.audience, "name": "Newsletter", "stats": {"member_count": 10_000}}
    desk.fault("status", "mailchimp", f"*/lists/{desk.audience}", method="GET", status=200,
               body=body, times=1000)  # fmt: skip
    outcome = desk.run()
    desk.clear_faults()
    assert outcome.outcome == "failed"
    assert "counts other contacts" in outcome.said
