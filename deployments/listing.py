"""Every sync and bot or flow on one line each: what the files say, beside what state remembers.

A bot was synced when its sync ran; a flow has a schedule of its own, and was when a run served it.
"""

from collections.abc import Sequence
from contextlib import closing
from typing import Any, NamedTuple

from sqlalchemy import select

from deployments.timing import Timing, timings
from pipelines.definition import Part, SyncDefinition
from pipelines.kinds import KINDS
from pipelines.report import minute
from pipelines.settings import Connections, Settings
from state import audits, connections, doubts, grants, schedules
from state.audits import LastAudit
from state.database import State, open_state
from state.schedules import Served
from state.schema import bots as bots_table
from state.schema import syncs as syncs_table


class Line(NamedTuple):
    """What there is to say of one bot; `shown` is what fits on a line."""

    sync: str
    bot: str
    last_sync: str
    ended: str
    selection: str
    actions: str
    active: str
    since: str
    connection: str  # of the sync's accounts, those that need somebody; '' when all is well
    confirmed: str  # who said that the contacts agreed, and when
    doubts: int  # writes of the sync whose outcome is unknown; `syncline doubts` lists them
    last_audit: str  # when, and how many duplicates and lost ones it left open
    schedule: str = ""  # another interval than the wanted one, runs that did not happen; '': well

    def shown(self) -> tuple[str, ...]:
        ended = f"{self.last_sync} {self.ended}".strip()
        last = f"{ended}, {self.doubts} of the sync in doubt" if self.doubts else ended
        last = f"{last}; {self.schedule}" if self.schedule else last
        active = f"{self.active}; {self.connection}" if self.connection else self.active
        return self.sync, self.bot, last, self.selection, self.actions, active


SHOWN = ("sync", "bot or flow", "last sync", "selection", "actions", "active")


class Remembered(NamedTuple):
    last_run: dict[str, tuple[str, str]]  # sync -> when, how it ended
    served: dict[str, Served]  # by deployment: when a flow was dealt with
    bots: dict[tuple[str, str], Any]  # sync, bot -> its row
    troubled: dict[str, str]  # connection -> what it needs
    doubts: dict[str, int]
    audits: dict[str, str]


def list_bots(
    settings: Settings, definitions: Sequence[SyncDefinition], connections: Connections
) -> list[Line]:
    """A line per bot, and one for a sync without bots; what no file lists any more comes last."""
    remembered, timed = Remembered({}, {}, {}, {}, {}, {}), list[Timing]()
    troubled = _not_connected(connections, None)
    if settings.has_state:
        with closing(open_state(settings.state_url)) as state:
            remembered, troubled = (
                _remembered(state, definitions),
                _not_connected(connections, state),
            )
        timed = timings(settings, definitions, connections)
    remembered = remembered._replace(troubled=troubled | remembered.troubled)
    told = {(one.sync, one.part): one.shown() for one in timed}
    lines = [
        line._replace(schedule=told.get((line.sync, line.bot)) or told.get((line.sync, ""), ""))
        for definition in sorted(definitions, key=lambda one: one.name)
        for line in _lines(definition, remembered)
    ]
    listed = {(line.sync, line.bot) for line in lines}
    for (sync, bot), row in sorted(remembered.bots.items()):
        if (sync, bot) not in listed and row.state != "deleted":
            lines.append(_line(remembered, sync, bot, selection="(in no file)"))
    return lines


def _not_connected(connections: Connections, state: State | None) -> dict[str, str]:
    """Accounts whose app nobody has let in, with the command for it."""
    return {
        name: f"connection {name} is not connected: syncline connect {name}"
        for name, one in connections.items()
        if one.is_by_oauth
        if state is None or not grants.is_kept(state, name)
    }


def _lines(definition: SyncDefinition, remembered: Remembered) -> list[Line]:
    troubled = [
        remembered.troubled[name]
        for name in (definition.connections.crm, definition.connections.engagement)
        if name in remembered.troubled
    ]
    connection = "; ".join(troubled)
    if not definition.parts:
        line = _line(remembered, definition.name, "", selection="nothing", connection=connection)
        return [line._replace(active=f"no {KINDS[definition.kind].parts}")]
    return [_part(remembered, definition, part, connection) for part in definition.parts]


def _part(remembered: Remembered, definition: SyncDefinition, part: Part, connection: str) -> Line:
    line = _line(
        remembered, definition.name, part.id, connection=connection, actions=part.actions,
        selection=part.selection,
    )  # fmt: skip
    if not part.is_on:
        line = line._replace(active="saved, not active in the file")
    names = [one.name for one in definition.scheduled if one.part == part.id]
    if not names:
        return line
    when, ended = _served(remembered, definition.name, names[0])
    return line._replace(last_sync=when, ended=ended)


def _served(remembered: Remembered, sync: str, name: str) -> tuple[str, str]:
    """When a flow was served. How its sync's last run ended is about others too, so it is told
    with its own time unless all was well."""
    at, ended = remembered.last_run.get(sync, ("never", ""))
    served = remembered.served.get(name)
    told = "" if ended in ("", "done", "skipped") else f"(last run {at} {ended})"
    if served is None:
        return "never", told
    waits = "waits for an approval" if served.waits else ""
    return minute(served.ended_at), " ".join(filter(None, (waits, told)))


def _line(
    remembered: Remembered, sync: str, bot: str, *, selection: str, connection: str = "",
    actions: str = "",
) -> Line:  # fmt: skip
    when, ended = remembered.last_run.get(sync, ("never", ""))
    row = remembered.bots.get((sync, bot))
    active = "new: not run yet"
    if row is not None:
        active = f"{row.state}: {row.reason}" if row.reason else str(row.state)
    confirmed = f"{row.confirmed_by} on {row.confirmed_on}" if row and row.confirmed_by else ""
    return Line(
        sync, bot, when, ended, selection, actions, active,
        since=minute(row.since) if row is not None else "",
        connection=connection, confirmed=confirmed, doubts=remembered.doubts.get(sync, 0),
        last_audit=remembered.audits.get(sync, "never"),
    )  # fmt: skip


def _remembered(state: State, definitions: Sequence[SyncDefinition]) -> Remembered:
    names = [one.name for definition in definitions for one in definition.scheduled if one.part]
    served = {name: schedules.served(state, name) for name in names}
    with state.read() as db:
        runs = db.execute(select(syncs_table)).all()
        bots = db.execute(select(bots_table)).all()
    return Remembered(
        last_run={
            row.sync: (minute(row.last_run_at), row.outcome or "running")
            for row in runs
            if row.last_run_at
        },
        served={name: one for name, one in served.items() if one},
        bots={(row.sync, row.bot_id): row for row in bots},
        troubled={
            one.account: f"connection {one.account} {one.state} since {minute(one.since)}"
            for one in connections.connections(state)
            if one.state != "ok"
        },
        doubts=doubts.count(state),
        audits={sync: _audited(last) for sync, last in audits.latest(state).items()},
    )


def _audited(last: LastAudit) -> str:
    found = [f"{noun} {last.counts.get(noun, 0)}" for noun in ("duplicates", "lost")]
    return f"{minute(last.ended_at)}: {', '.join(found)}"
