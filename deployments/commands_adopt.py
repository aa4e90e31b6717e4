"""The command that rebuilds what a lost state database knew: adopt (ALL-14)."""

from typing import TYPE_CHECKING, Annotated

import typer

from deployments.desk import sync_of
from deployments.screen import progress, say, say_json

if TYPE_CHECKING:
    from pipelines.mailigen_pipedrive.adopt import Adopted


def adopt(
    ctx: typer.Context,
    sync: Annotated[str, typer.Argument(help="Name of the sync.")],
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Rebuild a lost state database from the vendors' books; nothing is written at any vendor."""
    settings, definition, connections = sync_of(ctx, sync)
    from pipelines.mailigen_pipedrive.adopt import adopt_sync

    with progress() as report:
        adopted = adopt_sync(definition, connections, settings=settings, report=report)
    if as_json:
        say_json(adopted)
    else:
        _say(adopted)


def _say(adopted: "Adopted") -> None:
    say(
        f"history {'read' if adopted.has_history else 'lost'}, "
        f"keep file {'read' if adopted.has_keep else 'lost'}"
    )
    say(
        f"{adopted.references} references found in Pipedrive, {adopted.recognised} recognised, "
        f"{len(adopted.unexplained)} unexplained"
    )
    for one in adopted.unexplained:
        say(f"  unexplained: {one.object} {one.remote_id} ({one.marker})")
    for one in adopted.doubles:
        say(f"  double: {one.object} {one.remote_id} ({one.marker})")
    say(
        f"{adopted.restored_deeds} deeds, {adopted.contacts} contacts and {adopted.members} places "
        f"on the list restored; {adopted.counted_as_done} deeds counted as done"
    )
    say(f"{adopted.opt_outs} opt-outs restored, {adopted.barred} addresses barred anew")
    for bot_id, state in adopted.bots.items():
        say(f"bot {bot_id} is {state}")
    for sentence in adopted.said:
        say(sentence)
    for cost in adopted.cost:
        say(f"{cost.account}: {cost.requests} requests, {cost.tokens} tokens")
    say(f"next: syncline plan {adopted.sync}, then syncline run {adopted.sync}")
