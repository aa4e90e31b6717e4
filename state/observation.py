"""What a look at the vendor makes of a setting's row: the statement behind `settings.observed`.

A look decides a doubt when it shows what was sent, or when what was sent would have arrived by
then. Any other look decides nothing: the old body may still come, and would then be what holds.
"""

from functools import cache
from typing import Any

from sqlalchemy import JSON, Boolean, Update, and_, bindparam, case, or_, update

from state import machine
from state.schema import settings as table

_IN_FLIGHT = and_(machine.is_in(table, machine.SENDING), table.c.fence == machine.MY_FENCE)
# A body without an answer may still come where neither a later one was acknowledged nor a look
# decided it: both note when what they speak of was sent.
_MAY_COME = and_(
    table.c.doubt_hash.is_not(None),
    table.c.doubt_hash.is_distinct_from(table.c.acknowledged_hash),
    or_(table.c.acknowledged_at.is_(None), table.c.acknowledged_at < table.c.doubt_at),
)
UNDECIDED = and_(machine.is_in(table, machine.PLANNED, machine.REFUSED), _MAY_COME)
NO_PLAN = 0  # as `wanted_sweep`: in doubt, and wanted by no plan
_LEFT_BEHIND = and_(
    machine.is_in(table, machine.PLANNED), _MAY_COME, table.c.fence < machine.MY_FENCE,
    table.c.wanted_sweep < machine.MY_FENCE,
)  # fmt: skip
# What this run put off to the next is not looked at again: its plan is made already.
_PUT_OFF = and_(table.c.wanted_sweep == NO_PLAN, table.c.fence == machine.MY_FENCE)
TO_LOOK_AT = or_(and_(machine.in_doubt(table), ~_PUT_OFF), _LEFT_BEHIND)

_IS_OPEN = or_(machine.in_doubt(table), _LEFT_BEHIND)


@cache
def statement(nothing: str) -> Update:
    """Change one row by its key: `value` with its hash was seen, as of `shown`; if it `proves` so,
    the vendor holds `now_held` of what was sent. `nothing` is the hash of no value."""
    may_be_older = and_(
        table.c.acknowledged_at.is_not(None),
        table.c.acknowledged_at > bindparam("shown"),
        table.c.acknowledged_hash.is_distinct_from(bindparam("value_hash")),
    )
    body = case((machine.in_doubt(table), table.c.sending_hash), else_=table.c.doubt_hash)
    body_at = case((machine.in_doubt(table), table.c.sending_at), else_=table.c.doubt_at)
    would_show = body_at <= bindparam("shown")
    decides = or_(body == bindparam("value_hash"), would_show)
    is_as_desired = and_(table.c.desired_hash == bindparam("value_hash"), ~may_be_older)
    is_done = and_(is_as_desired, decides)
    for_doubts: dict[str, Any] = {
        "state": case(
            (is_done, machine.DONE),
            (and_(table.c.wanted_sweep == NO_PLAN, ~decides), machine.UNKNOWN),
            else_=machine.PLANNED,
        ),
        "is_adopted": is_done,
        "acknowledged_at": case((or_(is_done, would_show), body_at), else_=table.c.acknowledged_at),
        "doubt_hash": body,
        "doubt_at": body_at,
        "settled_at": machine.NOW,
        "run_id": machine.MY_RUN,
        "fence": machine.MY_FENCE,
    }
    changes: dict[str, Any] = {
        name: case((_IS_OPEN, value), else_=table.c[name]) for name, value in for_doubts.items()
    }
    was_taken_away = and_(
        _IS_OPEN, bindparam("value_hash") == nothing, body != nothing, ~is_as_desired
    )
    seen = {
        "acknowledged": bindparam("value", type_=JSON(none_as_null=True)),
        "acknowledged_hash": bindparam("value_hash"),
    }
    for name, value in seen.items():
        changes[name] = case((or_(was_taken_away, may_be_older), table.c[name]), else_=value)
    is_proved = and_(_IS_OPEN, bindparam("proves", type_=Boolean), ~may_be_older)
    now_held = bindparam("now_held", type_=JSON(none_as_null=True))
    changes["held"] = case((is_proved, now_held), else_=table.c.held)
    is_settled = and_(is_as_desired, or_(~_IS_OPEN, decides))
    return (
        update(table)
        .where(*machine.this_row(table), ~_IN_FLIGHT, table.c.sync == machine.MY_SYNC)
        .values(
            acknowledged_generation=case(
                (is_settled, table.c.generation), else_=table.c.acknowledged_generation
            ),
            **changes,
        )
    )
