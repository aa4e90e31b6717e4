"""The command that rebuilds what a lost state database knew: adopt (ALL-14)."""

from typing import TYPE_CHECKING, Annotated

import typer

from deployments.desk import need, sync_of
from deployments.screen import progress, say, say_json
from pipelines.report import counted

if TYPE_CHECKING:
    from pipelines.adopted import Adopted


def adopt(
    ctx: typer.Context,
    sync: Annotated[str, typer.Argument(help="Name of the sync.")],
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Rebuild a lost state database from the vendors' books; nothing is written at any vendor."""
    settings, definition, connections = sync_of(ctx, sync)
    from pipelines.kinds import KINDS

    adopt_sync = need(KINDS[definition.kind].doors.adopt, definition, "adopt")
    with progress() as report:
        adopted = adopt_sync(definition, connections, settings=settings, report=report)
    if as_json:
        say_json(adopted)
    else:
        _say(adopted, KINDS[definition.kind].part)


def _say(adopted: "Adopted", part: str) -> None:
    say(
        f"history {'read' if adopted.has_history else 'lost'}, "
        f"keep file {'read' if adopted.has_keep else 'lost'}"
    )
    say(
        f"{counted(adopted.references, 'reference')} found in Pipedrive, "
        f"{adopted.recognised} recognised, {len(adopted.unexplained)} unexplained"
    )
    for one in adopted.unexplained:
        say(f"  unexplained: {one.object} {one.remote_id} ({one.marker})")
    for one in adopted.doubles:
        say(f"  double: {one.object} {one.remote_id} ({one.marker})")
    say(
        f"{counted(adopted.restored_deeds, 'deed')}, {counted(adopted.contacts, 'contact')} and "
        f"{counted(adopted.members, 'place')} on the list restored; "
        f"{counted(adopted.counted_as_done, 'deed')} counted as done"
    )
    barred = counted(adopted.barred, "address", "addresses")
    say(f"{counted(adopted.opt_outs, 'opt-out')} restored, {barred} barred anew")
    for bot_id, state in adopted.bots.items():
        say(f"{part} {bot_id} is {state}")
    for sentence in adopted.said:
        say(sentence)
    for cost in adopted.cost:
        say(f"{cost.account}: {counted(cost.requests, 'request')}, {counted(cost.tokens, 'token')}")
    say(f"next: syncline plan {adopted.sync}, then syncline run {adopted.sync}")
