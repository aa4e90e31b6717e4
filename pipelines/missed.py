"""Scheduled runs that did not happen: how many, since when, and whom that was told.

    last run's end, or a later moment at which one came and found the sync held
      |--- due --- due --- due --- due (this one, or about to begin) --->
      '------ two or more of these: missed

Counted by the schedule that `deploy` gave the server. Not missed: what was never deployed, and a
sync all of whose bots a user paused. A part with a schedule of its own counts by itself: whichever
run dealt with it.
"""

from contextlib import closing
from datetime import datetime
from typing import NamedTuple

from pipelines.alerts import call
from pipelines.definition import Schedule, Scheduled, SyncDefinition
from pipelines.report import Outcome, minute
from pipelines.settings import Settings
from pipelines.timetable import MOST_COUNTED, due_between
from state import bots, lease, notices, runs, schedules
from state.database import State, open_state

FEWEST = 2  # one may be late, or a server may have been started again
REMEDY = "docs/runbooks.md, `The schedule does not fire`, says what to look at"


class Gap(NamedTuple):
    """Runs that were due and did not end, since the last one that did (or the deploy)."""

    missed: int
    since: datetime

    @property
    def said(self) -> str:
        count = f"{self.missed} or more" if self.missed >= MOST_COUNTED - 1 else str(self.missed)
        return f"{count} scheduled runs did not happen or did not end since {self.since_shown}"

    @property
    def since_shown(self) -> str:
        return minute(self.since)


def find(state: State, one: Scheduled) -> Gap | None:
    """What of a deployed schedule was missed up to now; None for less than two runs.

    The newest due run is not counted: it may be the one that asks, or about to begin.
    """
    deployed = schedules.deployed(state, one.name)
    if deployed is None or _is_stopped(state, one) or lease.holder(state, one.sync):
        return None
    ended = _ended_at(state, one)
    since = max(
        at for at in (deployed.since, ended, schedules.held_at(state, one.name)) if at
    )  # fmt: skip
    wanted = Schedule.model_validate(deployed.schedule)
    missed = due_between(wanted, one.name, since, state.now()) - 1
    return Gap(missed, since) if missed >= FEWEST else None


def before_run(settings: Settings, one: Scheduled) -> Gap | None:
    """What a scheduled run finds before it begins. The first run of a sync misses nobody."""
    settings.make_home()
    with closing(open_state(settings.state_url)) as state:
        return find(state, one) if _ended_at(state, one) else None


def _ended_at(state: State, one: Scheduled) -> datetime | None:
    """When a run for it last ended. One that failed dealt with no part of the sync, and ended."""
    known = runs.standing(state, one.sync)
    if known is None or not one.part:
        return known.last_run_at if known else None
    served = schedules.served(state, one.name)
    has_failed = known.outcome in ("failed", "invalid")
    ends = (served and served.ended_at, known.last_run_at if has_failed else None)
    return max((at for at in ends if at), default=None)


def after_run(
    definition: SyncDefinition, settings: Settings, outcome: Outcome, gap: Gap | None,
    *, is_audit: bool = False, part: str = "",
) -> None:  # fmt: skip
    """Say in the outcome of a scheduled run or audit what was missed before it, and call once.

    A run that found the sync held notes that it came.
    """
    if outcome.outcome == "skipped":
        if not is_audit:
            with closing(open_state(settings.state_url)) as state:
                schedules.note_held(state, Scheduled(outcome.sync, part, definition.schedule).name)
        return
    if gap is None:
        return
    said = gap.said + _what_now(outcome, is_audit=is_audit)
    outcome.said = f"{outcome.said.rstrip('.')}. {said}."
    _call_once(definition, settings, outcome, gap, said)


def _what_now(outcome: Outcome, *, is_audit: bool) -> str:
    if is_audit:
        return ", and none has caught up yet"
    if outcome.outcome in ("done", "open"):
        return "; this run caught up"
    return "; this run did not catch up: it ended before its work was done"


def _call_once(
    definition: SyncDefinition, settings: Settings, outcome: Outcome, gap: Gap, said: str
) -> None:
    """One call for a gap, whether an audit or the run after it tells it first."""
    trouble = f"since {gap.since.isoformat()}"
    wanted = definition.alert
    if wanted is None or "missed" not in wanted.on:
        return
    with closing(open_state(settings.state_url)) as state:
        if notices.was_told(state, outcome.sync, "missed", trouble):
            return
        body = {"sync": outcome.sync, "run_id": outcome.run_id, "kind": "missed",
                "said": f"{said}.", "next_step": REMEDY}  # fmt: skip
        if call(wanted, settings, body):
            notices.tell(state, outcome.sync, "missed", trouble)


def _is_stopped(state: State, one: Scheduled) -> bool:
    """Whether nobody expects it to run: a user paused all of it, or saved it for later."""
    known = [bot for bot in bots.bots(state, one.sync) if bot.state != "deleted"]
    mine = [bot for bot in known if one.part in ("", bot.bot_id)]
    return bool(mine) and all(b.state == "paused" and b.paused_by == "user" for b in mine)
