"""Which flows a run deals with: the one it was started for, and whatever else is due.

    nobody named   all of them (`syncline run SYNC`, `plan`)
    named          due, whatever its schedule says
    the others     never dealt with, or waiting for an approval, or begun or resumed since
                   they were, or a moment of their own schedule has passed since

A flow that is not due is left alone: nobody is planned for it, and what an earlier run sealed for
it stays as it is. A run that finds the sync held reads and notes nothing, so its flow stays due.
"""

from difflib import get_close_matches

from pipelines.definition import Schedule, Scheduled
from pipelines.mailchimp_pipedrive import life
from pipelines.mailchimp_pipedrive.config import Definition
from pipelines.mailchimp_pipedrive.sweep import Sweep
from pipelines.report import Finding
from pipelines.sweep import DefinitionError
from pipelines.timetable import due_between
from state import schedules


def require_flow(definition: Definition, flow_id: str) -> None:
    """DefinitionError for a flow that the definition does not list, with the nearest name."""
    known = [flow.id for flow in definition.flows]
    if flow_id in known:
        return
    near = get_close_matches(flow_id, known, n=1, cutoff=0.5)
    remedy = f"did you mean {near[0]}?" if near else f"it has {', '.join(known) or 'no flows'}"
    said = f"{definition.name} has no flow {flow_id!r}"
    raise DefinitionError([Finding("error", f"flow {flow_id}", said, remedy)])


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


def _is_due(sweep: Sweep, one: Scheduled) -> bool:
    if sweep.named_flow in ("", one.part):
        return True
    served = schedules.served(sweep.state, one.name)
    known = sweep.known_bots[one.part]
    if served is None or served.waits or known.state == "new" or known.since > served.ended_at:
        return True
    # What the budget bears may be a longer interval than the file's: see `syncline deploy`.
    deployed = schedules.deployed(sweep.state, one.name)
    wanted = Schedule.model_validate(deployed.schedule) if deployed else one.schedule
    return due_between(wanted, one.name, served.read_at, sweep.read_at) > 0
