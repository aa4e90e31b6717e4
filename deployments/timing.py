"""Whether the deployed syncs keep to their schedules, and to schedules that the budgets bear.

Asked of the state and the files. The Prefect server is asked one thing, and only when a sync is
overdue: whether somebody paused its deployment.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from typing import NamedTuple

import httpx

from pipelines import missed, price
from pipelines.accounts import ConnectionMismatchError, allowances
from pipelines.definition import Schedule, Scheduled, SyncDefinition
from pipelines.missed import REMEDY, Gap
from pipelines.settings import Connections, Settings
from pipelines.timetable import Fit, in_words, seconds_between
from state import schedules
from state.database import State, open_state

SECONDS = 5


class Timing(NamedTuple):
    """What there is to say of a schedule: '' and '' when all is well."""

    sync: str
    part: str  # '' for the schedule of the sync as a whole
    interval: str
    overdue: str
    remedy: str

    @property
    def name(self) -> str:
        return f"{self.sync}.{self.part}" if self.part else self.sync

    def shown(self) -> str:
        overdue = f"overdue: {self.overdue}" if self.overdue else ""
        return "; ".join(part for part in (self.interval, overdue) if part)


def fits(
    settings: Settings, definitions: Sequence[SyncDefinition], connections: Connections
) -> dict[str, Fit]:
    """By deployment the schedule to give it, as far as its cost is known; no vendor asked."""
    settings.make_home()
    with closing(open_state(settings.state_url)) as state:
        return {
            each.name: price.fit_of(state, one, allowances(connections, one), each)
            for one in definitions
            for each in one.scheduled
        }


def note_deployed(
    settings: Settings, fitting: Mapping[str, Fit], removed: Collection[str] = ()
) -> None:
    """Keep what the server was given: by that a run is missed, or is not."""
    with closing(open_state(settings.state_url)) as state:
        for name, fit in fitting.items():
            if fit.schedule is not None:
                schedules.note_deployed(state, name, fit.schedule.model_dump())
        for name in removed:
            schedules.forget_deployed(state, name)


def timings(
    settings: Settings, definitions: Sequence[SyncDefinition], connections: Connections
) -> list[Timing]:
    """How each definition stands; nothing for those of which there is nothing to say."""
    scheduled = [(one, each) for one in definitions for each in one.scheduled]
    overdue = found_overdue(settings, [each for _, each in scheduled])
    found = []
    with closing(open_state(settings.state_url)) as state:
        for one, each in scheduled:
            interval, remedy = _interval(state, one, each, connections)
            gap = overdue.get(each.name)
            if gap is not None:
                remedy = REMEDY
            if interval or gap:
                found.append(
                    Timing(each.sync, each.part, interval, gap.said if gap else "", remedy)
                )
    return found


def found_overdue(settings: Settings, scheduled: Collection[Scheduled]) -> dict[str, Gap]:
    """By deployment the runs that did not happen, but for those that are paused in Prefect now."""
    with closing(open_state(settings.state_url)) as state:
        found = ((one.name, missed.find(state, one)) for one in scheduled)
        gaps = {name: gap for name, gap in found if gap is not None}
    if not gaps or settings.prefect_api_url is None:
        return gaps
    paused = paused_in_prefect(settings.prefect_api_url, gaps)
    return {name: gap for name, gap in gaps.items() if name not in paused}


def paused_in_prefect(api_url: str, names: Collection[str]) -> set[str]:
    """The deployments that somebody paused, or whose schedule; none if it cannot say."""
    # The tag tells a sync's deployment from that of its audit, which has the same name.
    which = {"name": {"any_": sorted(names)}, "tags": {"all_": ["syncline", "pipedrive"]}}
    try:
        answer = httpx.post(
            f"{api_url.rstrip('/')}/deployments/filter",
            json={"deployments": which},
            timeout=SECONDS,
        )
        answer.raise_for_status()
        found = answer.json()
    except (httpx.HTTPError, ValueError):
        return set()
    return {
        one["name"]
        for one in found
        if one["paused"] or not all(each["active"] for each in one["schedules"])
    }


def least_wake(settings: Settings, definition: SyncDefinition, connections: Connections) -> float:
    """Least seconds between two runs of a sync that webhooks wake: they get what the schedule
    leaves of our share."""
    with closing(open_state(settings.state_url)) as state:
        known = price.price_of(state, definition)
        deployed = schedules.deployed(state, definition.name)
    scheduled = Schedule.model_validate(deployed.schedule) if deployed else None
    spent = known.by_account if known else {}
    return seconds_between(scheduled, spent, allowances(connections, definition))


def _interval(
    state: State, definition: SyncDefinition, one: Scheduled, connections: Connections
) -> tuple[str, str]:
    """What is to be said of the interval, and what to do: the one deployed, or that would be."""
    try:
        fit = price.fit_of(state, definition, allowances(connections, definition), one)
    except ConnectionMismatchError:
        return "", ""  # a mistake of the file, which is told elsewhere
    deployed = schedules.deployed(state, one.name)
    if deployed is None:
        return fit.said, fit.remedy
    used = Schedule.model_validate(deployed.schedule)
    if fit.schedule == used:
        return fit.said, fit.remedy
    there = f"deployed {in_words(used)}"
    if fit.schedule is None:
        return f"{there}; {fit.said}", fit.remedy
    wanted = fit.said or f"the file says {in_words(fit.schedule)}"
    return f"{there}; {wanted}", "syncline deploy"
