"""`python -m tests.connectors.fuzz --minutes 2`: every target in turn, until the time is over.

Each finding is printed with its smallest example, and with the seed that finds it again:
`--seed N --only NAME`. Ends 1 when there was one.
"""

import argparse
import random
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.connectors.targets import TARGETS, Target, check

A_TURN = 200  # examples of one target before the next has its turn


def tried(target: Target, start: int, examples: int) -> str:
    """What was found, '' for nothing."""

    @seed(start)
    @settings(
        max_examples=examples, deadline=None, database=None, print_blob=True,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
    )  # fmt: skip
    @given(target.cases)
    def once(case: object) -> None:
        check(target, case)

    with ThreadPoolExecutor(1) as apart:
        error = apart.submit(once).exception()  # whatever it is, it is what we look for
    return "".join(traceback.format_exception(error, limit=-6)) if error else ""


def main(words: list[str]) -> int:
    """Fuzz until the time is over; each target gets a turn at least."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--only", default="", help="targets whose name holds this")
    asked = parser.parse_args(words)
    chosen = [one for one in TARGETS if asked.only in one.name]
    found: dict[str, str] = {}
    turn, ends = asked.seed, time.monotonic() + asked.minutes * 60
    print(f"{len(chosen)} targets, {asked.minutes:g} minutes, seed {asked.seed}")
    while turn == asked.seed or (time.monotonic() < ends and len(found) < len(chosen)):
        for target in chosen:
            if target.name not in found and (said := tried(target, turn, A_TURN)):
                found[target.name] = said
                print(f"\n{target.name}: --only {target.name} --seed {turn}\n{said}", flush=True)
        turn += 1
    tries = (turn - asked.seed) * A_TURN * len(chosen)
    print(f"{tries} examples at most, {len(found)} findings: {', '.join(sorted(found)) or 'none'}")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
