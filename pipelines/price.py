"""What a run of a sync costs to read, and which schedule the accounts' shares bear for that.

Known from runs once there were some; until then from `check`, which reads less. Asked of the
state and of connections.yaml only: no vendor is contacted.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256

import orjson

from pipelines.definition import Scheduled, SyncDefinition
from pipelines.report import Cost
from pipelines.timetable import Allowance, Fit, fit
from state import schedules
from state.database import State
from state.schedules import Price

# What may be edited without changing what a run reads.
NOT_READ = {"schedule", "alert", "guards", "audit"}


def kind_of(definition: SyncDefinition) -> str:
    """The same for definitions that read the same: another selection has another price."""
    read = definition.model_dump(mode="json", exclude=NOT_READ)
    return sha256(orjson.dumps(read, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def price_of(state: State, definition: SyncDefinition) -> Price | None:
    """What a run's reading costs; None when nobody has read for such a definition yet."""
    return schedules.price(state, definition.name, kind_of(definition))


def note(
    state: State, definition: SyncDefinition, spent: Sequence[Cost], *, is_of_run: bool
) -> None:
    """Keep what a reading cost; what a check read is kept only while no run has."""
    by_account = {one.account: one.tokens for one in spent}
    calls = sum(one.requests for one in spent)
    schedules.note_reading(
        state, definition.name, kind_of(definition), by_account, calls, is_of_run=is_of_run
    )


def fit_of(
    state: State, definition: SyncDefinition, allowances: Mapping[str, Allowance],
    one: Scheduled | None = None,
) -> Fit:  # fmt: skip
    """The schedule to run by: the wanted one too where the price is not known.

    Of a sync whose parts have schedules of their own name the part: each that is on has an equal
    part of the share, since any of their runs reads for all.
    """
    known = price_of(state, definition)
    spent = known.by_account if known else {}
    parts = sum(part.is_on for part in definition.parts) if one and one.part else 1
    if parts > 1:
        allowances = {
            account: allowed._replace(share=allowed.share / parts)
            for account, allowed in allowances.items()
        }
    fitting = fit(one.schedule if one else definition.schedule, spent, allowances)
    if parts < 2 or not fitting.said:
        return fitting
    return fitting._replace(said=f"{fitting.said}, an equal part for each of {parts}")
