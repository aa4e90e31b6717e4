"""Which flows a run deals with: the one it was started for, and whatever else is due.

    nobody named   all of them (`syncline run SYNC`, `plan`)
    named          due, whatever its schedule says
    the others     never dealt with, or waiting for an approval, or begun or resumed since
                   they were, or a moment of their own schedule has passed since

A flow that is not due is left alone: nobody is planned for it, and what an earlier run sealed for
it stays as it is. A run that finds the sync held reads and notes nothing, so its flow stays due.
"""

from pipelines.definition import Schedule, Scheduled
from pipelines.mailchimp_pipedrive import life
from pipelines.mailchimp_pipedrive.sweep import Sweep
from pipelines.timetable import due_between
from state import schedules
from state.bots import Bot
from state.schedules import Served


def due_flows(sweep: Sweep) -> frozenset[str]:
    """The flows this run deals with, as far as they run at all."""
    return frozenset(
        one.part for one in sweep.definition.scheduled if _is_due(sweep, one)
    )  # fmt: skip


def note_served(sweep: Sweep) -> None:
    """Remember that these flows were dealt with; one that a guard holds back stays due."""
    for one in sweep.definition.scheduled:
        if life.is_served(sweep, one.part):
            waits = one.part in sweep.held_back
            schedules.note_served(sweep.state, one.name, sweep.read_at, waits=waits)


def is_before_its_first(served: Served, flow: Bot) -> bool:
    """Whether nothing was carried across since the flow was begun or resumed: at its last turn it
    waited for an approval, or it has had none since."""
    return served.waits or flow.state == "new" or flow.since > served.ended_at


def _is_due(sweep: Sweep, one: Scheduled) -> bool:
    if sweep.named_flow in ("", one.part):
        return True
    served = schedules.served(sweep.state, one.name)
    if served is None or is_before_its_first(served, sweep.known_bots[one.part]):
        return True
    # What the budget bears may be a longer interval than the file's: see `syncline deploy`.
    deployed = schedules.deployed(sweep.state, one.name)
    wanted = Schedule.model_validate(deployed.schedule) if deployed else one.schedule
    return due_between(wanted, one.name, served.read_at, sweep.read_at) > 0
