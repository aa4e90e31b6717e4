"""What the levels understand on the command line."""

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence


def arguments(
    level: str, *, regimes: Sequence[str], protections: Iterable[str], schedules: int
) -> argparse.Namespace:
    """Read --schedules, --seed, --replay, --switch-off, and --regime where there are several."""
    parser = argparse.ArgumentParser(f"python -m tests.lab.{level}")
    parser.add_argument("--schedules", type=int, default=schedules)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--replay", type=int, metavar="SEED")
    if regimes:
        parser.add_argument("--regime", choices=list(regimes))
    parser.add_argument("--switch-off", default="", choices=["each", *protections])
    return parser.parse_args()


def switch_off(
    protections: Mapping[str, str], seeds: range, first_red: Callable[..., tuple[int, str] | None]
) -> int:
    """Print after how many schedules each protection's absence showed, and by what.

    Protections are given with the weather they are missed in. 1 when one was not missed.
    """
    not_caught = 0
    for name, regime in protections.items():
        caught = first_red(name, seeds, regime)
        not_caught += caught is None
        said = f"caught after {caught[0]}: {caught[1]}" if caught else "NOT CAUGHT"
        print(f"without {name:22} ({regime}) {said}", flush=True)
    return 1 if not_caught else 0
