"""Stories of real time: a window beside the sweeps, and what comes after one that was killed.

A listener that dies has its deliveries in the inbox still, and begins with a sweep for them; what
rings before that sweep can begin is a window of its own.
"""

import json
from contextlib import closing

from pipelines.mailchimp_pipedrive.config import Definition
from pipelines.mailchimp_pipedrive.warm import Warm
from pipelines.report import Outcome
from pipelines.surroundings import Surroundings
from tests.lab.stories.audiences import first_flows
from tests.lab.stories.story import LabDesk, LabFlowDesk, expect, run

NAMED = "named.json"  # whom the deliveries name
SCHEDULE_S = 900.0  # between two sweeps of the schedule, as the desk's definition has it


def rung(desk: LabDesk) -> None:
    """In step; then, at both sides, what a window can carry across, and somebody who left."""
    first_flows(desk)
    assert isinstance(desk, LabFlowDesk)
    (renamed, _), (moved, _), (left, leaver) = (desk.untouched() for _ in range(3))
    entering = desk.add_person("Una Upp", "una@new.example")
    desk.edit(entering, custom_fields=dict.fromkeys(desk.selected()[0]["custom_fields"]))
    deal = desk.deal(entering, "Lead In")
    expect("done", desk.run())
    desk.control("clock", advance_s=60)
    desk.edit(renamed, first_name="Renamed")
    desk.readdress(moved, "moved.away@acme.example")
    desk.act("unsubscribe", leaver)
    desk.edit(left, first_name="Leaver")
    desk.act("edit", "tess@new.example", fields={"FNAME": "Theresa"})
    desk.act("add", "ned@new.example", fields={"FNAME": "Ned", "LNAME": "Nye"})
    desk.move(deal, "Qualified")
    people = [("person", str(one)) for one in (renamed, moved, left, entering)]
    members = [
        ("member", desk.audience, one)
        for one in (leaver, "tess@new.example", "ned@new.example")
    ]  # fmt: skip
    (desk.home / NAMED).write_text(json.dumps([*people, *members, ("deal", str(deal))]))


def window(desk: LabDesk, around: Surroundings) -> Outcome:
    """What a listener does for the deliveries it has taken in."""
    named = [tuple(one) for one in json.loads((desk.home / NAMED).read_text())]
    definition = Definition.model_validate(desk.wanted)
    with closing(Warm(definition, desk.connections, desk.settings, around)) as one:
        return one.window(named)


def sweeps(desk: LabDesk, around: Surroundings) -> Outcome:
    """The sweep that a listener begins with, and the schedule's next: what a killed window was
    sending, and no vendor shows, the first tells of and does not wait for."""
    outcome = run(desk, around)
    if outcome.outcome not in ("done", "open"):
        return outcome
    around.sleep(SCHEDULE_S)
    return run(desk, around)


def window_and_sweeps(desk: LabDesk, around: Surroundings) -> Outcome:
    """Rung for again before the sweep could begin."""
    outcome = window(desk, around)
    return sweeps(desk, around) if outcome.outcome in ("done", "open") else outcome
