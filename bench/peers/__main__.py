"""`python -m bench.peers`: the tables of peers, a line on stderr as each row is known."""

import argparse
import sys
from collections.abc import Iterable, Sequence

from bench.machine import described
from bench.peers import series, speed
from bench.peers.vendor import ROOT
from bench.tables import Row, markdown


def main() -> None:
    ask = argparse.ArgumentParser(prog="bench.peers", description=__doc__)
    ask.add_argument("--trials", type=int, default=series.TRIALS, help="per tool and fault")
    ask.add_argument("--rounds", type=int, default=speed.ROUNDS, help="per tool, without a fault")
    ask.add_argument("--only", default="", help="tools whose name contains this")
    given = ask.parse_args()
    sys.stdout.write("\n".join(described(ROOT)) + "\n\n")
    if given.rounds:
        for job in (speed.NOTES, speed.MEMBERS):
            _print(speed.HEADINGS, speed.speed_rows(job, given.rounds, given.only))
    if given.trials:
        _print(series.HEADINGS, series.rows(given.trials, only=given.only))


def _print(headings: Sequence[str], rows: Iterable[Row]) -> None:
    found = []
    for row in rows:
        sys.stderr.write(" | ".join(row) + "\n")
        found.append(row)
    sys.stdout.write(markdown(headings, found) + "\n\n")


if __name__ == "__main__":
    main()
