"""Several processes want a newer access token at once, of a vendor that rotates refresh tokens."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

import sandbox.server
from state.database import State, open_state
from tests.signing_in import KEY, let_in

ROOT = Path(__file__).parents[2]
PROCESSES = 3


class World:
    """A vendor that rotates, a state beside it, and processes that use both."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.state_url = url, f"sqlite:///{folder / 'state.db'}"
        self.control("reset", seed=7, people=10)
        for name, value in (("refresh_rotates", True), ("former_access_lives_on", False)):
            self.control("assumptions", vendor="pipedrive", name=name, value=value)
        self.state: State = open_state(self.state_url)
        let_in(url, self.state, "crm")

    def control(self, what: str, **order: object) -> None:
        url = f"{self.url}/_sandbox/{what}"
        httpx.post(url, json=order, trust_env=False).raise_for_status()

    def slow_tokens(self, seconds: float, *, after_commit: bool) -> None:
        """The next answer of the token endpoint comes late; by then its deed is done, or not."""
        self.control("faults", kind="delay", vendor="pipedrive", path="/oauth/token",
                     delay_s=seconds, after_commit=after_commit)  # fmt: skip

    def process(self, stack: ExitStack) -> subprocess.Popen[str]:
        program = str(Path(__file__).with_name("renewer.py"))
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, program, f"{self.url}/pipedrive", self.state_url, KEY],
                cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )
        )  # fmt: skip
        stack.callback(process.kill)
        assert told(process) == "ready"
        return process

    def refreshes(self) -> int:
        """How often tokens were asked for since the sign-in."""
        lines = httpx.get(f"{self.url}/_sandbox/journal", trust_env=False).text.splitlines()
        return sum('"/oauth/token"' in line for line in lines) - 1

    def fired(self) -> bool:
        faults = httpx.get(f"{self.url}/_sandbox/faults", trust_env=False).json()
        return any(fault["fired"] for fault in faults)


def told(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with sandbox.server.start(port=0, people=10) as running:
        made = World(running.url, tmp_path)
        yield made
        made.state.close()


def test_of_processes_that_refresh_at_once_one_asks_and_all_go_on(world: World) -> None:
    """MG-02: a second question with the same refresh token would end the grant."""
    world.slow_tokens(1.0, after_commit=True)
    with ExitStack() as stack:
        processes = [world.process(stack) for _ in range(PROCESSES)]
        for process in processes:
            go(process)
        answers = [told(process) for process in processes]
    assert len(set(answers)) == 1, answers
    assert answers[0].startswith("200 ")
    assert world.refreshes() == 1


def test_a_process_killed_while_it_refreshes_holds_no_other_up(world: World) -> None:
    """MG-02: its request had not reached the vendor's books."""
    world.slow_tokens(60.0, after_commit=False)
    with ExitStack() as stack:
        first, second = world.process(stack), world.process(stack)
        go(first)
        while not world.fired():
            assert first.poll() is None
        first.kill()
        first.wait()
        go(second)
        assert told(second).startswith("200 ")
