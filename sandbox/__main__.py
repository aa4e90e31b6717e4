"""`python -m sandbox`: the vendors on loopback until the process is told to end."""

import argparse
import sys

from sandbox import server
from sandbox.stage import VENDORS


def main() -> None:
    ask = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    ask.add_argument("--port", type=int, default=8400, help="0 picks a free one")
    ask.add_argument("--seed", type=int, default=7, help="same seed, same books")
    ask.add_argument("--people", type=int, default=1000)
    ask.add_argument("--only", choices=[name for name, _ in VENDORS], help="this one at the root")
    given = ask.parse_args()
    if given.people < 0:
        ask.error(f"--people {given.people}: nobody is the fewest")
    try:
        built, bound = server.build(given.port, given.seed, given.people, given.only)
    except (OSError, OverflowError) as error:
        ask.exit(2, f"sandbox: port {given.port} cannot be used ({error}); choose another --port\n")
    sys.stdout.write(f"listening on {server.address(bound)}\n")
    sys.stdout.flush()
    built.run([bound])


if __name__ == "__main__":
    main()
