"""style.md for Python: every file keeps every rule, and every rule catches its bad sample."""

from collections.abc import Callable

import pytest
from house import python_rules as rules
from house.tree import ending, text_of

Rule = Callable[[str, str], list[str]]

EVERYWHERE: list[Rule] = [
    rules.unparsable,
    rules.long_file,
    rules.long_function,
    rules.banned_name,
    rules.blanket_except,
    rules.real_sleep,
    rules.stray_print,
    rules.prefect_downstairs,
    rules.kind_by_the_back_door,
    rules.silent_module,
    rules.short_test_name,
    rules.package_in_tests,
    rules.marker_without_name,
]
# A test may draw upon many fixtures; a function of the product may not.
OUTSIDE_TESTS: list[Rule] = [rules.many_parameters]


@pytest.mark.parametrize("rule", EVERYWHERE, ids=lambda rule: rule.__name__)
def test_every_python_file_keeps_the_rule(rule: Rule) -> None:
    found = [finding for path in ending(".py") for finding in rule(path, text_of(path))]
    assert not found, "\n".join([str(rule.__doc__), *found])


@pytest.mark.parametrize("rule", OUTSIDE_TESTS, ids=lambda rule: rule.__name__)
def test_every_file_of_the_product_keeps_the_rule(rule: Rule) -> None:
    files = ending(".py", outside=("tests",))
    found = [finding for path in files for finding in rule(path, text_of(path))]
    assert not found, "\n".join([str(rule.__doc__), *found])


@pytest.mark.parametrize(
    ("rule", "path", "bad", "good"),
    [
        (rules.unparsable, "state/a.py", "def f[T](x: T): ...", "def f(x): ..."),
        (rules.long_file, "state/a.py", "x = 1\n" * 401, "x = 1\n" * 400),
        (rules.long_file, "pipelines/x/flow.py", "x = 1\n" * 151, "x = 1\n" * 150),
        (
            rules.long_function,
            "state/a.py",
            "def f():\n" + "    x = 1\n" * 60,
            "def f():\n" + "    x = 1\n" * 59,
        ),
        (
            rules.many_parameters,
            "state/a.py",
            "def f(a, b, c, d, *, e, f, g, h): ...",
            "class A:\n    def f(self, a, b, c, d, *, e, f, g): ...",
        ),
        (rules.banned_name, "state/a.py", "class LedgerManager: ...", "class Ledger: ..."),
        (rules.banned_name, "state/a.py", "def read_data(): ...", "def read_metadata(): ..."),
        (rules.banned_name, "state/a.py", "async def handler(): ...", "async def handle(): ..."),
        (
            rules.blanket_except,
            "state/a.py",
            "try:\n    f()\nexcept (KeyError, Exception):\n    pass",
            "try:\n    f()\nexcept KeyError:\n    pass",
        ),
        (
            rules.blanket_except,
            "state/a.py",
            "try:\n    f()\nexcept:\n    pass",
            "try:\n    f()\nfinally:\n    g()",
        ),
        (
            rules.real_sleep,
            "state/a.py",
            "import time\ntime.sleep(1)",
            "def pace(sleep=time.sleep): sleep(1)",
        ),
        (
            rules.real_sleep,
            "tests/test_a.py",
            "from time import sleep as nap\nnap(1)",
            "from time import time\ntime()",
        ),
        (rules.stray_print, "state/a.py", "print('x')", "log('x')"),
        (rules.prefect_downstairs, "state/a.py", "def f():\n    import prefect", "import perfect"),
        (
            rules.prefect_downstairs,
            "web/inbox.py",
            "from prefect.client import x",
            "from .prefect import x",
        ),
        (
            rules.kind_by_the_back_door,
            "deployments/a.py",
            "def f():\n    from pipelines.mailigen_pipedrive.run import run_sync",
            "from pipelines.kinds import KINDS",
        ),
        (
            rules.kind_by_the_back_door,
            "pipelines/other_kind/flow.py",
            "from pipelines.mailigen_pipedrive import life",
            "from pipelines.other_kind import life",
        ),
        (rules.silent_module, "state/a.py", "x = 1", '"""What x is."""\nx = 1'),
        (
            rules.short_test_name,
            "tests/test_a.py",
            "def test_lease_works(): ...",
            "def test_dead_holder_loses_its_lease(): ...",
        ),
        (
            rules.marker_without_name,
            "state/a.py",
            "x = 1  # TODO: more",
            "x = 1  # to do with y",
        ),
    ],
)
def test_the_rule_catches_its_bad_sample(rule: Rule, path: str, bad: str, good: str) -> None:
    assert rule(path, bad)
    assert not rule(path, good)


def test_a_package_inside_tests_is_caught() -> None:
    assert rules.package_in_tests("tests/state/__init__.py", "")
    assert not rules.package_in_tests("state/__init__.py", "")


def test_a_banned_word_in_a_path_is_caught() -> None:
    assert rules.banned_name("state/helpers/a.py", "")
    assert not rules.banned_name("state/database.py", "")
