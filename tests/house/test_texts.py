"""The licence, the lock, the pins, and what no committed file may mention."""

import tomllib

import pytest
from house import text_rules as rules
from house.tree import paths, text_of

LOCKS = ["requirements/lock.txt", "requirements/uv.txt"]


def test_no_file_names_a_machine_or_a_registry() -> None:
    found = [finding for path in paths() for finding in rules.foreign_address(path, text_of(path))]
    assert not found, "\n".join([str(rules.foreign_address.__doc__), *found])


@pytest.mark.parametrize(
    "bad",
    [
        "cd /" + "root/project",
        'open("/' + "work/x/y.sql" + '")',
        "/" + "home/ann/src",
        "https://" + "mirror.example/pypi/simple/ruff",
        "--extra-index" + "-url https://mirror.example",
        "https://files.python" + "hosted.org/x",
    ],
)
def test_an_address_of_somebody_is_caught(bad: str) -> None:
    assert rules.foreign_address("a.md", bad)


@pytest.mark.parametrize(
    "good",
    [
        "SYNCLINE_HOME/history/acme.duckdb",
        "--no-emit-index-url",
        "../shared/specs",
        "./root",
        "/v1/work",
    ],
)
def test_an_address_of_ours_is_let_pass(good: str) -> None:
    assert not rules.foreign_address("a.md", good)


def test_the_licence_is_apache_and_names_the_authors() -> None:
    assert not rules.wrong_licence(text_of("LICENSE"))


def test_half_a_licence_is_caught() -> None:
    assert rules.wrong_licence(text_of("LICENSE")[:5000])


@pytest.mark.parametrize("path", LOCKS)
def test_every_locked_package_has_version_and_hash(path: str) -> None:
    assert not rules.loose_lock(path, text_of(path))


@pytest.mark.parametrize(
    "bad",
    [
        "a==1 \\\n    --hash=sha256:0\nb==2",
        "a>=1 \\\n    --hash=sha256:0",
        "--index https://x.example\na==1 \\\n    --hash=sha256:0",
    ],
)
def test_a_loose_line_in_a_lock_is_caught(bad: str) -> None:
    assert rules.loose_lock("lock.txt", bad)


def test_every_pin_says_why_beside_itself() -> None:
    assert not rules.silent_pin(text_of("pyproject.toml"))


def test_a_pin_without_reason_is_caught() -> None:
    assert rules.silent_pin('dependencies = [\n    "duckdb>=2",\n    "httpx>=0.28,<0.29",\n]')
    assert not rules.silent_pin(
        '    # Its errors moved.\n    "httpx>=0.28,<0.29",\n    "rich>=15",'
    )


def test_every_dependency_is_in_the_lock() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))
    names = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    assert not rules.missing_from_lock(names, text_of(LOCKS[0]))


def test_a_dependency_that_was_not_locked_is_caught() -> None:
    assert rules.missing_from_lock(["ruamel.yaml>=0.19", "new-thing"], "ruamel-yaml==0.19\n") == [
        "new-thing is not in the lock; run make lock"
    ]
