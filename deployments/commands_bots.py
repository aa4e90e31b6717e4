"""Commands on the life of bots: pause, resume, delete (MG-20)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.desk import settings_of
from deployments.screen import say

if TYPE_CHECKING:
    from state.database import State

Sync = Annotated[str, typer.Argument(help="Name of the sync.")]
Which = Annotated[str | None, typer.Option("--bot", help="Only this bot; default: every bot.")]


def pause(ctx: typer.Context, sync: Sync, bot: Which = None) -> None:
    """Stop bots: their part of the source goes at the next run, events meanwhile do not count."""
    from state import bots

    def one(state: "State", bot_id: str) -> None:
        bots.pause(state, sync, bot_id, by="user", reason="paused by the user")

    _each(ctx, sync, bot, {"active", "paused"}, one, "is paused; its part of the source goes")


def resume(ctx: typer.Context, sync: Sync, bot: Which = None) -> None:
    """Let paused bots run again; what happened up to the next run does not count."""
    from state import bots

    def one(state: "State", bot_id: str) -> None:
        bots.resume(state, sync, bot_id)

    _each(ctx, sync, bot, {"paused"}, one, "runs again; counting goes on after what is read")


def delete(ctx: typer.Context, sync: Sync, bot: Which = None) -> None:
    """Delete bots the definition no longer lists. Nothing they did is undone."""
    from deployments.closing import close_door, has_door
    from deployments.definitions import load
    from deployments.oncall import opened
    from state import bots

    settings = settings_of(ctx)
    definitions = load(settings, with_secrets=False)
    known = definitions.syncs.get(sync)
    listed = {part.id for part in known.definition.parts} if known else set()

    def one(state: "State", bot_id: str) -> None:
        bots.remove(state, sync, bot_id, listed=bot_id in listed)

    with opened(settings) as state:
        is_heard = known is None and has_door(settings, state, sync)
    _each(
        ctx, sync, bot, {"new", "active", "paused"}, one, "is deleted; what it did stays",
        is_enough=is_heard,
    )  # fmt: skip
    if not is_heard:
        return
    # With its last bot a sync that no file lists loses its webhook and what waits for it.
    with opened(settings) as state:
        if all(one.state == "deleted" for one in bots.bots(state, sync)):
            code = close_door(settings, definitions.connections, state, sync, (), say)
            raise typer.Exit(code)


def _each(
    ctx: typer.Context,
    sync: str,
    bot: str | None,
    states: set[str],
    change: Callable[..., None],
    said: str,
    is_enough: bool = False,
) -> None:
    """Change one bot, or all that stand so; a sentence for each. None to change is a mistake,
    unless there is more to do (`is_enough`)."""
    from deployments.oncall import opened
    from state import bots

    with opened(settings_of(ctx)) as state:
        known = [b.bot_id for b in bots.bots(state, sync) if b.state in states]
        chosen = [bot] if bot else known
        if not chosen and not is_enough:
            say(f"{sync} has no bot that could be; `syncline list` shows how each stands")
            raise typer.Exit(2)
        for bot_id in chosen:
            change(state, bot_id)
            say(f"bot {bot_id} {said} at the next run of {sync}")
