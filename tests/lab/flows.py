"""The flows the laboratory attacks: how each one's world begins, how it runs, how it is read.

A flow joins by its entries in FLOWS, one a story. `begin` may run the flow itself, to arrive at
the moment of which the story tells; it does so with the desk's own surroundings.
"""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pipelines.mailchimp_pipedrive.audit import audit_sync as audit_flows
from pipelines.mailchimp_pipedrive.config import Definition as FlowDefinition
from pipelines.mailigen_pipedrive.adopt import adopt_sync
from pipelines.mailigen_pipedrive.audit import audit_sync
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.run import run_sync
from pipelines.report import Outcome, RunOptions
from pipelines.step import Step, plainly
from pipelines.surroundings import REAL, Surroundings
from state.errors import NotAllowed
from tests.pipelines.mailchimp_pipedrive import flow_desk
from tests.pipelines.mailigen_pipedrive.desk import CUSTOMERS, Desk, connections

HORIZON = 120.0  # seconds, Pipedrive's default; nobody waits for them here
REFERENCE = re.compile(r"SL-[A-Z2-7]{8}")
# What happened before counts, so that the first run has deeds to do.
BUSY = CUSTOMERS | {"count_from": "all_time"}
MANY = {"max_creates": 5000}


class LabDesk(Desk):
    """A desk whose runs take time and their way to the vendors from `around`."""

    around: Surroundings = REAL

    def run(self, *, step: Step = plainly, **options: Any) -> Outcome:
        return run_sync(
            Definition.model_validate(self.wanted), connections(self.url, self.horizon),
            options=RunOptions(**options), report=lambda _: None, step=step,
            settings=self.settings, around=self.around,
        )  # fmt: skip


@dataclass(frozen=True)
class Flow:
    """One story of a flow. The name is `flow/story`.

    `desk` is where it is set up and run; `begin` makes the world as it is right before the run under attack; `run` is one run of it, in
    whichever process; `books` is everything it can leave at the vendors, ids and wording aside.
    `ends` is the outcome of a run that nothing disturbs.
    """

    name: str
    begin: Callable[[LabDesk], None]
    run: Callable[[LabDesk, Surroundings], Outcome]
    books: Callable[[LabDesk], list[str]]
    ends: str = "done"
    desk: type[LabDesk] = LabDesk


def flow_named(name: str) -> Flow:
    """The entry of that name; KeyError names those there are."""
    found = {flow.name: flow for flow in FLOWS}
    if name not in found:
        raise KeyError(f"no flow {name!r}; there are {sorted(found)}")
    return found[name]


def _run(desk: LabDesk, around: Surroundings) -> Outcome:
    desk.around = around
    return desk.run()


def _first_run(desk: LabDesk) -> None:
    """Nothing of ours exists; the list does, and what its members did counts from the start."""
    desk.start(BUSY, people=16, guards=MANY | {"first_activation": "allow"})
    desk.horizon = HORIZON


def _approved_run(desk: LabDesk) -> None:
    """The list is to be made; a guard stopped the first run and somebody approved its plan."""
    desk.start(BUSY, people=12, guards=MANY, list={"title": "Arrivals", "create": True})
    desk.horizon = HORIZON
    _expect("guarded", desk.run())
    desk.approve()


def _later_run(desk: LabDesk) -> None:
    """Everything that can happen between two runs has happened."""
    desk.start(BUSY, people=40, guards=MANY | {"first_activation": "allow"})
    desk.horizon = HORIZON
    _, returning = desk.person(on_list=True)
    desk.act("unsubscribe", returning)
    _expect("done", desk.run())
    people = iter([desk.person(on_list=True) for _ in range(10)])
    desk.act("subscribe", returning)

    person, _ = next(people)
    desk.edit(person, first_name="Renamed")
    person, _ = next(people)
    desk.readdress(person, "moved.away@acme.example")
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


def _doubled_run(desk: LabDesk) -> None:
    """A write came long after its horizon and stands twice; somebody edited one, deleted one."""
    desk.start(BUSY, people=30, guards=MANY | {"first_activation": "allow"})
    desk.horizon = HORIZON
    _expect("done", desk.run())
    (late, email), (reader, other) = desk.person(on_list=True), desk.person(on_list=True)
    desk.fault("late_commit", "pipedrive", "/v1/notes", method="POST", delay_s=10 * HORIZON)
    desk.play("open", email)
    desk.play("open", other)
    _expect("done", desk.run())
    desk.control("clock", advance_s=12 * HORIZON)
    if len(desk.ours("notes", late)) + len(desk.ours("notes", reader)) != 3:
        raise AssertionError("the story cannot begin: no note stands twice")
    (deleted,) = desk.ours("activities", reader)
    desk.crm.delete(f"/api/v2/activities/{deleted['id']}").raise_for_status()
    (edited,) = desk.ours("activities", late)
    desk.crm.patch(
        f"/api/v2/activities/{edited['id']}", json={"subject": "By hand"}
    ).raise_for_status()


def _audit(desk: LabDesk, around: Surroundings) -> Outcome:
    return audit_sync(
        Definition.model_validate(desk.wanted), connections(desk.url, desk.horizon),
        report=lambda _: None, settings=desk.settings, around=around,
    )  # fmt: skip


def _state_lost(desk: LabDesk) -> None:
    """The state database is gone; somebody left and somebody opened a mail since the last run."""
    desk.start(BUSY, people=16, guards=MANY | {"first_activation": "allow"})
    desk.horizon = HORIZON
    _expect("done", desk.run())
    _, leaving = desk.person(on_list=True)
    desk.act("unsubscribe", leaving)
    _expect("done", desk.run())
    _, reader = desk.person(on_list=True)
    desk.play("open", reader)
    for file in desk.home.glob("state.db*"):
        file.unlink()


def _adopt_and_run(desk: LabDesk, around: Surroundings) -> Outcome:
    """What on-call types after a loss; once adopted, only the run is left."""
    wanted = Definition.model_validate(desk.wanted)
    with suppress(NotAllowed):  # a run has worked with the database already
        adopt_sync(
            wanted, connections(desk.url, desk.horizon), settings=desk.settings,
            report=lambda _: None, around=around,
        )  # fmt: skip
    return _run(desk, around)


def _expect(wanted: str, outcome: Outcome) -> None:
    if outcome.outcome != wanted:
        raise AssertionError(f"the story cannot begin: {outcome.outcome}: {outcome.said}")


KEPT = {
    "deals": ("person_id", "owner_id", "stage_id"),
    "activities": ("person_id", "owner_id", "type"),
    "notes": ("person_id",),
    "dealFields": ("field_name",),
}


def _books(desk: LabDesk) -> list[str]:
    """Deeds go by their reference, which is made of who, which rule and which crossing."""
    found = [
        json.dumps([name, *(row.get(column) for column in columns), *REFERENCE.findall(str(row))])
        for name, columns in KEPT.items()
        for row in desk.book("pipedrive", name)
    ]
    titles = {one["id"]: one["name"] for one in desk.book("mailigen", "lists")}
    found += [json.dumps(["list", title]) for title in titles.values()]
    found += [
        json.dumps(
            [titles[m["list"]], m["email"].lower(), m["status"], m["merges"]], sort_keys=True
        )
        for m in desk.book("mailigen", "members")
    ]
    for var in desk.book("mailigen", "merge_vars"):
        found.append(json.dumps([titles[var["list"]], var["tag"]]))
    return sorted(found)


OUT_AND_BACK = {"first_name": "FNAME", "last_name": "LNAME"}
BOTH_WAYS = (
    flow_desk.OUT | {"tag": "From Pipedrive", "mapping": OUT_AND_BACK},
    flow_desk.INTO | {"mapping": OUT_AND_BACK},
    flow_desk.NEW,
    flow_desk.STAGE,
)


class LabFlowDesk(flow_desk.FlowDesk, LabDesk):
    """The desk of Mailchimp flows, in the laboratory's time."""


def _first_flows(desk: LabDesk, people: int = 14) -> None:
    """Nobody of the filter is in the audience yet; somebody with the tag is no person yet."""
    assert isinstance(desk, LabFlowDesk)
    desk.start(*BOTH_WAYS, people=people, guards=MANY | {"first_activation": "allow"})
    desk.horizon = HORIZON
    desk.act("add", "tess@new.example", fields={"FNAME": "Tess", "LNAME": "Ting"})
    desk.act("tag", "tess@new.example", tag="Nobody yet")


def _later_flows(desk: LabDesk) -> None:
    """Everything that can happen between two runs has happened, at both sides."""
    _first_flows(desk, people=30)
    assert isinstance(desk, LabFlowDesk)
    people = [desk.untouched() for _ in range(4)]
    _expect("done", desk.run())
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


def _doubled_flows(desk: LabDesk) -> None:
    """A person came long after the horizon and stands twice; colleagues archived, edited and
    untagged what flows wrote."""
    _first_flows(desk, people=24)
    assert isinstance(desk, LabFlowDesk)
    (_, archived), (_, edited), (_, untagged) = (desk.untouched() for _ in range(3))
    desk.fault("late_commit", "pipedrive", "/api/v2/persons", method="POST", delay_s=10 * HORIZON)
    _expect("done", desk.run())
    desk.control("clock", advance_s=12 * HORIZON)
    if len(desk.persons_with("tess@new.example")) != 2:
        raise AssertionError("the story cannot begin: nobody stands twice")
    desk.act("archive", archived)
    desk.act("edit", edited, fields={"FNAME": "By hand"})
    desk.act("untag", untagged, tag="From Pipedrive")


def _audit_flows(desk: LabDesk, around: Surroundings) -> Outcome:
    return audit_flows(
        FlowDefinition.model_validate(desk.wanted), desk.connections, report=lambda _: None,
        settings=desk.settings, around=around,
    )  # fmt: skip


def _flow_books(desk: LabDesk) -> list[str]:
    """Persons by their addresses and names, contacts by theirs, ids aside."""
    found = [
        json.dumps(["person", sorted(e["value"].lower() for e in row["emails"]), row["name"]])
        for row in desk.book("pipedrive", "persons")
    ]
    tags = {s["id"]: s["name"] for s in desk.book("mailchimp", "segments")}
    found += [
        json.dumps([
            row["list_id"], row["email_address"].lower(), row["status"], row["merge_fields"],
            sorted(str(tags.get(one)) for one in row["tags"]),
        ], sort_keys=True)
        for row in desk.book("mailchimp", "members")
    ]  # fmt: skip
    return sorted(found)


FLOWS = (
    Flow("mailigen_pipedrive/first run", _first_run, _run, _books),
    Flow("mailigen_pipedrive/approved run", _approved_run, _run, _books),
    Flow("mailigen_pipedrive/later run", _later_run, _run, _books),
    Flow("audit/a doubled note", _doubled_run, _audit, _books, ends="open"),
    Flow("adopt/the state is lost", _state_lost, _adopt_and_run, _books),
    Flow("mailchimp_pipedrive/first run", _first_flows, _run, _flow_books, desk=LabFlowDesk),
    Flow("mailchimp_pipedrive/later run", _later_flows, _run, _flow_books, desk=LabFlowDesk),
    Flow(
        "audit/a doubled person",
        _doubled_flows,
        _audit_flows,
        _flow_books,
        ends="open",
        desk=LabFlowDesk,
    ),
)
