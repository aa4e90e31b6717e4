"""What every command is given: where things are, read only once it is asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pipelines.mailigen_pipedrive.config import Definition
    from pipelines.settings import Connections, Settings


@dataclass(frozen=True)
class Desk:
    """The options that stand before every command."""

    syncs: Path | None
    connections: Path | None


def settings_of(ctx: typer.Context) -> "Settings":
    """What environment and options say. Importing it late keeps `--help` fast."""
    from pipelines.settings import read_settings

    desk = ctx.obj
    assert isinstance(desk, Desk)
    return read_settings(syncs=desk.syncs, connections=desk.connections)


def sync_of(ctx: typer.Context, name: str) -> "tuple[Settings, Definition, Connections]":
    """The sync that a command names, as its files say. DefinitionsError: they hold a mistake."""
    from deployments.definitions import load

    settings = settings_of(ctx)
    definitions = load(settings)
    return settings, definitions.get(name), definitions.connections
