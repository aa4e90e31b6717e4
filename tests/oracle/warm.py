"""Run the product's command in a process that has already imported the heavy libraries.

`python -m deployments.cli ...` spends most of a short run on imports that are nobody's of ours.
A fork server imports those once; every command is a fork of it that runs the same module the same
way, in an own session, with an own environment. Nothing of the product is imported before the fork.
"""

import multiprocessing
import multiprocessing.forkserver
import os
import runpy
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

HEAVY = ["great_expectations", "pandas", "prefect", "duckdb", "sqlalchemy", "alembic", "rich"]
ROOT = Path(__file__).parents[2]
_context = multiprocessing.get_context("forkserver")


class Command:
    """A running command. `said` is complete once `wait` has returned."""

    def __init__(self, words: Sequence[str], environ: Mapping[str, str], out: Path) -> None:
        self._out = out
        _context.set_forkserver_preload(HEAVY)
        self._process = _context.Process(target=_become, args=(list(words), dict(environ), out))
        self._process.start()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    @property
    def is_running(self) -> bool:
        return self._process.is_alive()

    @property
    def code(self) -> int | None:
        return self._process.exitcode

    @property
    def said(self) -> str:
        return self._out.read_text() if self._out.exists() else ""

    def wait(self, seconds: float) -> None:
        """Until it has ended; killed when it takes longer than that."""
        self._process.join(seconds)
        self.kill()

    def until(self, is_so: Callable[[], bool], seconds: float) -> None:
        """Until that is so; AssertionError when the command ends first, or it takes longer."""
        give_up = time.monotonic() + seconds
        while not is_so():
            self._process.join(0.02)  # its end is heard at once, the rest looked for again
            is_late = time.monotonic() > give_up
            if (is_late or not self.is_running) and not is_so():
                how = f"did not in {seconds:.0f} s" if is_late else f"ended with {self.code}"
                raise AssertionError(f"a command {how}, it said:\n{self.said}")

    def end(self, seconds: float) -> None:
        """SIGTERM, and until it has ended by itself; killed when it takes longer than that."""
        os.kill(self.pid, signal.SIGTERM)
        self.wait(seconds)

    def kill(self) -> None:
        """kill -9 to it and what it started; nothing happens when it has ended."""
        if self._process.is_alive():
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:  # it has not become a session of its own yet
                os.kill(self.pid, signal.SIGKILL)
        self._process.join()


def _become(words: list[str], environ: dict[str, str], out: Path) -> None:
    """From here on this process is `python -m deployments.cli`."""
    os.setsid()
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(ROOT)
    with out.open("wb") as told:
        os.dup2(told.fileno(), 1)
        os.dup2(told.fileno(), 2)
    sys.argv = ["syncline", *words]
    sys.path[:] = [str(ROOT), *(p for p in sys.path if p not in ("", str(ROOT)))]
    try:
        runpy.run_module("deployments.cli", run_name="__main__", alter_sys=True)
    finally:
        _end_like_an_interpreter()


def _end_like_an_interpreter() -> None:
    """An error goes through `sys.excepthook`, which the product may have set; multiprocessing
    would print a traceback instead. Leaving by SystemExit is left to it."""
    kind, error, trace = sys.exc_info()
    if kind and error and not isinstance(error, SystemExit):
        sys.excepthook(kind, error, trace)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)
