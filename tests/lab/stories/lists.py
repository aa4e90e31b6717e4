"""Stories of Mailigen and Pipedrive: a list, the people of the CRM, and what readers cause."""

from contextlib import suppress

from pipelines.mailigen_pipedrive.adopt import adopt_sync
from pipelines.mailigen_pipedrive.audit import audit_sync
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.report import Outcome
from pipelines.surroundings import Surroundings
from state.errors import NotAllowed
from tests.lab.stories.story import HORIZON, MANY, LabDesk, expect, run
from tests.pipelines.mailigen_pipedrive.desk import CUSTOMERS, QUIET, connections
from tests.pipelines.mailigen_pipedrive.joining import ON, join

# What happened before counts, so that the first run has deeds to do.
BUSY = CUSTOMERS | {"count_from": "all_time"}
# A filter nobody has made yet: the first run makes it, before anybody is walked.
DESCRIBED = {
    "name": "Gold customers",
    "conditions": {"all": [{"field": "Customer tier", "is": "Gold"}]},
}


def first_run(desk: LabDesk) -> None:
    """Nothing of ours exists; the list does, and what its members did counts from the start."""
    desk.start(BUSY, people=16, guards=MANY | {"first_activation": "allow"})
    desk.horizon = HORIZON


def approved_run(desk: LabDesk) -> None:
    """The list is to be made; a guard stopped the first run and somebody approved its plan."""
    desk.start(BUSY, people=12, guards=MANY, list={"title": "Arrivals", "create": True})
    desk.horizon = HORIZON
    expect("guarded", desk.run())
    desk.approve()


def later_run(desk: LabDesk) -> None:
    """Everything that can happen between two runs has happened."""
    desk.start(BUSY, people=40, guards=MANY | {"first_activation": "allow"})
    desk.horizon = HORIZON
    _, returning = desk.person(on_list=True)
    desk.act("unsubscribe", returning)
    expect("done", desk.run())
    people = iter([desk.person(on_list=True) for _ in range(12)])
    desk.act("subscribe", returning)

    person, _ = next(people)
    desk.edit(person, first_name="Renamed")
    person, _ = next(people)
    desk.readdress(person, "moved.away@acme.example")
    person, _ = next(people)  # moved to an address that is on the list already
    join(desk, "here.already@acme.example")
    desk.readdress(person, "here.already@acme.example")
    person, _ = next(people)  # no bot selects them any more
    desk.edit(person, custom_fields=dict.fromkeys(desk.selected()[0]["custom_fields"]))
    desk.delete_person(next(people)[0])
    person, email = next(people)  # left under the old address: barred under the new one too
    desk.act("unsubscribe", email)
    desk.readdress(person, "other.address@acme.example")
    person, email = next(people)  # left, and was deleted in the CRM at the same time
    desk.act("unsubscribe", email)
    desk.delete_person(person)
    desk.act("remove", next(people)[1])
    desk.play("bounce", next(people)[1])
    for person, email in people:
        desk.play("open", email)
        desk.play("click", email, times=2)
        desk.edit(person, first_name="Reader")
    desk.add_person("New Arrival", "new.arrival@acme.example")
    desk.add_person("Later Arrival", "later.arrival@acme.example")


def doubled_run(desk: LabDesk) -> None:
    """A write came long after its horizon and stands twice; somebody edited one, deleted one."""
    desk.start(BUSY, people=30, guards=MANY | {"first_activation": "allow"})
    desk.horizon = HORIZON
    expect("done", desk.run())
    (late, email), (reader, other) = desk.person(on_list=True), desk.person(on_list=True)
    desk.fault("late_commit", "pipedrive", "/v1/notes", method="POST", delay_s=10 * HORIZON)
    desk.play("open", email)
    desk.play("open", other)
    expect("done", desk.run())
    desk.control("clock", advance_s=12 * HORIZON)
    if len(desk.ours("notes", late)) + len(desk.ours("notes", reader)) != 3:
        raise AssertionError("the story cannot begin: no note stands twice")
    (deleted,) = desk.ours("activities", reader)
    desk.crm.delete(f"/api/v2/activities/{deleted['id']}").raise_for_status()
    (edited,) = desk.ours("activities", late)
    desk.crm.patch(
        f"/api/v2/activities/{edited['id']}", json={"subject": "By hand"}
    ).raise_for_status()


def audit(desk: LabDesk, around: Surroundings) -> Outcome:
    return audit_sync(
        Definition.model_validate(desk.wanted), connections(desk.url, desk.horizon),
        report=lambda _: None, settings=desk.settings, around=around,
    )  # fmt: skip


def state_lost(desk: LabDesk) -> None:
    """The state database is gone; somebody left and somebody opened a mail since the last run."""
    desk.start(BUSY, people=16, guards=MANY | {"first_activation": "allow"})
    desk.horizon = HORIZON
    expect("done", desk.run())
    _, leaving = desk.person(on_list=True)
    desk.act("unsubscribe", leaving)
    expect("done", desk.run())
    _, reader = desk.person(on_list=True)
    desk.play("open", reader)
    for file in desk.home.glob("state.db*"):
        file.unlink()


def adopt_and_run(desk: LabDesk, around: Surroundings) -> Outcome:
    """What on-call types after a loss; once adopted, only the run is left."""
    wanted = Definition.model_validate(desk.wanted)
    with suppress(NotAllowed):  # a run has worked with the database already
        adopt_sync(
            wanted, connections(desk.url, desk.horizon), settings=desk.settings,
            report=lambda _: None, around=around,
        )  # fmt: skip
    return run(desk, around)


def new_subscribers(desk: LabDesk) -> None:
    """Of those who joined one is nobody yet, one has a second address of a person, one stands on
    two persons, and one has left again."""
    desk.start(QUIET, people=12, guards=MANY | {"first_activation": "allow"}, **ON)
    desk.horizon = HORIZON
    known = desk.add_person("Known Already", "first@joined.example")
    desk.edit(known, emails=[
        {"value": "first@joined.example", "primary": True, "label": "work"},
        {"value": "Second@joined.example", "primary": False, "label": "home"},
    ])  # fmt: skip
    expect("done", desk.run())
    join(desk, FNAME="Nora", LNAME="New", PHONE="+371 20 000 001")
    join(desk, "late@joined.example", FNAME="Lea")
    join(desk, "second@joined.example", FNAME="Somebody", LNAME="Else")
    for name in ("One", "Two"):
        desk.add_person(name, "twice@joined.example")
    join(desk, "twice@joined.example")
    join(desk, "gone@joined.example")
    desk.act("unsubscribe", "gone@joined.example")


def described_filter(desk: LabDesk) -> None:
    """The bot's filter is described and does not exist; nothing of ours does."""
    bot = QUIET | {"contacts": {"filter": DESCRIBED}}
    desk.start(bot, people=16, guards=MANY | {"first_activation": "allow"})
    desk.horizon = HORIZON
