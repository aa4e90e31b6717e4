"""What somebody waits for who types `--help`, `list` or `doctor`: to the first line, to the end.

    python -m bench.starting                    ten times each
    python -m bench.starting --repeat 3 --people 300

On a home with a sync's state, made by one run against a sandbox, which stays up: `doctor` asks it.
Each time is a process, in turns, from starting the interpreter; one of each goes before, untimed,
so that nothing is read from the disk for the first time.
"""

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import NamedTuple

from bench.house import ROOT, House, sandbox
from bench.machine import described, on_disk
from bench.tables import markdown, with_spread
from bench.whole_runs import MAILIGEN, BrokenRunError, Place

COMMANDS = {"--help": ("--help",), "list": ("list",), "doctor": ("doctor",)}
COLUMNS = ("syncline", "first line, s", "end, s", "processor, s")


class Taken(NamedTuple):
    """One command: seconds to its first line and to its end, and on the processor."""

    first_line: float
    seconds: float
    processor_s: float


def take(house: House, words: Sequence[str]) -> Taken:
    """One command to its end; BrokenRunError when it said nothing or ended badly."""
    began = perf_counter()
    process = house.start(*words, errors=subprocess.STDOUT)
    assert process.stdout is not None
    said = process.stdout.readline()
    first_line = perf_counter() - began
    said += process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = perf_counter() - began
    process.stdout.close()
    if process.returncode or not said:
        raise BrokenRunError(f"{' '.join(words)} ended with {process.returncode}: {said[-2000:]}")
    return Taken(first_line, seconds, used.ru_utime + used.ru_stime)


def measure(people: int, repeat: int) -> dict[str, list[Taken]]:
    """Every command so many times, in turns: a busy minute of the machine meets them all."""
    with on_disk("starting") as folder, sandbox(people) as url:
        place = Place(url, folder, MAILIGEN)
        # Into a pipe Python keeps its lines back; a terminal shows them at once.
        place.environ["PYTHONUNBUFFERED"] = "1"
        if code := place.run():
            said = (folder / "runs.log").read_text()
            raise BrokenRunError(f"the run that makes the state ended with {code}: {said[-2000:]}")
        taken: dict[str, list[Taken]] = {name: [] for name in COMMANDS}
        for turn in range(repeat + 1):
            for name, words in COMMANDS.items():
                one = take(place, words)
                if turn:
                    taken[name].append(one)
                    sys.stderr.write(f"{name}: {one.first_line:.2f} s, {one.seconds:.2f} s\n")
    return taken


def table(taken: Mapping[str, Sequence[Taken]]) -> str:
    """A line a command: medians, and between what the repetitions lay."""
    rows = [
        [
            f"`{name}`",
            with_spread([one.first_line for one in each], 2),
            with_spread([one.seconds for one in each], 2),
            with_spread([one.processor_s for one in each], 2),
        ]
        for name, each in taken.items()
    ]
    return markdown(COLUMNS, rows)


def main(words: Sequence[str]) -> int:
    """Print the command, the machine and the table."""
    parser = argparse.ArgumentParser(prog="bench.starting")
    parser.add_argument("--people", type=int, default=1_000, help="persons of the run before")
    parser.add_argument("--repeat", type=int, default=10)
    asked = parser.parse_args(words)
    machine = described(ROOT)
    taken = measure(asked.people, asked.repeat)
    command = shlex.join(["python", "-m", "bench.starting", *words])
    sys.stdout.write("\n".join([f"`{command}`", *machine, "", table(taken)]) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
