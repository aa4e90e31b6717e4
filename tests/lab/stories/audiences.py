"""Stories of Mailchimp and Pipedrive: audiences, and flows both ways."""

from contextlib import suppress
from unittest.mock import patch

from pipelines.mailchimp_pipedrive import bulk
from pipelines.mailchimp_pipedrive.adopt import adopt_sync
from pipelines.mailchimp_pipedrive.audit import audit_sync
from pipelines.mailchimp_pipedrive.config import Definition
from pipelines.report import Outcome
from pipelines.surroundings import Surroundings
from state.errors import NotAllowed
from tests.lab.stories.lists import DESCRIBED
from tests.lab.stories.story import HORIZON, MANY, LabDesk, LabFlowDesk, expect, run
from tests.pipelines.mailchimp_pipedrive import flow_desk

OUT_AND_BACK = {"first_name": "FNAME", "last_name": "LNAME"}
BOTH_WAYS = (
    flow_desk.OUT | {"tag": "From Pipedrive", "mapping": OUT_AND_BACK},
    flow_desk.INTO | {"mapping": OUT_AND_BACK},
    flow_desk.NEW,
    flow_desk.STAGE,
)


def first_flows(desk: LabDesk, people: int = 14) -> None:
    """Nobody of the filter is in the audience yet; somebody with the tag is no person yet."""
    assert isinstance(desk, LabFlowDesk)
    desk.start(*BOTH_WAYS, people=people, guards=MANY | {"first_activation": "allow"})
    desk.horizon = HORIZON
    desk.act("add", "tess@new.example", fields={"FNAME": "Tess", "LNAME": "Ting"})
    desk.act("tag", "tess@new.example", tag="Nobody yet")


def later_flows(desk: LabDesk) -> None:
    """Everything that can happen between two runs has happened, at both sides."""
    first_flows(desk, people=30)
    assert isinstance(desk, LabFlowDesk)
    people = [desk.untouched() for _ in range(4)]
    expect("done", desk.run())
    desk.control("clock", advance_s=60)
    (renamed, first), (moved, _), (left, second), (deleted, _) = people
    desk.act("tag", first, tag="Nobody yet")
    desk.edit(renamed, first_name="Renamed")
    desk.readdress(moved, "moved.away@acme.example")
    desk.act("unsubscribe", second)
    desk.readdress(left, "other.address@acme.example")
    desk.delete_person(deleted)
    desk.act("edit", "tess@new.example", fields={"FNAME": "Theresa"})
    desk.act("add", "ned@new.example", fields={"FNAME": "Ned", "LNAME": "Nye"})
    entering = desk.add_person("Una Upp", "una@new.example")
    deal = desk.deal(entering, "Lead In")
    desk.control("clock", advance_s=5)
    desk.move(deal, "Qualified")


def doubled_flows(desk: LabDesk) -> None:
    """A person came long after the horizon and stands twice; colleagues archived, edited and
    untagged what flows wrote."""
    first_flows(desk, people=24)
    assert isinstance(desk, LabFlowDesk)
    (_, archived), (_, edited), (_, untagged) = (desk.untouched() for _ in range(3))
    desk.fault("late_commit", "pipedrive", "/api/v2/persons", method="POST", delay_s=10 * HORIZON)
    expect("done", desk.run())
    desk.control("clock", advance_s=12 * HORIZON)
    if len(desk.persons_with("tess@new.example")) != 2:
        raise AssertionError("the story cannot begin: nobody stands twice")
    desk.act("archive", archived)
    desk.act("edit", edited, fields={"FNAME": "By hand"})
    desk.act("untag", untagged, tag="From Pipedrive")


def audit_flows(desk: LabDesk, around: Surroundings) -> Outcome:
    return audit_sync(
        Definition.model_validate(desk.wanted), desk.connections, report=lambda _: None,
        settings=desk.settings, around=around,
    )  # fmt: skip


def state_of_flows_lost(desk: LabDesk) -> None:
    """The state database is gone; since the last run somebody was erased, and both sides edited."""
    first_flows(desk)
    assert isinstance(desk, LabFlowDesk)
    (renamed, _), (_, erased), (_, untagged) = (desk.untouched() for _ in range(3))
    expect("done", desk.run())
    desk.act("forget", erased)
    expect("done", desk.run())
    desk.control("clock", advance_s=60)
    desk.act("untag", untagged, tag="From Pipedrive")
    desk.edit(renamed, first_name="Renamed")
    desk.act("edit", "tess@new.example", fields={"FNAME": "Theresa"})
    desk.act("add", "ned@new.example", fields={"FNAME": "Ned", "LNAME": "Nye"})
    desk.add_person("Una Upp", "una@new.example")
    for file in desk.home.glob("state.db*"):
        file.unlink()


def adopt_flows_and_run(desk: LabDesk, around: Surroundings) -> Outcome:
    """What on-call types after a loss; once adopted, only the run is left."""
    with suppress(NotAllowed):  # a run has worked with the database already
        adopt_sync(
            Definition.model_validate(desk.wanted), desk.connections, settings=desk.settings,
            report=lambda _: None, around=around,
        )  # fmt: skip
    return run(desk, around)


def many_updates(desk: LabDesk) -> None:
    """An audience in step, and more edits than single requests are good for."""
    assert isinstance(desk, LabFlowDesk)
    desk.start(flow_desk.OUT, people=24, guards=MANY | {"first_activation": "allow"})
    desk.horizon = HORIZON
    people = [desk.untouched() for _ in range(5)]
    expect("done", desk.run())
    # A look so soon after an answer proves no other value: a recovery would leave them to the next.
    desk.control("clock", advance_s=2 * HORIZON)
    for person, _ in people:
        desk.edit(person, first_name=f"Renamed {person}")


def run_in_batches(desk: LabDesk, around: Surroundings) -> Outcome:
    """A run for which a few updates are many: a hundred people would be as many boundaries."""
    with patch.object(bulk, "FEWEST", 3):
        return run(desk, around)


def described_filter(desk: LabDesk) -> None:
    """The flow's filter is described and does not exist; nothing of ours does."""
    assert isinstance(desk, LabFlowDesk)
    flow = flow_desk.OUT | {"trigger": {"filters": [DESCRIBED]}}
    desk.start(flow, people=14, guards=MANY | {"first_activation": "allow"})
    desk.horizon = HORIZON
