"""The form that lets a stopped run go on: who approves, and for which sync.

A guard ends a run before its first write and keeps the keys it wanted. An approval is for
that set of keys and lasts 24 hours; the next run writes those keys and no others.
"""

from contextlib import closing

from prefect import flow, get_run_logger
from pydantic import Field

from pipelines.report import counted
from pipelines.settings import Settings, read_settings
from state import guards
from state.database import open_state


@flow(name="approve")
def approve(
    sync: str = Field(title="Sync", description="Name of the sync that a guard stopped."),
    approved_by: str = Field(title="Approved by", description="Who answers for it."),
) -> str:
    """Approve the latest stop of a sync."""
    said = approve_latest(read_settings(), sync, approved_by=approved_by)
    get_run_logger().info("%s", said)
    return said


def approve_latest(settings: Settings, sync: str, *, approved_by: str) -> str:
    """Approve what the latest guarded run of `sync` wanted; says in a sentence what that was."""
    settings.make_home()
    with closing(open_state(settings.state_url)) as state:
        guard = guards.approve(state, by=approved_by, sync=sync)
    return (
        f"{guard.guard_id} approved by {guard.approved_by}: "
        f"{counted(guard.wanted_count, 'write')} that run {guard.run_id} wanted "
        f"({'; '.join(guard.reasons)}). The next run of {sync} does them, "
        f"if it starts before {guard.expires_at:%Y-%m-%d %H:%M} UTC."
    )
