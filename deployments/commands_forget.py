"""The command that erases a person: forget (ALL-11)."""

from typing import TYPE_CHECKING, Annotated

import typer

from deployments.desk import settings_of
from deployments.screen import is_terminal, say
from pipelines.report import counted

if TYPE_CHECKING:
    from state.erasure import Traces


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
        _ask(is_agreed=yes)
        forgetting.forget(settings, state, traces, say)
    _say_what_is_left(traces)


def _ask(*, is_agreed: bool) -> None:
    risk = "This cannot be undone: no sync subscribes or takes in these addresses again."
    if is_agreed:
        return
    if not is_terminal():
        raise typer.BadParameter(f"{risk} Say --yes if that is meant; nothing was changed")
    typer.confirm(f"{risk} Go on?", abort=True)


def _say_what_is_left(traces: "Traces") -> None:
    for one in traces.records:
        say(f"  still at {one.account}: {one.object} {one.remote_id}")
    say(
        "Not erased: what the vendors hold (delete the person and the subscriber there), your "
        "backups, and logs of other programs."
    )
