"""What a look at the vendor makes of a setting's row: the statement behind `settings.observed`."""

from functools import cache
from typing import Any

from sqlalchemy import JSON, Boolean, Update, and_, bindparam, case, or_, update

from state import machine
from state.schema import settings as table

_IN_FLIGHT = and_(machine.is_in(table, machine.SENDING), table.c.fence == machine.MY_FENCE)


@cache
def statement(nothing: str) -> Update:
    """Change one row by its key: `value` with its hash was seen, as of `shown`; if it `proves` so,
    the vendor holds `now_held` of what was sent. `nothing` is the hash of no value."""
    may_be_older = and_(
        table.c.acknowledged_at.is_not(None),
        table.c.acknowledged_at > bindparam("shown"),
        table.c.acknowledged_hash.is_distinct_from(bindparam("value_hash")),
    )
    is_as_desired = and_(table.c.desired_hash == bindparam("value_hash"), ~may_be_older)
    for_doubts: dict[str, Any] = {
        "state": case((is_as_desired, machine.DONE), else_=machine.PLANNED),
        "is_adopted": is_as_desired,
        "acknowledged_at": case((is_as_desired, table.c.sending_at), else_=table.c.acknowledged_at),
        "doubt_hash": table.c.sending_hash,
        "doubt_at": table.c.sending_at,
        "settled_at": machine.NOW,
        "run_id": machine.MY_RUN,
        "fence": machine.MY_FENCE,
    }
    changes: dict[str, Any] = {
        name: case((machine.in_doubt(table), value), else_=table.c[name])
        for name, value in for_doubts.items()
    }
    was_taken_away = and_(
        machine.in_doubt(table),
        bindparam("value_hash") == nothing,
        table.c.sending_hash != nothing,
        ~is_as_desired,
    )
    seen = {
        "acknowledged": bindparam("value", type_=JSON(none_as_null=True)),
        "acknowledged_hash": bindparam("value_hash"),
    }
    for name, value in seen.items():
        changes[name] = case((or_(was_taken_away, may_be_older), table.c[name]), else_=value)
    is_proved = and_(machine.in_doubt(table), bindparam("proves", type_=Boolean), ~may_be_older)
    now_held = bindparam("now_held", type_=JSON(none_as_null=True))
    changes["held"] = case((is_proved, now_held), else_=table.c.held)
    return (
        update(table)
        .where(*machine.this_row(table), ~_IN_FLIGHT, table.c.sync == machine.MY_SYNC)
        .values(
            acknowledged_generation=case(
                (is_as_desired, table.c.generation), else_=table.c.acknowledged_generation
            ),
            **changes,
        )
    )
