"""Every sync and bot on one line each: what the files say, beside what state remembers (MG-19)."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import select

from pipelines.mailigen_pipedrive.config import Bot, Definition
from pipelines.settings import Settings
from state import audits, doubts
from state.audits import LastAudit
from state.database import State, open_state
from state.schema import bots as bots_table
from state.schema import syncs as syncs_table


class Line(NamedTuple):
    sync: str
    bot: str
    last_sync: str
    ended: str
    doubts: int  # writes of the sync whose outcome is unknown; `syncline doubts` lists them
    last_audit: str  # when, and how many duplicates and lost ones it left open
    selection: str
    actions: str
    active: str


class Remembered(NamedTuple):
    last_run: dict[str, tuple[str, str]]  # sync -> when, how it ended
    activity: dict[tuple[str, str], str]  # sync, bot -> active, or why not
    doubts: dict[str, int]
    audits: dict[str, str]


def list_bots(settings: Settings, definitions: Sequence[Definition]) -> list[Line]:
    """A line per bot, and one for a sync without bots; what no file lists any more comes last."""
    state = open_state(settings.state_url) if settings.home.exists() else None
    try:
        remembered = _remembered(state) if state else Remembered({}, {}, {}, {})
    finally:
        if state:
            state.close()
    lines = [
        line
        for definition in sorted(definitions, key=lambda one: one.name)
        for line in _lines(definition, remembered)
    ]
    listed = {(line.sync, line.bot) for line in lines}
    for (sync, bot), activity in sorted(remembered.activity.items()):
        if (sync, bot) not in listed and activity != "deleted":
            when, ended = remembered.last_run.get(sync, ("never", ""))
            open_count = remembered.doubts.get(sync, 0)
            audited = remembered.audits.get(sync, "never")
            lines.append(
                Line(sync, bot, when, ended, open_count, audited, "(in no file)", "", activity)
            )
    return lines


def _lines(definition: Definition, remembered: Remembered) -> list[Line]:
    when, ended = remembered.last_run.get(definition.name, ("never", ""))
    open_count = remembered.doubts.get(definition.name, 0)
    audited = remembered.audits.get(definition.name, "never")
    if not definition.bots:
        return [
            Line(definition.name, "", when, ended, open_count, audited, "nothing", "", "no bots")
        ]
    return [
        Line(
            sync=definition.name,
            bot=bot.id,
            last_sync=when,
            ended=ended,
            doubts=open_count,
            last_audit=audited,
            selection="all" if bot.contacts == "all" else str(bot.contacts.name),
            actions=_actions(bot),
            active=remembered.activity.get((definition.name, bot.id), "new: not run yet"),
        )
        for bot in definition.bots
    ]


def _actions(bot: Bot) -> str:
    rules = [
        *(f"{rule.type} after {rule.after} {rule.event}" for rule in bot.activities),
        *(f"deal after {rule.after} {rule.event}" for rule in bot.deals),
        *([f"notes on {'/'.join(bot.notes)}"] if bot.notes else []),
    ]
    return ", ".join(rules) or "none"


def _remembered(state: State) -> Remembered:
    with state.read() as db:
        runs = db.execute(select(syncs_table)).all()
        bots = db.execute(select(bots_table)).all()
    return Remembered(
        last_run={
            row.sync: (f"{row.last_run_at:%Y-%m-%d %H:%M} UTC", row.outcome or "running")
            for row in runs
            if row.last_run_at
        },
        activity={
            (row.sync, row.bot_id): f"{row.state}: {row.reason}" if row.reason else row.state
            for row in bots
        },
        doubts=doubts.count(state),
        audits={sync: _audited(last) for sync, last in audits.latest(state).items()},
    )


def _audited(last: LastAudit) -> str:
    found = [f"{noun} {last.counts.get(noun, 0)}" for noun in ("duplicates", "lost")]
    return f"{last.ended_at:%Y-%m-%d %H:%M} UTC: {', '.join(found)}"
