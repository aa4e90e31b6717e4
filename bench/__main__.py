"""`python -m bench`: every benchmark, the cheapest first and the dearest last.

    python -m bench               all of them
    python -m bench peers storm   these

One that fails keeps no other from being played; at the end it says which failed.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence

from bench.house import ROOT

BENCHES = {
    "starting": (),
    "peers": (),
    "ledger_cost": ("--profile",),
    "storm": (),
    "reading": (),
    "crossings": (),
    "workers": (),
    "windows": (),
    "stages": (),
    "whole_runs": (),
}  # fmt: skip
Run = Callable[[Sequence[str]], int]


def exit_code(command: Sequence[str]) -> int:
    """Of a module of Python's with its words."""
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode


def failed(names: Sequence[str], run: Run = exit_code) -> list[str]:
    """Play these benches one after another; those that failed."""
    bad = []
    for name in names:
        command = [f"bench.{name}", *BENCHES[name]]
        sys.stdout.write(f"\n## python -m {' '.join(command)}\n\n")
        sys.stdout.flush()
        if code := run(command):
            bad.append(name)
            sys.stderr.write(f"{name} ended with {code}\n")
    return bad


def main(words: Sequence[str], run: Run = exit_code) -> int:
    """Play the benches; 1 when any failed, named on stderr."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="bench", help=", ".join(BENCHES))
    asked = parser.parse_args(words)
    if strangers := [name for name in asked.names if name not in BENCHES]:
        parser.error(f"no bench is called {', '.join(strangers)}")
    bad = failed(asked.names or list(BENCHES), run)
    if bad:
        sys.stderr.write(f"failed: {', '.join(bad)}\n")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
