"""Stop a run until somebody approves, let an approved one through, and use the approval up.

    reasons found? --no--> write what was planned
      '--yes--> approved? --yes--> write the approved keys and what was sealed before
                  '--no--> keep what was wanted, and end before the first write

What is measured, and which sentence stops a run, is the kind's. The shared limits are here.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from pipelines.definition import Guards
from pipelines.sweep import StoppedByGuardError, Sweep
from state import bots
from state import guards as stored


class Wanted(NamedTuple):
    """What an approval is about. Asked for only where a guard has something to say."""

    keys: Callable[[], list[str]]  # of every write
    others: Callable[[], list[str]]  # allowed with them, though nothing is written for them
    sealed: Callable[[], Iterable[str]]  # let through by an earlier run
    new: list[str]  # bots that would start: what was read is their baseline


def ask(sweep: Sweep, found: list[str], wanted: Wanted) -> frozenset[str] | None:
    """Return the keys this run may write; None: whatever it planned.

    StoppedByGuardError ends a run that needs an approval and has none.
    """
    sweep.guards = found
    approval = stored.approved_keys(sweep.state, sweep.definition.name)
    if not found:
        return None
    if approval is not None:
        return approval[1] | frozenset(wanted.sealed())
    if sweep.lease is None:
        return None
    also = [*wanted.others(), *(activation_key(bot_id) for bot_id in wanted.new)]
    guard = stored.store(sweep.lease, found, wanted.keys(), also=also)
    bots.set_baseline(sweep.lease, wanted.new)
    raise StoppedByGuardError(found, guard.guard_id)


def spend(sweep: Sweep) -> None:
    """Use up the approval this run was let through by, now that all of it is sealed."""
    approval = stored.approved_keys(sweep.state, sweep.definition.name)
    if sweep.lease is not None and sweep.guards and approval is not None:
        stored.spend(sweep.lease, approval[0].guard_id)


def activation_key(bot_id: str) -> str:
    """What an approval names when it lets a bot start."""
    return f"activate|{bot_id}"


def may_create(sweep: Sweep, count: int, contacts: float) -> bool:
    """Whether so many creates pass the guard, or somebody approved: asked before anything is
    read for them one by one."""
    if count <= most_creates(sweep.definition.guards, contacts):
        return True
    return stored.approved_keys(sweep.state, sweep.definition.name) is not None


def most_creates(limits: Guards, contacts: float) -> float:
    return max(limits.max_creates, limits.max_create_share * contacts)


def most_deletes(limits: Guards, members: float) -> float:
    return max(limits.max_deletes, limits.max_delete_share * members)


def too_costly(costs: Mapping[str, tuple[float, str]], left: Mapping[str, float]) -> list[str]:
    """The sentences for accounts whose writes (cost, unit) are more than what is left of today."""
    return [
        f"the plan costs {cost:.0f} {unit} of {account} and {max(left[account], 0):.0f} of "
        "today's share are left"
        for account, (cost, unit) in costs.items()
        if cost > max(left[account], 0)
    ]
