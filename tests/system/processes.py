"""Runs in processes of their own, which can be killed; started from a server that has imported."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import httpx

from tests.pipelines.mailigen_pipedrive.desk import Desk

FORKS = multiprocessing.get_context("forkserver")
LOOK_SECONDS = 60


@contextmanager
def running(desk: Desk) -> Iterator[BaseProcess]:
    """A run of the desk's sync in another process, killed at the end if it still runs."""
    FORKS.set_forkserver_preload(["great_expectations", __name__])
    arguments = (desk.url, desk.home, desk.wanted, desk.horizon)
    process = FORKS.Process(target=_run, args=arguments)
    process.start()
    try:
        yield process
    finally:
        if process.is_alive():
            process.kill()
        process.join()


def _run(url: str, home: Path, wanted: dict[str, Any], horizon: float) -> None:
    desk = Desk.at_home(url, home, wanted)
    desk.horizon = horizon
    outcome = desk.run()
    raise SystemExit(outcome.exit_code)


def wait_for_fault(desk: Desk, process: BaseProcess) -> bool:
    """Wait until an ordered fault has met a request; False when the run ended without."""
    with httpx.Client(trust_env=False) as http:
        while process.is_alive():
            if any(fault["fired"] for fault in http.get(f"{desk.url}/_sandbox/faults").json()):
                return True
    return False
