"""The `syncline` command line: options read, commands found, every error ended as a sentence.

    0 done   1 failed   2 usage or a mistake in a file   3 stopped by a guard
    4 finished, with refused or open records

Commands import what they need when they run: `--help` must not wait for Prefect or DuckDB.
"""

import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Annotated

import typer
from typer.exceptions import TyperException
from typer.main import get_command

from deployments import (
    commands_adopt,
    commands_ask,
    commands_bots,
    commands_connect,
    commands_doubts,
    commands_forget,
    commands_house,
    commands_listen,
    commands_sync,
)
from deployments.desk import Desk
from deployments.trouble import DefinitionsError, OperatorError, UsageTrouble

# Imports make many objects and no garbage: looking for it was an eighth of a short command.
gc.set_threshold(50_000, 10, 10)

ANYWHERE = {"--syncs": 2, "--connections": 2, "--debug": 1}  # option -> words it takes

app = typer.Typer(
    name="syncline",
    help="Keeps CRMs and engagement platforms in step.",
    epilog="--syncs, --connections and --debug may stand after the command as well.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


def _version(is_asked: bool) -> None:
    if is_asked:
        from deployments.version import version

        print(f"syncline {version()}")
        raise typer.Exit()


@app.callback()
def options(
    ctx: typer.Context,
    syncs: Annotated[
        Path | None, typer.Option(help="Folder of definitions; connections.yaml beside it.")
    ] = None,
    connections: Annotated[Path | None, typer.Option(help="File of connections.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Tracebacks for errors.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Say which version.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    ctx.obj = Desk(syncs, connections)
    del debug, version  # acted on before: nothing may fail first


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. What nobody foresaw leaves through the hook."""
    words = options_first(list(sys.argv[1:] if argv is None else argv))
    if "--debug" not in words:
        sys.excepthook = end_in_a_sentence
    try:
        code = get_command(app).main(args=words, prog_name="syncline", standalone_mode=False)
    except TyperException as error:
        said = error.format_message()
        # Without any words Typer's message is the whole help page.
        print(said if said.startswith("Usage") else f"syncline: {said}", file=sys.stderr)
        return 2
    except typer.Abort:
        return 1
    except OperatorError as error:
        print(_sentences(error), file=sys.stderr)
        return 2 if isinstance(error, UsageTrouble) else 1
    except _foreseen() as error:
        print(_sentences(error), file=sys.stderr)
        # The one names what the accounts have not, the other what cannot be done as things stand.
        return 2 if type(error).__name__ in ("DefinitionError", "NotAllowed") else 1
    return int(code or 0)


def options_first(words: list[str]) -> list[str]:
    """The same words with the options of every command moved to the front, where Typer looks.

    >>> options_first(["run", "acme", "--syncs", "demo", "--full"])
    ['--syncs', 'demo', 'run', 'acme', '--full']
    """
    front: list[str] = []
    rest: list[str] = []
    while words:
        word = words[0]
        if word == "--":
            return [*front, *rest, *words]
        name, has_value, _ = word.partition("=")
        taken = 1 if has_value else ANYWHERE.get(name, 1)
        (front if name in ANYWHERE else rest).extend(words[:taken])
        words = words[taken:]
    return [*front, *rest]


def end_in_a_sentence(
    kind: type[BaseException], error: BaseException, _trace: TracebackType | None
) -> None:
    """In place of a traceback: what happened, and how to see more. The exit code is 1."""
    if issubclass(kind, BrokenPipeError):
        # The reader of our output has gone (`| head`); Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    if issubclass(kind, KeyboardInterrupt):
        said = "interrupted; running again is safe and goes on where this stopped"
    else:
        from connectors.errors import quoted

        first = next(iter(str(error).splitlines()), "")
        said = f"unexpected {kind.__name__}: {quoted(first).rstrip('.')}. --debug shows where."
    print(f"syncline: {said}", file=sys.stderr)


def _foreseen() -> tuple[type[Exception], ...]:
    """Errors whose words are for the operator. Imported when something is raised, not before."""
    from pipelines.run import EXPECTED
    from pipelines.sweep import DefinitionError

    return (*EXPECTED, DefinitionError)


def _sentences(error: Exception) -> str:
    """Mistakes begin with their file and line, and stay clickable; the rest says who speaks."""
    mark = "" if isinstance(error, DefinitionsError) else "syncline: "
    return "\n".join(f"{mark}{line}" for line in str(error).splitlines())


app.command()(commands_sync.check)
app.command()(commands_sync.plan)
app.command()(commands_sync.run)
app.command()(commands_sync.audit)
app.command()(commands_sync.approve)
app.command()(commands_bots.pause)
app.command()(commands_bots.resume)
app.command()(commands_bots.delete)
app.command("list")(commands_sync.list_syncs)
app.command()(commands_doubts.doubts)
app.command()(commands_doubts.retry)
app.command()(commands_doubts.settle)
app.command()(commands_adopt.adopt)
app.command()(commands_forget.forget)
app.command()(commands_ask.sql)
app.command()(commands_ask.explain)
app.command()(commands_ask.preview)
# All its words are for the sandbox, `--help` among them.
PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
app.command(context_settings=PASSED_ON)(commands_house.sandbox)
app.command()(commands_listen.listen)
app.command()(commands_listen.unlisten)
app.command()(commands_connect.connect)
app.command()(commands_connect.disconnect)
app.command()(commands_house.deploy)
app.command()(commands_house.doctor)
app.command()(commands_house.schema)


if __name__ == "__main__":
    sys.exit(main())
