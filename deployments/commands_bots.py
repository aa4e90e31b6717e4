"""Commands on the life of bots and flows: pause, resume, delete (MG-20, MC-02)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.desk import kind_of, settings_of
from deployments.screen import complain, say

if TYPE_CHECKING:
    from pipelines.settings import Settings
    from state.database import State

Sync = Annotated[str, typer.Argument(help="Name of the sync.")]
Which = Annotated[
    str | None, typer.Option("--bot", "--flow", help="Only this bot or flow; default: all.")
]
# What is true after each change, by what a kind calls its parts.
SAID = {
    "pause": {
        "bot": "is paused; its part of the source goes at the next run of {}",
        "flow": "is paused from the next run of {} on; whom it synced stays as it is",
    },
    "resume": {
        "bot": "runs again; counting goes on after what is read at the next run of {}",
        "flow": "is activated anew by the next run of {}: arrivals and passages until then are "
        "no matter of it",
    },
    "delete": {
        "bot": "is deleted; what it did stays at the next run of {}",
        "flow": "is deleted as of the next run of {}; whom it synced stays",
    },
}


def pause(ctx: typer.Context, sync: Sync, bot: Which = None) -> None:
    """Stop bots or flows from the next run on; what happens to a bot's contacts does not count."""
    from state import bots

    def one(state: "State", bot_id: str) -> None:
        bots.pause(state, sync, bot_id, by="user", reason="paused by the user")

    _each(ctx, sync, bot, {"active", "paused"}, one, "pause")


def resume(ctx: typer.Context, sync: Sync, bot: Which = None) -> None:
    """Let paused bots or flows run again; what happened up to the next run does not count."""
    from state import bots

    def one(state: "State", bot_id: str) -> None:
        bots.resume(state, sync, bot_id)

    _each(ctx, sync, bot, {"paused"}, one, "resume")


def delete(ctx: typer.Context, sync: Sync, bot: Which = None) -> None:
    """Delete bots or flows the definition no longer lists. Nothing they did is undone."""
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
    _each(ctx, sync, bot, {"new", "active", "paused"}, one, "delete", is_enough=is_heard)
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
    verb: str,
    is_enough: bool = False,
) -> None:
    """Change one bot or flow, or all that stand so; a sentence for each. None to change is a
    mistake, unless there is more to do (`is_enough`)."""
    from deployments.mistakes import nearest
    from deployments.oncall import chosen_writers, opened
    from pipelines import kept
    from state import bots

    settings = settings_of(ctx)
    kind = kind_of(settings, sync)
    with opened(settings) as state:
        if not is_enough:
            chosen_writers(settings, state, sync)
        stored = bots.bots(state, sync)
        known = [b.bot_id for b in stored if b.state in states]
        if bot is not None and bot not in [b.bot_id for b in stored]:
            meant = nearest(bot, [b.bot_id for b in stored])
            complain(f"syncline: {sync} has no {kind.part} {bot!r} that ever ran{meant}")
            raise typer.Exit(2)
        chosen = [bot] if bot else known
        if not chosen and not is_enough:
            say(f"{sync} has no {kind.part} that could be; `syncline list` shows how each stands")
            raise typer.Exit(2)
        for bot_id in chosen:
            change(state, bot_id)
            # Before it is said: a run may come late, or never before the state is lost.
            kept.write_bots(settings.home, state, sync)
            _warn_of_the_file(settings, sync, bot_id, verb)
            say(f"{kind.part} {bot_id} {SAID[verb][kind.part].format(sync)}")


def _warn_of_the_file(settings: "Settings", sync: str, part_id: str, verb: str) -> None:
    """What the file says of a flow counts too: one that is off there stays off."""
    from deployments.definitions import load

    listed = load(settings, with_secrets=False).syncs.get(sync)
    parts = listed.definition.parts if listed else ()
    if verb == "resume" and any(one.id == part_id and not one.is_on for one in parts):
        complain("but its file says `active: false`: nothing runs until it says `active: true`")
