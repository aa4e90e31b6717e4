"""The laboratory's level (c) on the command line.

python -m tests.lab.level_c --schedules 200 --seed 1
python -m tests.lab.level_c --replay 47
python -m tests.lab.level_c --schedules 20 --switch-off each
"""

from tests.lab.command import arguments, switch_off
from tests.lab.level_c.play import SWITCHES, first_red, play_each, run_one

SHOWN = 5


def main() -> int:
    """Print what was asked for; 1 when something went wrong or a protection was not missed."""
    given = arguments("level_c", regimes=(), protections=SWITCHES, schedules=100)
    if given.replay is not None:
        return _replay(given.replay, given.switch_off)
    seeds = range(given.seed, given.seed + given.schedules)
    if given.switch_off:
        return switch_off(dict.fromkeys(SWITCHES, "inside"), seeds, first_red)
    played = list(play_each(seeds))
    wrong = [one for one in played if one.wrong]
    runs, writes = sum(one.runs for one in played), sum(one.writes for one in played)
    print(f"{len(played):,} schedules, {runs:,} runs, {writes:,} writes, {len(wrong):,} went wrong")
    for one in wrong[:SHOWN]:
        print(f"    --replay {one.story.seed}: {one.wrong[0]}")
    return 1 if wrong else 0


def _replay(seed: int, protection: str) -> int:
    played = run_one(seed, protection=protection)
    print("\n".join([f"Story {seed}:", *(f"  {step}" for step in played.story.steps)]))
    wrong = [f"  {said}" for said in played.wrong]
    print("\n".join(["Verdict:", *wrong]) if wrong else "Verdict: clean")
    return 1 if played.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
