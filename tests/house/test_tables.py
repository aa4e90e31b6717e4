"""docs/tables.md is what its generator writes, and the generator notices a table it cannot describe."""

import runpy
from pathlib import Path

import pytest
from house.tree import ROOT, text_of

GENERATOR = runpy.run_path(str(ROOT / "docs" / "write_tables.py"))


def test_the_page_of_tables_is_as_generated() -> None:
    assert text_of("docs/tables.md") == GENERATOR["page"](ROOT), "run make docs"


def test_a_header_over_several_lines_is_read_as_one_sentence() -> None:
    head, parts = GENERATOR["read_header"](
        "-- One row per x\n-- and y.\n--\n-- key     a,\n--         b\n"
    )
    assert (head, parts) == ("One row per x and y.", {"key": "a, b"})


def test_a_table_of_settings_that_nobody_described_is_caught(tmp_path: Path) -> None:
    folder = tmp_path / "transforms" / "acme" / "plan"
    folder.mkdir(parents=True)
    (folder / "x.sql").write_text(
        "-- One row per x.\n\nSELECT a FROM staging.syncline__moods AS m\n"
    )
    with pytest.raises(KeyError, match="moods"):
        list(GENERATOR["_settings"](tmp_path))
