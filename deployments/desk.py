"""What every command is given: where things are, read only once it is asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from deployments.trouble import UsageTrouble

if TYPE_CHECKING:
    from pipelines.definition import SyncDefinition
    from pipelines.kinds import Kind
    from pipelines.settings import Connections, Settings

T = TypeVar("T")


@dataclass(frozen=True)
class Desk:
    """The options that stand before every command."""

    syncs: Path | None
    connections: Path | None


class NoDoorError(UsageTrouble):
    """The command makes no sense for a sync of this kind."""


def settings_of(ctx: typer.Context) -> "Settings":
    """What environment and options say. Importing it late keeps `--help` fast."""
    from pipelines.settings import read_settings

    desk = ctx.obj
    assert isinstance(desk, Desk)
    return read_settings(syncs=desk.syncs, connections=desk.connections)


def sync_of(ctx: typer.Context, name: str) -> "tuple[Settings, SyncDefinition, Connections]":
    """The sync that a command names, as its files say. DefinitionsError: they hold a mistake."""
    from deployments.definitions import load

    settings = settings_of(ctx)
    definitions = load(settings)
    return settings, definitions.get(name), definitions.connections


def kind_of(settings: "Settings", sync: str) -> "Kind":
    """The kind of a sync by its file, whatever mistakes others have; of one that no file lists
    any more, by what state keeps of it."""
    from deployments.definitions import load
    from pipelines.kinds import KINDS, MAILIGEN_PIPEDRIVE, kind_of_parts

    listed = load(settings, with_secrets=False).syncs.get(sync)
    if listed is not None:
        return KINDS[listed.definition.kind]
    if not settings.has_state:
        return MAILIGEN_PIPEDRIVE
    from deployments.oncall import opened
    from state import bots

    with opened(settings) as state:
        return kind_of_parts(bot.definition for bot in bots.bots(state, sync))


def need(door: "T | None", definition: "SyncDefinition", command: str) -> "T":
    """The door, if the sync's kind has it. NoDoorError: the command makes no sense for it."""
    if door is None:
        raise NoDoorError(
            f"{definition.name} is a {definition.kind} sync, for which there is no `{command}`; "
            "nothing was done"
        )
    return door
