"""README.md and .ci/run say the same about the tests, and docs/ is what its generator writes."""

import runpy

import pytest
from house.readme_rules import differing_test_command
from house.tree import ROOT, text_of

SCRIPT = "run() {\n}\n\nrun make check\nrun make test\n"
README = "# Syncline\n\n## Running the tests\n\n```sh\nmake test\n```\n"


def test_readme_and_ci_run_the_same_tests() -> None:
    readme = text_of("README.md") if (ROOT / "README.md").exists() else None
    found = differing_test_command(readme, text_of(".ci/run"))
    assert not found, "\n".join(found)


def test_the_same_command_in_both_is_let_pass() -> None:
    assert not differing_test_command(README, SCRIPT)


@pytest.mark.parametrize(
    ("readme", "script"),
    [
        (None, SCRIPT),
        ("# Syncline\n\n```sh\nmake test\n```\n", SCRIPT),
        (README.replace("make test", "pytest -x"), SCRIPT),
        (README, SCRIPT.replace("run make test", "run pytest")),
        (README, SCRIPT.replace("run make check\n", "")),
        (README, SCRIPT + "run make secrets\n"),
    ],
)
def test_another_way_to_run_the_tests_is_caught(readme: str | None, script: str) -> None:
    assert differing_test_command(readme, script)


def test_the_index_of_docs_is_as_generated() -> None:
    index = runpy.run_path(str(ROOT / "docs" / "write_index.py"))["index"]
    assert text_of("docs/README.md") == index(ROOT / "docs"), "run make docs"
