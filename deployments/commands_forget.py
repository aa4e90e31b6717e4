"""The command that erases a person: forget (ALL-11)."""

from typing import TYPE_CHECKING, Annotated

import typer

from deployments.desk import settings_of
from deployments.screen import require_yes, say
from pipelines.report import counted

if TYPE_CHECKING:
    from state.erasure import Traces

RISK = "This cannot be undone: no sync subscribes or takes in these addresses again."


def forget(
    ctx: typer.Context,
    address: Annotated[str, typer.Argument(help="An e-mail address of the person.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a person from state, history and tables, and never take them in again."""
    from deployments import forgetting
    from deployments.oncall import opened

    settings = settings_of(ctx)
    with opened(settings) as state:
        traces = forgetting.look(state, address)
        found = counted(len(traces.contacts), "contact")
        say(f"{found} of {counted(len(traces.addresses), 'address', 'addresses')}")
        require_yes(RISK, "Go on?", is_agreed=yes)
        forgetting.forget(settings, state, traces, say)
    _say_what_is_left(traces)


def _say_what_is_left(traces: "Traces") -> None:
    for one in traces.records:
        say(f"  still at {one.account}: {one.object} {one.remote_id}")
    say(
        "Not erased: what the vendors hold (delete the person and the subscriber there), your "
        "backups, and logs of other programs."
    )
