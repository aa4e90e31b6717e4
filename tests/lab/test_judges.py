"""Judges that looked at the engine would share its mistakes: none may import any of it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENGINE = ("connectors", "deployments", "pipelines", "state", "transforms", "web")
JUDGES = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("tests/lab/*/judge.py"))


def reached(start: str) -> set[str]:
    """The project's files that importing one of them loads, itself included."""
    found, left = set[str](), [start]
    while left:
        file = left.pop()
        if file not in found:
            found.add(file)
            left += imported(file)
    return found


def imported(file: str) -> Iterator[str]:
    """The project's files that one names in an import, wherever in it: also inside a function."""
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, f"{file} imports from a dot: nobody follows that here"
            names = [node.module, *(f"{node.module}.{one.name}" for one in node.names)]
        else:
            continue
        for name in names:
            path = name.replace(".", "/")
            places = (f"{path}.py", f"{path}/__init__.py")
            yield from (place for place in places if (ROOT / place).is_file())


def engine_of(file: str) -> list[str]:
    return sorted(one for one in reached(file) if one.split("/")[0] in ENGINE)


@pytest.mark.parametrize("judge", JUDGES)
def test_a_judge_imports_nothing_of_the_engine_by_whatever_way(judge: str) -> None:
    """ALL-06"""
    assert engine_of(judge) == []


def test_the_engine_is_found_where_it_is_imported_by_another_file() -> None:
    """The search must be able to fail: the stories import it, this page only names them."""
    assert "tests/lab/kill/judge.py" in JUDGES
    assert "pipelines/load.py" in engine_of("tests/lab/flows.py")
