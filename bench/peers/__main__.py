"""`python -m bench.peers`: the table of peers, a line on stderr as each row is known."""

import argparse
import sys

from bench.peers.series import HEADINGS, TRIALS, rows
from bench.tables import markdown


def main() -> None:
    ask = argparse.ArgumentParser(prog="bench.peers", description=__doc__)
    ask.add_argument("--trials", type=int, default=TRIALS, help="per tool and fault")
    ask.add_argument("--only", default="", help="tools whose name contains this")
    given = ask.parse_args()
    found = []
    for row in rows(given.trials, only=given.only):
        sys.stderr.write(" | ".join(row) + "\n")
        found.append(row)
    sys.stdout.write(markdown(HEADINGS, found) + "\n")


if __name__ == "__main__":
    main()
