"""Every requirement is in docs/requirements.md, with code and tests that exist, or says open."""

from pathlib import Path

import pytest
from house import requirements_map as rules
from house.tree import ROOT, text_of

MAP = "docs/requirements.md"
REQUIREMENTS = ROOT.parent / "shared" / "requirements.md"
HERE = "tests/house/test_requirements.py"


def test_every_requirement_has_one_row() -> None:
    if not REQUIREMENTS.exists():
        pytest.skip("../shared/requirements.md is not here, so the ids cannot be compared")
    required = rules.required_ids(REQUIREMENTS.read_text(encoding="utf-8"))
    found = rules.unmapped(text_of(MAP), required)
    assert required
    assert not found, "\n".join(found)


def test_every_row_names_what_exists_or_says_open() -> None:
    table = list(rules.rows(text_of(MAP)))
    found = [finding for row in table for finding in rules.unproved(row, ROOT)]
    assert table
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "required",
    [["MG-01"], ["MG-01", "MG-02", "MG-03"], ["MG-02"]],
    ids=["two rows of one", "one without a row", "a row about nothing"],
)
def test_a_map_that_misses_the_requirements_is_caught(required: list[str]) -> None:
    twice = "| MG-01 | a | open | open |\n" * 2 + "| MG-02 | b | open | open |\n"
    assert rules.unmapped(twice, required)


def test_a_map_of_every_requirement_is_let_pass() -> None:
    assert not rules.unmapped("| MG-01 | a | open | open |\n", ["MG-01"])


@pytest.mark.parametrize(
    ("code", "tests"),
    [
        ("`state/nowhere.py`", "open (issue 2)"),
        ("`Makefile`", f"`{HERE}::test_no_such_test_is_here`"),
        ("`Makefile`", f"`{HERE}`"),
        ("`Makefile`", "later"),
        ("", "open"),
    ],
)
def test_a_row_that_proves_nothing_is_caught(code: str, tests: str) -> None:
    assert rules.unproved(rules.Row("MG-01", "a", code, tests), ROOT)


def test_a_row_that_names_code_and_test_is_let_pass(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text("async def test_one_two_three_four(): ...\n")
    (tmp_path / "a.sql").write_text("SELECT 1")
    row = rules.Row("MG-01", "a", "`a.sql`", "`test_a.py::test_one_two_three_four`")
    assert not rules.unproved(row, tmp_path)


def test_ids_are_read_where_they_begin_an_item() -> None:
    assert rules.required_ids("- MG-01 Connects, see MG-09.\n- ALL-14 Lost.") == ["MG-01", "ALL-14"]
