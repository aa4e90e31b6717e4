r"""Writes that converge: fields, membership, tags, source, member status.

One row per account, object, subject and aspect:

    planned --claim--> sending --acknowledged-> done (acknowledged = desired)
       ^                  |------refused-----> refused --(daily, 7 tries)--> sending
       |                  '------unknown-----> unknown
       '---- observed: the vendor holds something else;  the same: done ----'

What was sent without an answer may still arrive. Until the horizon has passed only the same body
may follow it: the old one would overwrite any other. `doubt_hash` and `doubt_at` remember it.
A plan that wants no write any more puts it in doubt again, for a later run to look.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Select, and_, bindparam, or_, select, update

from state import machine, observation
from state.arrow import ArrowTable, as_arrow
from state.database import State
from state.lease import Lease
from state.schema import settings as table
from state.writers import of_subjects


class SettingKey(NamedTuple):
    account: str
    object: str
    subject: str
    aspect: str


@dataclass(frozen=True)
class Setting:
    """What one aspect of one thing should be. A plan fills the first block; the ledger the rest."""

    account: str
    object: str
    subject: str
    aspect: str
    desired: Any
    verb: str
    natural_key: str = ""
    reason: str = ""
    source_updated_at: datetime | None = None
    # The plan saw the vendor hold something else than was last acknowledged:
    # without it a setting whose desired value was acknowledged is left alone.
    seen_different: bool = False

    state: str = machine.PLANNED
    generation: int = 0
    acknowledged: Any = None
    acknowledged_hash: str | None = None
    held: Any = None  # what answers said the vendor made of it; kept through what has no answer
    acknowledged_generation: int = 0
    sending_hash: str | None = None
    doubt_hash: str | None = None
    doubt_at: datetime | None = None
    attempt: int = 0
    run_id: str | None = None
    fence: int = 0
    sending_at: datetime | None = None
    settled_at: datetime | None = None
    tries: int = 0
    next_try_at: datetime | None = None
    said: str = ""
    remote_id: str | None = None
    is_adopted: bool = False
    sweep: int = 0

    @property
    def key(self) -> SettingKey:
        return SettingKey(self.account, self.object, self.subject, self.aspect)

    @property
    def desired_hash(self) -> str:
        return value_hash(self.desired)


def value_hash(value: Any) -> str:
    """Return the same text for the same JSON value, whatever the order of its keys."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


_NOTHING = value_hash(None)
LATEST = datetime.max.replace(tzinfo=UTC)


def may_send(setting: Setting, body_hash: str, at: datetime, horizon: timedelta) -> bool:
    """Say whether a body may go out now: nothing else may still arrive after it.

    `at` is the vendor's time. `claim` checks the same rule again in the database.
    """
    if setting.doubt_at is None or setting.doubt_hash == body_hash:
        return True
    return at >= setting.doubt_at + horizon


_SENDABLE = and_(
    table.c.sync == machine.MY_SYNC,
    table.c.wanted_sweep == machine.MY_FENCE,
    machine.is_due(table),
    or_(
        table.c.doubt_at.is_(None),
        table.c.doubt_hash == table.c.desired_hash,
        table.c.doubt_at <= bindparam("decided_before"),  # one horizon before now
    ),
)
_SETTINGS = select(*(table.c[part.name] for part in fields(Setting)))
_AMONG_KEYS = machine.among_given(machine.key_of(table))
_BY_KEYS = _SETTINGS.where(_AMONG_KEYS).order_by(table.c.sweep, table.c.position)


@cache
def _due(of_some_verbs: bool) -> Select[Any]:
    of_account = table.c.account == bindparam("of_account")
    due = select(table.c.verb, *machine.key_of(table)).where(_SENDABLE, of_account)
    if of_some_verbs:
        due = due.where(table.c.verb.in_(machine.many("verbs")))
    return due.order_by(table.c.sweep, table.c.position)


def planned(
    lease: Lease,
    account: str,
    *,
    at: datetime,
    horizon: timedelta,
    size: int = 100,
    verbs: Collection[str] = (),
) -> Iterator[list[Setting]]:
    """Yield what this sweep's plan wants sent to an account and may be, in windows of one verb.

    `at` is the vendor's time. Rows of an older plan are never yielded: their
    bodies are old. Rows that have to wait for a late body are not yielded
    either; they stay planned.
    """
    by_verb: dict[str, list[machine.Key]] = {}
    asked = {
        **machine.who(lease), "of_account": account, "decided_before": at - horizon,
        "verbs": list(verbs),
    }  # fmt: skip
    with lease.state.read() as db:
        for verb, *key in db.execute(_due(bool(verbs)), asked):
            by_verb.setdefault(verb, []).append(tuple(key))
    for keys in by_verb.values():
        for start in range(0, len(keys), size):
            window = _by_keys(lease.state, keys[start : start + size])
            if window:
                yield window


_CLAIM = machine.claiming(
    table,
    and_(
        machine.among_given([*machine.key_of(table), table.c.generation]),
        _SENDABLE,
        machine.subject_is_clear(table, ("account", "object", "subject")),
    ),
    {"sending_at": bindparam("at"), "sending_hash": table.c.desired_hash},
)


def claim(
    lease: Lease, wanted: Sequence[Setting], sending_at: datetime, horizon: timedelta
) -> set[SettingKey]:
    """Mark settings as being sent, durably; send only those returned.

    Not won: replanned since, settled meanwhile, still to wait for a late body, or another aspect
    of the subject is in doubt.
    """
    generations = [(*setting.key, setting.generation) for setting in wanted]
    asked = {
        **machine.who(lease), **machine.given(generations),
        "at": sending_at, "decided_before": sending_at - horizon,
    }  # fmt: skip
    with lease.changing() as db:
        machine.take_turns(db, (setting.account for setting in wanted))
        return {SettingKey(*key) for key in db.execute(_CLAIM, asked)}


_AS_DESIRED = {
    "said": "", "acknowledged": table.c.desired, "acknowledged_hash": table.c.sending_hash,
    "acknowledged_at": table.c.sending_at, "acknowledged_generation": table.c.generation,
    "is_adopted": False,
}  # fmt: skip
_ACKNOWLEDGED = machine.settlement(table, machine.DONE, _AS_DESIRED, "remote_id")
_SHOWN = machine.settlement(table, machine.DONE, _AS_DESIRED, "remote_id", "held")
_REFUSED = machine.settlement(table, machine.REFUSED, machine.refusal(table), "said")
_NOT_SENT = machine.settlement(table, machine.PLANNED, machine.not_sent(table))
_DOUBTFUL = {"doubt_hash": table.c.sending_hash}
_UNKNOWN = machine.settlement(
    table, machine.UNKNOWN, {**_DOUBTFUL, "doubt_at": table.c.sending_at}, "said"
)
_UNKNOWN_SINCE = machine.settlement(
    table, machine.UNKNOWN, _DOUBTFUL, "said", "doubt_at", "sending_at"
)


def acknowledged(
    lease: Lease, outcomes: Sequence[tuple[SettingKey, str]],
    held: Mapping[SettingKey, Any] = MappingProxyType({}),
) -> None:  # fmt: skip
    """Settle (key, remote id) pairs the vendor confirmed; an empty id makes no link.

    `held` is what its answers said it holds now, where they say so: vendors rewrite values.
    """
    rows = [(key, remote_id or None) for key, remote_id in outcomes]
    with lease.changing() as db:
        machine.apply(db, lease, _ACKNOWLEDGED, [row for row in rows if row[0] not in held])
        shown = [(*row, held[row[0]]) for row in rows if row[0] in held]
        machine.apply(db, lease, _SHOWN, shown)
        machine.link_written(db, lease, table, [key for key, _ in outcomes])


def refused(lease: Lease, outcomes: Sequence[tuple[SettingKey, str]]) -> None:
    """Settle (key, what the vendor said) pairs; each is tried daily, seven times in all."""
    with lease.changing() as db:
        machine.apply(db, lease, _REFUSED, outcomes)


def back_to_planned(lease: Lease, keys: Sequence[SettingKey]) -> None:
    """Take back claims whose request provably never was processed (not sent, 429)."""
    with lease.changing() as db:
        machine.apply(db, lease, _NOT_SENT, [(key,) for key in keys])


def unknown(
    lease: Lease, outcomes: Sequence[tuple[SettingKey, str]], *, at: datetime | None = None
) -> None:
    """Record (key, what happened) of requests that may or may not have arrived.

    `at` is the vendor's time when we gave up waiting: the horizon runs from there.
    """
    with lease.changing() as db:
        if at is None:
            machine.apply(db, lease, _UNKNOWN, outcomes)
        else:
            rows = [(key, said, at, at) for key, said in outcomes]
            machine.apply(db, lease, _UNKNOWN_SINCE, rows)


_DOUBTS = _SETTINGS.where(table.c.sync == machine.MY_SYNC, observation.TO_LOOK_AT).order_by(
    table.c.sending_at, table.c.subject
)
_WAITING_SINCE = select(table.c.doubt_at).where(
    table.c.sync == machine.MY_SYNC,
    table.c.wanted_sweep == machine.MY_FENCE,
    machine.is_due(table),
    table.c.doubt_at.is_not(None),
    table.c.doubt_hash != table.c.desired_hash,
    table.c.account == bindparam("of_account"),
)


def doubts(lease: Lease) -> list[Setting]:
    """Return what must be read back at the vendor, oldest first."""
    with lease.state.read() as db:
        return [_setting(row) for row in db.execute(_DOUBTS, machine.who(lease))]


def waiting_since(lease: Lease, account: str) -> list[datetime]:
    """Return since when (vendor's time) each row of this plan waits for a late body there.

    Each may go out one horizon after its moment.
    """
    with lease.state.read() as db:
        asked = {**machine.who(lease), "of_account": account}
        return [since for since in db.scalars(_WAITING_SINCE, asked) if since is not None]


def observed(
    lease: Lease, values: Sequence[tuple[SettingKey, Any]], *, shown: datetime = LATEST,
    held: Mapping[SettingKey, Any] = MappingProxyType({}),
) -> None:  # fmt: skip
    """Record what the vendor was seen to hold; None for nothing. Unknown keys are passed over.

    A row in doubt becomes done when that is what is desired now, else planned again. Its old
    body stays remembered: seeing the vendor without it does not prove that it will not come; so
    what no plan wants stays in doubt until a look decides.
    Nothing where the vendor had acknowledged something, and where no removal was sent, was taken
    away by others: what was acknowledged stays known, for the next plan to miss it. Rows not in
    doubt only learn; the next plan acts. What was sent until `shown` (vendor's time) shows surely;
    a look may be older than what was acknowledged since, and proves no other value (A, B, A).
    `held` is what a look at a row in doubt proves that the vendor made of it, as an answer would.
    """
    if not values:
        return
    mine = machine.who(lease)
    rows = [
        {
            **mine, **{f"key_{name}": part for name, part in key._asdict().items()},
            "value": value, "value_hash": value_hash(value), "shown": shown,
            "proves": key in held, "now_held": held.get(key),
        }
        for key, value in values
    ]  # fmt: skip
    with lease.changing() as db:
        db.execute(observation.statement(_NOTHING), rows)


_UNWANTED = (
    update(table)
    .where(table.c.sync == machine.MY_SYNC, table.c.wanted_sweep < machine.MY_FENCE)
    .where(table.c.state.in_(machine.many("states")))
)
_WITHDRAW = _UNWANTED.where(~observation.UNDECIDED).values(
    state=machine.WITHDRAWN, said="the plan no longer wants it", next_try_at=None
)
_PUT_OFF = _UNWANTED.where(observation.UNDECIDED).values(
    state=machine.UNKNOWN, said="the plan no longer wants it, and it may still arrive",
    sending_hash=table.c.doubt_hash, sending_at=table.c.doubt_at, next_try_at=None,
    wanted_sweep=observation.NO_PLAN, run_id=machine.MY_RUN, fence=machine.MY_FENCE,
)  # fmt: skip


def withdraw_unwanted(
    lease: Lease, *, left_alone: Collection[str] = (), refused_too: bool = True
) -> int:
    """Drop the unsent rows that this sweep's plan no longer wants; return how many.

    Call it after the whole plan is sealed. Rows whose aspect begins with one of `left_alone` stay.
    What was sent before and may still arrive is put in doubt: a later run looks what became of it.
    """
    outside = [~table.c.aspect.startswith(one, autoescape=True) for one in left_alone]
    states = {"states": [machine.PLANNED, *([machine.REFUSED] if refused_too else [])]}
    with lease.changing() as db:
        db.execute(_PUT_OFF.where(*outside), machine.who(lease) | states)
        return db.execute(_WITHDRAW.where(*outside), machine.who(lease) | states).rowcount


def let_go(lease: Lease) -> int:
    """Drop what the last plan left planned and unsent, before there is a new one; return how many.

    What was sent before and may still arrive is left for the new plan.
    """
    with lease.changing() as db:
        states = {"states": [machine.PLANNED]}
        return db.execute(_WITHDRAW, machine.who(lease) | states).rowcount


def by_key(state: State, key: SettingKey) -> Setting | None:
    return next(iter(_by_keys(state, [key])), None)


def planned_since(state: State, sync: str, at: datetime) -> set[str]:
    """Return whose settings a writer planned from a reading later than that."""
    query = select(table.c.subject).where(table.c.sync == sync, table.c.source_updated_at > at)
    with state.read() as db:
        return {*db.scalars(query)}


def doubtful(state: State, syncs: Collection[str]) -> set[str]:
    """Return whose settings these writers sent without knowing yet what became of them."""
    is_open = machine.is_in(table, machine.SENDING, machine.UNKNOWN)
    query = select(table.c.subject).where(table.c.sync.in_(syncs), is_open)
    with state.read() as db:
        return {*db.scalars(query)}


def read(
    state: State, sync: str, subjects: Collection[str] | None = None, columns: Sequence[str] = ()
) -> ArrowTable:
    """Return the settings of a sync, or of some contacts; `desired` and the like are JSON text."""
    asked = select(*[table.c[name] for name in columns] or table.c).where(table.c.sync == sync)
    with state.read() as db:
        return as_arrow(db, of_subjects(asked, table, subjects))


def _by_keys(state: State, keys: Sequence[machine.Key]) -> list[Setting]:
    with state.read() as db:
        return [_setting(row) for row in db.execute(_BY_KEYS, machine.given(keys))]


def _setting(row: Any) -> Setting:
    return Setting(*row)
