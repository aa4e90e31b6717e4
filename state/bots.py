"""Which bots exist, which are active, and why one is not.

    define --> new --activate--> active --pause--> paused --resume--> active
      ^                            |                  |
      '---- define again ---- deleted <---- delete ---'

YAML says what exists; this says what runs. Definitions come with `deploy`;
whoever edits one changes nothing that has already happened.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, delete, select, update

from state.arrow import ArrowTable, as_arrow
from state.database import State, take_turns, upsert
from state.errors import NotAllowed
from state.lease import Lease
from state.schema import bot_pauses, rules, syncs
from state.schema import bots as table

PausedBy = Literal["user", "syncline"]
AT_FIRST = (
    "`syncline run {0}` asks for its first activation, and `syncline approve {0}` "
    "lets the next run begin it"
)


@dataclass(frozen=True)
class BotDefinition:
    """A bot as its YAML says; `thresholds` maps rule ids to their N, and `reshaped` are those
    rules that count otherwise than before, though their N may be the same."""

    bot_id: str
    definition: Mapping[str, Any]
    confirmed_by: str = ""
    confirmed_on: date | None = None
    thresholds: Mapping[str, int] = field(default_factory=dict)
    reshaped: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Bot:
    """A bot as it stands. Events count from after sweep `counting_since`; None: not yet."""

    sync: str
    bot_id: str
    state: str
    reason: str
    paused_by: str | None
    since: datetime
    confirmed_by: str
    confirmed_on: date | None
    activated_at: datetime | None
    counting_since: int | None
    definition: Any
    # The user's pauses as (from, until) sweeps, `until` not included and None while it lasts.
    pauses: tuple[tuple[int, int | None], ...] = ()

    @property
    def is_running(self) -> bool:
        return self.state == "active"

    @property
    def is_living(self) -> bool:
        """Activated once and not deleted: the list it is on must stay."""
        return self.state in ("active", "paused")


COLUMNS = [table.c[name] for name in Bot.__dataclass_fields__ if name != "pauses"]


def bots(state: State, sync: str) -> list[Bot]:
    """Return every bot there is or was, deleted ones included."""
    with state.read() as db:
        return _bots(db, sync)


def _bots(db: Connection, sync: str) -> list[Bot]:
    query = select(*COLUMNS).where(table.c.sync == sync).order_by(table.c.bot_id)
    paused = select(bot_pauses).where(bot_pauses.c.sync == sync)
    pauses: dict[str, list[tuple[int, int | None]]] = {}
    for row in db.execute(paused.order_by(bot_pauses.c.from_sweep)):
        pauses.setdefault(row.bot_id, []).append((row.from_sweep, row.until_sweep))
    rows = db.execute(query).all()
    return [replace(Bot(*row), pauses=tuple(pauses.get(row.bot_id, ()))) for row in rows]


def active_ids(state: State, sync: str) -> set[str]:
    return {bot.bot_id for bot in bots(state, sync) if bot.state == "active"}


def define(
    state: State, sync: str, definitions: Sequence[BotDefinition], *, last_sweep: int | None = None
) -> None:
    """Take over what the YAML says. New bots wait to be activated; a deleted one begins anew.

    A changed threshold or shape applies to crossings after `last_sweep`; None is the last so far,
    a run names the one before its own. Bots the YAML no longer lists stay until `delete`.
    """
    with state.write() as db:
        take_turns(db, f"bots of {sync}")
        known = {bot.bot_id: bot for bot in _bots(db, sync)}
        last_sweep = _last_sweep(db, sync) if last_sweep is None else last_sweep
        for each in definitions:
            before = known.get(each.bot_id)
            is_new = before is None or before.state == "deleted"
            if is_new:  # it begins anew: the pauses of an earlier life swallow nothing of this one
                mine = (bot_pauses.c.sync == sync, bot_pauses.c.bot_id == each.bot_id)
                db.execute(delete(bot_pauses).where(*mine))
            _store_bot(db, state, sync, each, is_new=is_new)
            _store_rules(db, sync, each, last_sweep if before is not None else 0)


def set_baseline(lease: Lease, bot_ids: Sequence[str]) -> None:
    """Note that what this sweep read is the baseline of bots waiting for their approval.

    Each sweep that asks again moves it: the approval is for what the last one showed.
    """
    with lease.changing() as db:
        db.execute(
            update(table)
            .where(table.c.sync == lease.sync, table.c.bot_id.in_(bot_ids))
            .where(table.c.state == "new")
            .values(counting_since=lease.sweep)
        )


def activate(state: State, sync: str, bot_id: str, *, subscribes: bool = True) -> Bot:
    """Start a new bot. Raises NotAllowed without the confirmation that its contacts agreed, unless
    it is one that subscribes nobody.

    Counting starts with the sweep whose reading is the baseline: `set_baseline`, or
    `start_counting` for a bot that never waited.
    """
    bot = _one(state, sync, bot_id)
    _require(bot, "activated", ("new",))
    if subscribes and (not bot.confirmed_by or bot.confirmed_on is None):
        raise NotAllowed(
            f"{bot_id} has no confirmation that the selected contacts agreed to receive "
            "messages: add consent: {confirmed_by, on} to its definition and deploy it"
        )
    return _changed(state, bot, "active", activated_at=state.now())


def start_counting(lease: Lease, bot_ids: Sequence[str]) -> None:
    """Count from after this sweep, whose reading was the baseline. Bots that have one keep it."""
    with lease.changing() as db:
        db.execute(
            update(table)
            .where(table.c.sync == lease.sync, table.c.bot_id.in_(bot_ids))
            .where(table.c.counting_since.is_(None), table.c.state.in_(("new", "active")))
            .values(counting_since=lease.sweep)
        )


def pause(state: State, sync: str, bot_id: str, *, by: PausedBy, reason: str) -> Bot:
    """Stop a bot and say why. Events of a user's pause do not count later; ours do.

    A user's pause over one of ours makes it the user's; ours never replaces
    a user's.
    """
    bot = _one(state, sync, bot_id)
    if bot.state == "paused" and (by == "syncline" or bot.paused_by == "user"):
        return bot
    _require(bot, "paused", ("active", "paused"))
    # One commit: a sweep that ends pauses of running bots must not meet the one without the other.
    with state.write() as db:
        _change(db, state, bot, "paused", paused_by=by, reason=reason)
        if by == "user":
            row = {"sync": sync, "bot_id": bot_id, "from_sweep": _last_sweep(db, sync) + 1}
            # Paused, resumed and paused again between two sweeps is one pause.
            db.execute(
                upsert(db, bot_pauses)
                .values(row)
                .on_conflict_do_update(
                    index_elements=["sync", "bot_id", "from_sweep"], set_={"until_sweep": None}
                )
            )
    return _one(state, sync, bot_id)


def resume(state: State, sync: str, bot_id: str) -> Bot:
    """Let a paused bot run again, from the next sweep. Whether its cause is gone, the run finds.

    The pause itself ends with that sweep (`end_pauses`): what it sees first happened meanwhile.
    """
    bot = _one(state, sync, bot_id)
    _require(bot, "resumed", ("paused",))
    return _changed(state, bot, "active", paused_by=None, reason="")


def end_pauses(lease: Lease) -> None:
    """End the pauses of bots that run again: this sweep's reading still belongs to the pause.

    Also of those that found their filter dead or the plan full: that is no pause of the user's.
    """
    is_resumed = (table.c.state == "active") | (table.c.paused_by == "syncline")
    running = select(table.c.bot_id).where(table.c.sync == lease.sync, is_resumed)
    with lease.changing() as db:
        db.execute(
            update(bot_pauses)
            .where(bot_pauses.c.sync == lease.sync, bot_pauses.c.until_sweep.is_(None))
            .where(bot_pauses.c.bot_id.in_(running))
            .values(until_sweep=lease.sweep + 1)
        )


def remove(state: State, sync: str, bot_id: str, *, listed: bool) -> Bot:
    """Delete a bot; nothing it did is undone. Raises NotAllowed while the YAML lists it."""
    bot = _one(state, sync, bot_id)
    if listed:
        raise NotAllowed(
            f"{bot_id} is still listed in the definition of {sync}: remove it there and "
            "deploy, or the next deploy would bring it back"
        )
    _require(bot, "deleted", ("new", "active", "paused"))
    with state.write() as db:
        # Created again it begins anew: an open pause would swallow what it counts then.
        db.execute(
            update(bot_pauses)
            .where(bot_pauses.c.sync == sync, bot_pauses.c.bot_id == bot_id)
            .where(bot_pauses.c.until_sweep.is_(None))
            .values(until_sweep=_last_sweep(db, sync) + 1)
        )
    return _changed(state, bot, "deleted", reason="removed from the definition", paused_by=None)


def effective_since(state: State, sync: str) -> dict[tuple[str, str], int]:
    """Return by (bot, rule) the sweep after which crossings of its N count."""
    query = select(rules.c.bot_id, rules.c.rule_id, rules.c.effective_since)
    with state.read() as db:
        found = db.execute(query.where(rules.c.sync == sync)).all()
    return {(row.bot_id, row.rule_id): row.effective_since for row in found}


def read(state: State, sync: str) -> ArrowTable:
    """Return the bots with their state, `definition` as JSON text."""
    return _read(state, sync, table)


def read_rules(state: State, sync: str) -> ArrowTable:
    """Return rules with threshold and `effective_since`: crossings in later sweeps count."""
    return _read(state, sync, rules)


def read_pauses(state: State, sync: str) -> ArrowTable:
    """Return user pauses: sweeps from `from_sweep` up to, not including, `until_sweep`."""
    return _read(state, sync, bot_pauses)


def _read(state: State, sync: str, of: Any) -> ArrowTable:
    with state.read() as db:
        return as_arrow(db, select(*of.c).where(of.c.sync == sync))


def _store_bot(
    db: Connection, state: State, sync: str, each: BotDefinition, *, is_new: bool
) -> None:
    changes: dict[str, Any] = {
        "definition": dict(each.definition),
        "confirmed_by": each.confirmed_by,
        "confirmed_on": each.confirmed_on,
    }
    if is_new:
        changes |= {
            "state": "new", "reason": "not activated yet", "since": state.now(),
            "paused_by": None, "activated_at": None, "counting_since": None,
        }  # fmt: skip
    key = (table.c.sync == sync, table.c.bot_id == each.bot_id)
    if not db.execute(update(table).where(*key).values(**changes)).rowcount:
        db.execute(table.insert().values(sync=sync, bot_id=each.bot_id, **changes))


def _store_rules(db: Connection, sync: str, each: BotDefinition, last_sweep: int) -> None:
    mine = (rules.c.sync == sync, rules.c.bot_id == each.bot_id)
    known = {
        row.rule_id: row.threshold
        for row in db.execute(select(rules.c.rule_id, rules.c.threshold).where(*mine))
    }
    for rule_id, threshold in each.thresholds.items():
        if known.pop(rule_id, None) == threshold and rule_id not in each.reshaped:
            continue
        db.execute(delete(rules).where(*mine, rules.c.rule_id == rule_id))
        db.execute(
            rules.insert().values(
                sync=sync, bot_id=each.bot_id, rule_id=rule_id,
                threshold=threshold, effective_since=last_sweep,
            )
        )  # fmt: skip
    db.execute(delete(rules).where(*mine, rules.c.rule_id.in_(known)))


def _one(state: State, sync: str, bot_id: str) -> Bot:
    found = {bot.bot_id: bot for bot in bots(state, sync)}
    if bot_id not in found:
        there_are = ", ".join(found) or "none"
        raise NotAllowed(f"{sync} has no {bot_id!r} that ever ran; it has {there_are}")
    return found[bot_id]


def _require(bot: Bot, change: str, states: Sequence[str]) -> None:
    if bot.state not in states:
        because = f" ({bot.reason})" if bot.reason else ""
        said = f"{bot.bot_id} is {bot.state}{because} and cannot be {change}"
        raise NotAllowed(f"{said}: {AT_FIRST.format(bot.sync)}" if bot.state == "new" else said)


def _changed(state: State, bot: Bot, to: str, **values: Any) -> Bot:
    with state.write() as db:
        _change(db, state, bot, to, **values)
    return _one(state, bot.sync, bot.bot_id)


def _change(db: Connection, state: State, bot: Bot, to: str, **values: Any) -> None:
    changes = {"state": to, "since": state.now(), "reason": "", **values}
    changed = (
        update(table)
        .where(table.c.sync == bot.sync, table.c.bot_id == bot.bot_id)
        .where(table.c.state == bot.state)
    )
    if not db.execute(changed.values(**changes)).rowcount:
        raise NotAllowed(f"{bot.bot_id} was changed by somebody else meanwhile; look again")


def _last_sweep(db: Connection, sync: str) -> int:
    return db.scalar(select(syncs.c.last_sweep).where(syncs.c.sync == sync)) or 0
