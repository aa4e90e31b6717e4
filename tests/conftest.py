"""Hold every exchange of a test session against the vendors' contracts when it ends.

Sandboxes in tests, and in the processes that tests start, write down what they answered
(sandbox/exchanges.py). The last session's stays in build/contract/last, for a look and the report.
"""

import os
import shutil
from pathlib import Path

import pytest

from sandbox.exchanges import SETTING
from tests.contract.openapi import KEPT
from tests.contract.verdict import Verdict, judge

LAST = KEPT / "last"
HERE = Path(__file__).parent
LONG = ("system", "oracle", "lab")  # folders whose files take longest
FOLDER = pytest.StashKey[Path]()
VERDICT = pytest.StashKey[Verdict]()


def pytest_configure(config: pytest.Config) -> None:
    """Who names a folder (for the demo, for a laboratory) has it judged by tests.contract."""
    if hasattr(config, "workerinput") or os.environ.get(SETTING):
        return
    folder = KEPT / f"session-{os.getpid()}"
    config.stash[FOLDER] = folder
    os.environ[SETTING] = str(folder)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is long and comes last leaves the other processor idle."""
    items.sort(key=lambda item: item.path.relative_to(HERE).parts[0] not in LONG)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A complaint fails the session, as a failed test would."""
    folder = session.config.stash.get(FOLDER, None)
    if folder is None or not folder.is_dir():
        return
    shutil.rmtree(LAST, ignore_errors=True)
    folder.rename(LAST)
    verdict = session.config.stash[VERDICT] = judge(LAST)
    if verdict.complaints and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    verdict = terminalreporter.config.stash.get(VERDICT, None)
    if verdict is None:
        return
    for line in verdict.absent:
        terminalreporter.write_line(f"not held: {line}")
    if verdict.complaints:
        terminalreporter.section("exchanges that do not fit the vendors' contracts")
        for line in verdict.complaints:
            terminalreporter.write_line(f"FAILED {line}")
    counts = ", ".join(f"{count} {vendor}" for vendor, count in sorted(verdict.held.items()))
    terminalreporter.write_line(f"distinct exchanges held against contracts: {counts or 'none'}")
