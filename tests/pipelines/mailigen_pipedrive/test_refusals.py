"""What a vendor refused is tried again: daily, seven times; when it changes; when somebody asks."""

from datetime import UTC, datetime, timedelta

import pytest

from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.run import run_sync
from pipelines.report import Outcome, RunOptions
from pipelines.surroundings import Surroundings
from state import doubts, lease
from tests.pipelines.mailigen_pipedrive.desk import CUSTOMERS, Desk, connections, definition

REFUSAL = {"success": False, "error": "no"}
DEALS, MEMBERS = "/api/v2/deals", "listUpdateMember"


def refuse(desk: Desk, path: str = DEALS) -> None:
    """From now on the vendor understands and says no."""
    if path == DEALS:
        desk.fault("status", "pipedrive", path, method="POST", status=400, body=REFUSAL, times=99)
    else:
        body = {"error": "rejected by a rule of the account", "code": 270}
        desk.fault(
            "status", "mailigen", f"/1.8/{path}", method="POST", status=400, body=body, times=99
        )


def run_on(desk: Desk, day: float) -> Outcome:
    """A run so many days from now, by its own clock and the vendors'."""

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(days=day)

    return run_sync(
        Definition.model_validate(desk.wanted), connections(desk.url, desk.horizon),
        options=RunOptions(), report=lambda _: None, settings=desk.settings,
        around=Surroundings(now=now),
    )  # fmt: skip


def asked(desk: Desk, path: str = DEALS) -> int:
    """How often the write was asked for since the last look."""
    return sum(path in line["path"] and line["method"] == "POST" for line in desk.journal())


@pytest.fixture
def hot(desk: Desk) -> tuple[Desk, int]:
    """A contact whose deal was refused a moment ago."""
    desk.wanted = definition(CUSTOMERS)
    person, email = desk.person(on_list=True)
    desk.play("click", email, times=2)
    refuse(desk)
    desk.journal()
    outcome = desk.run()
    assert (outcome.outcome, outcome.counts["refused"]) == ("open", 1), outcome.said
    assert asked(desk) == 1
    return desk, person


@pytest.mark.slow
def test_a_refused_deal_is_tried_daily_and_seven_times_in_all(hot: tuple[Desk, int]) -> None:
    desk, person = hot
    tries = []
    for day in (0.9, 1.1, 1.2, 2.2, 3.3, 4.4, 5.5, 6.6, 7.7, 30.0):
        outcome = run_on(desk, day)
        tries.append(asked(desk))
        assert outcome.exit_code == (4 if tries[-1] else 0), outcome.said
    assert tries == [0, 1, 0, 1, 1, 1, 1, 1, 0, 0], "with the first one seven"
    assert desk.ours("deals", person) == []

    desk.clear_faults()
    with desk.state() as state:
        held = lease.acquire(state, "acme", run_id="on-call")
        assert doubts.retry(held, doubts.refused(state, "acme")) == 1
        lease.release(held)
    assert desk.run().outcome == "done"
    assert len(desk.ours("deals", person)) == 1


def test_a_refused_deal_is_tried_at_once_when_the_definition_changes(
    hot: tuple[Desk, int],
) -> None:
    desk, person = hot
    assert (desk.run().exit_code, asked(desk)) == (0, 0), "unchanged it waits"
    deal = CUSTOMERS["deals"][0] | {"title": "Interested in {campaign}"}
    desk.wanted = definition(CUSTOMERS | {"deals": [deal]})
    desk.clear_faults()

    outcome = desk.run()

    assert (outcome.outcome, asked(desk)) == ("done", 1), outcome.said
    (made,) = desk.ours("deals", person)
    assert made["title"].startswith("Interested in")


def test_a_refused_note_is_tried_at_once_when_its_contact_changes(desk: Desk) -> None:
    """The person's place is taken by another one of the same address: the note goes there."""
    desk.wanted = definition(CUSTOMERS)
    person, email = desk.person(on_list=True)
    desk.play("open", email)
    desk.fault("status", "pipedrive", "/v1/notes", method="POST", status=400, body=REFUSAL, times=9)
    assert desk.run().counts["refused"] == 1
    heir = desk.add_person("Her Successor", email)
    desk.readdress(person, "elsewhere@acme.example")
    desk.clear_faults()
    desk.journal()

    outcome = desk.run()

    assert outcome.outcome == "done", outcome.said
    assert asked(desk, "/v1/notes") == 1
    assert [len(desk.ours("notes", one)) for one in (person, heir)].count(1) == 1


def test_refused_values_are_tried_daily_on_request_and_when_they_change(desk: Desk) -> None:
    desk.wanted = definition(CUSTOMERS)
    person, email = desk.person(on_list=True)
    desk.edit(person, first_name="Refused")
    refuse(desk, MEMBERS)
    assert desk.run().counts["refused"] == 1
    desk.journal()
    tries = []
    for day in (0.0, 1.1, 1.2):
        run_on(desk, day)
        tries.append(asked(desk, MEMBERS))
    assert tries == [0, 1, 0]

    with desk.state() as state:
        held = lease.acquire(state, "acme", run_id="on-call-2")
        assert doubts.retry(held, doubts.refused(state, "acme")) == 1
        lease.release(held)
    desk.run()
    assert asked(desk, MEMBERS) == 1, "on request"

    desk.edit(person, first_name="Accepted")
    desk.clear_faults()
    assert desk.run().outcome == "done"
    member = desk.member(email)
    assert member is not None
    assert member["merges"]["FNAME"] == "Accepted"
