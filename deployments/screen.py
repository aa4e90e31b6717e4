"""Where words go: results to stdout, progress and troubles to stderr; colour on a terminal only.

A script reads stdout and the exit code; nothing it does not expect may stand there.
"""

import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.report import Progress, Reporter

LEVEL_COLOURS = {"ok": "green", "warn": "yellow", "error": "red", "fail": "red"}


def is_terminal() -> bool:
    return sys.stdout.isatty()


def say(line: str = "") -> None:
    print(line)


def require_yes(risk: str, question: str, *, is_agreed: bool) -> None:
    """Name the risk, and go on only with a yes: from the option, or on a terminal."""
    if is_agreed:
        return
    import typer

    if not sys.stdin.isatty():
        raise typer.BadParameter(f"{risk} Say --yes if that is meant; nothing was changed")
    typer.confirm(f"{risk} {question}", abort=True)


def complain(line: str) -> None:
    print(line, file=sys.stderr)


def say_json(value: Any) -> None:
    """One JSON document on stdout; dataclasses as objects, dates and ids as text."""
    import orjson

    plain = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    print(orjson.dumps(plain, default=str, option=options).decode())


def say_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def say_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, title: str = "") -> None:
    """A drawn table on a terminal, tab-separated lines elsewhere."""
    if not is_terminal():
        for row in (columns, *rows):
            print("\t".join("" if cell is None else str(cell) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, title=title or None, title_justify="left")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    Console().print(table)


def say_finding(level: str, thing: str, sentence: str, remedy: str = "") -> None:
    """`ok    thing: sentence` and, where there is one, the remedy on a line of its own."""
    mark = level.ljust(5)
    if is_terminal():
        from rich.console import Console
        from rich.text import Text

        Console().print(
            Text(mark, style=LEVEL_COLOURS.get(level, "")), Text(f"{thing}: {sentence}")
        )
    else:
        print(f"{mark} {thing}: {sentence}")
    if remedy and level != "ok":
        print(f"      -> {remedy}")


@contextmanager
def progress() -> "Iterator[Reporter]":
    """Give a function to report to: one moving line on a terminal, else a line per stage.

    A stage that is counted gets its line when it ends, not one per step.
    """
    if not sys.stderr.isatty():
        yield from _plain_lines()
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("starting") as status:
        last: Progress | None = None

        def report(now: "Progress") -> None:
            nonlocal last
            if last and last.stage != now.stage:
                console.print(_line(last), highlight=False, markup=False)
            last = now
            status.update(_line(now).replace("[", "\\["))

        yield report
    if last:
        console.print(_line(last), highlight=False, markup=False)


def _plain_lines() -> "Iterator[Reporter]":
    counting: Progress | None = None

    def report(now: "Progress") -> None:
        nonlocal counting
        goes_on = counting is not None and (counting.stage, counting.text) == (now.stage, now.text)
        if counting is not None and not goes_on:
            complain(_line(counting))
        counting = now if now.done else None
        if counting is None:
            complain(_line(now))

    yield report
    if counting is not None:
        complain(_line(counting))


def _line(now: "Progress") -> str:
    of = f"/{now.total}" if now.total else ""
    counted = f" ({now.done}{of})" if now.done else ""
    return f"{now.stage}: {now.text}{counted}"
