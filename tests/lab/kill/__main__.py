"""Kill at every boundary, on the command line.

python -m tests.lab.kill                                            every story, every boundary
python -m tests.lab.kill --flow "mailigen_pipedrive/later run" --list
python -m tests.lab.kill --flow "mailigen_pipedrive/later run" --at 17        one trial
python -m tests.lab.kill --flow "mailigen_pipedrive/later run" --at 17,230    a pair
python -m tests.lab.kill --sample 40 --pairs 10 --seed 3
python -m tests.lab.kill --flow "adopt/the state is lost" --between 1 500 --pairs 25    a long one in parts
"""

import argparse
import sys
import time
from collections import Counter

from tests.lab.flows import FLOWS
from tests.lab.kill.lab import COLUMNS, Row, list_boundaries, run_all, run_one
from tests.lab.kill.trials import Trial

SHOWN = 10  # sentences of a red trial


def main() -> int:
    """Print what was asked for; 1 when a trial differs from its twin or nobody was killed."""
    given = _arguments()
    names = [given.flow] if given.flow else [flow.name for flow in FLOWS]
    if given.list:
        for name in names:
            _list(name)
        return 0
    if given.at:
        return _one(names[0], tuple(int(number) for number in given.at.split(",")))
    began = time.monotonic()
    rows = run_all(
        names, pairs=given.pairs, seed=given.seed, sample=given.sample,
        between=tuple(given.between) if given.between else None, told=_tell,
    )  # fmt: skip
    _show(rows, time.monotonic() - began)
    return 0 if all(row.is_clean for row in rows) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.lab.kill")
    parser.add_argument("--flow", choices=[flow.name for flow in FLOWS])
    parser.add_argument("--at", metavar="NUMBERS", help="one trial, replayed: 17, or 17,230")
    parser.add_argument("--pairs", type=int, default=50, help="killed twice, of each story")
    parser.add_argument("--sample", type=int, help="so many drawn boundaries instead of all")
    parser.add_argument(
        "--between", type=int, nargs=2, metavar=("FIRST", "LAST"), help="only these boundaries"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="number the boundaries and stop")
    return parser.parse_args()


def _list(name: str) -> None:
    passed = list_boundaries(name)
    for number, kind, what in passed:
        print(f"{number:>5}  {kind:7} {what}")
    kinds = Counter(each.kind for each in passed)
    print(f"{name}: K = {len(passed)}, " + ", ".join(f"{n} {k}" for k, n in kinds.items()))


def _one(name: str, at: tuple[int, ...]) -> int:
    trial = run_one(name, at)
    print("\n".join(trial.sentences) or "clean")
    return 1 if trial.sentences else 0


def _tell(trial: Trial, done: int, total: int) -> None:
    """Progress and, at once, what went wrong: a series may be stopped before its table."""
    if done % 20 == 0 or done == total:
        print(f"{trial.flow}: {done} of {total}", file=sys.stderr, flush=True)
    if trial.sentences:
        _show_red(trial)


def _show(rows: list[Row], seconds: float) -> None:
    print(f"{'flow':40}" + "".join(f"{name:>12}" for name in COLUMNS))
    for row in rows:
        print(f"{row.name:40}" + "".join(f"{getattr(row, name):>12,}" for name in COLUMNS))
    trials = sum(row.trials for row in rows)
    print(f"{trials:,} trials in {seconds:,.0f} s; one effect per cause, against unkilled twins")


def _show_red(trial: Trial) -> None:
    numbers = ",".join(str(number) for number in trial.at)
    print(f'python -m tests.lab.kill --flow "{trial.flow}" --at {numbers}')
    for sentence in trial.sentences[:SHOWN]:
        print(f"    {sentence}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
