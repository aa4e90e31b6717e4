"""Commands for the analyst: questions to the tables, and why something happened."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.desk import kind_of, need, settings_of, sync_of
from deployments.screen import is_terminal, say, say_csv, say_json, say_table
from pipelines.report import counted

if TYPE_CHECKING:
    from pipelines.settings import Settings


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def sql(
    ctx: typer.Context,
    sync: Annotated[str, typer.Argument(help="Name of the sync.")],
    query: Annotated[str, typer.Argument(help="One SELECT, in quotes.")],
    form: Annotated[
        Format | None, typer.Option("--format", help="Default: a table, csv when piped.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Short for --format json.")] = False,
) -> None:
    """Ask the published copy of a sync's tables; the sync may be running."""
    from deployments.published import ask

    settings = settings_of(ctx)
    _refuse_unknown(settings, sync)
    answer = ask(settings.home, sync, query)
    form = Format.JSON if as_json else form or (Format.TABLE if is_terminal() else Format.CSV)
    if form is Format.JSON:
        say_json(answer.as_objects())
    elif form is Format.CSV:
        say_csv(answer.columns, answer.rows)
    else:
        say_table(answer.columns, answer.rows)


def explain(
    ctx: typer.Context,
    sync: Annotated[str, typer.Argument(help="Name of the sync.")],
    key: Annotated[str, typer.Argument(help="Write key, SL- reference, `deal 12`, or an address.")],
    more: Annotated[list[str] | None, typer.Argument(help="The number, after its kind.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every step, for scripts.")] = False,
) -> None:
    """Why a deal, activity, note or change exists, or why somebody was left out."""
    from deployments.explain import explain_key, in_short

    settings = settings_of(ctx)
    _refuse_unknown(settings, sync)
    steps = explain_key(settings, sync, " ".join([key, *(more or [])]), kind_of(settings, sync))
    if as_json:
        say_json([step._asdict() for step in steps])
        return
    for step in in_short(steps):
        say(f"{step.what}: {step.said}")


def preview(
    ctx: typer.Context,
    sync: Annotated[str, typer.Argument(help="Name of the sync.")],
    bot: Annotated[str, typer.Option("--bot", "--flow", help="The bot or flow, by its id.")],
    as_json: Annotated[bool, typer.Option("--json", help="Every person, for scripts.")] = False,
) -> None:
    """Whom a bot or flow selects now and what would become of each. Writes nothing."""
    from deployments.screen import progress, say_finding
    from pipelines.kinds import KINDS

    settings, definition, connections = sync_of(ctx, sync)
    kind = KINDS[definition.kind]
    preview_part = need(kind.doors.preview, definition, "preview")
    with progress() as report:
        found = preview_part(
            definition, connections, bot, report=report, settings=settings,
            shown=1_000_000 if as_json else 20,
        )  # fmt: skip
    if as_json:
        say_json(found)
        return
    for finding in found.findings:
        say_finding(finding.level, finding.thing, finding.sentence, finding.remedy)
    became = ", ".join(f"{count} {what}" for what, count in found.becomes.items())
    noun, verb = ("person", "selects") if kind.part == "bot" else ("contact", "brings")
    selected = f"{kind.part} {bot} {verb} {counted(found.selected, noun)}"
    say(selected + (f": {became}" if became else ""))
    made = [f"{count} {noun}" for noun, count in found.deeds.items() if count]
    if kind.part == "bot":
        say(f"it would make {', '.join(made)}" if made
            else "it would make no activity, deal or note")  # fmt: skip
    if found.rows:
        say_table(list(found.rows[0]), [list(row.values()) for row in found.rows])
    if found.selected > len(found.rows):
        say(f"... and {found.selected - len(found.rows)} more; --json lists all")


def _refuse_unknown(settings: "Settings", sync: str) -> None:
    """Tell a misspelt name from a sync that never ran. One that no file lists any more may still
    have its tables, so the files are asked only where nothing is published."""
    from deployments.definitions import load
    from deployments.published import NothingPublishedError, published_file

    try:
        published_file(settings.home, sync)
    except NothingPublishedError:
        load(settings, with_secrets=False).get(sync)
        raise
