"""docs/requirements.md as a table: which code and which tests stand behind each requirement."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ID = re.compile(r"\b(?:MG|MC|WA|ZS|FM|ALL)-\d\d\b")
OPEN = re.compile(r"open(?: \(issue \d+\))?")


class Row(NamedTuple):
    """One requirement of the map; the cells are as written."""

    id: str
    what: str
    code: str
    tests: str


def rows(text: str) -> Iterator[Row]:
    """The rows of every table whose first cell is a requirement's id.

    >>> list(rows("| id | what | code | tests |\\n| MG-01 | Connect | open | open |"))
    [Row(id='MG-01', what='Connect', code='open', tests='open')]
    """
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == 4 and ID.fullmatch(cells[0]):
            yield Row(*cells)


def required_ids(requirements: str) -> list[str]:
    """The ids that the requirements define: those that begin an item."""
    return re.findall(rf"^- ({ID.pattern})", requirements, re.MULTILINE)


def unmapped(mapped: str, required: list[str]) -> list[str]:
    """Every requirement has exactly one row, and no row is about nothing."""
    ids = [row.id for row in rows(mapped)]
    return (
        [f"{one} has no row" for one in required if one not in ids]
        + [f"{one} is no requirement" for one in ids if one not in required]
        + [f"{one} has two rows" for one in sorted({one for one in ids if ids.count(one) > 1})]
    )


def unproved(row: Row, root: Path) -> list[str]:
    """What a row names exists below `root`; a built row names code and a test function."""
    found = []
    for cell, purpose in ((row.code, "code"), (row.tests, "tests")):
        if OPEN.fullmatch(cell):
            continue
        references = re.findall(r"`([^`]+)`", cell)
        if not references:
            found.append(f"{row.id}: {purpose} names nothing and does not say open")
        found += [
            f"{row.id}: {reference} does not exist"
            for reference in references
            if not exists(reference, root)
        ]
        if purpose == "tests":
            found += [
                f"{row.id}: {reference} names no test; write path::test_name"
                for reference in references
                if "::test_" not in reference
            ]
    return found


def exists(reference: str, root: Path) -> bool:
    """Whether a path, or `path::name` with a function or class of that name, is there."""
    path, _, name = reference.partition("::")
    file = root / path
    if not file.exists() or not name:
        return file.exists()
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return any(isinstance(node, kinds) and node.name == name for node in ast.walk(tree))
