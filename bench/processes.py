"""Processes that a bench starts beside the product: when they are ready, and how they end."""

import subprocess
import time
from collections.abc import Callable

import httpx
import psutil  # type: ignore[import-untyped]

from bench.house import Sleep

READY_S = 90.0
LOOK_S = 0.5


class BrokenBenchError(Exception):
    """Something did not become what it must within its patience."""


def end_family(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it started, by their own handles."""
    if process.poll() is None:
        family = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for one in psutil.wait_procs(family, timeout=5)[1]:
            one.kill()


def answers(api: httpx.Client) -> bool:
    try:
        return api.get("/health").is_success
    except httpx.TransportError:
        return False


def wait_until(holds: Callable[[], bool], what: str, sleep: Sleep = time.sleep) -> None:
    ends = time.monotonic() + READY_S
    while not holds():
        if time.monotonic() > ends:
            raise BrokenBenchError(f"not in {READY_S:.0f} s: {what}")
        sleep(LOOK_S)
