"""The laboratory's level (b) on the command line.

python -m tests.lab.level_b --schedules 500 --seed 1
python -m tests.lab.level_b --replay 47 --regime frozen
python -m tests.lab.level_b --schedules 100 --switch-off each
"""

from tests.lab.bounds import WITHIN
from tests.lab.command import arguments, switch_off
from tests.lab.level_b.lab import HORIZON
from tests.lab.level_b.memory import start_again_with_larger_caches
from tests.lab.level_b.series import SHOWN, Tally, first_red, run_one, run_series
from tests.lab.level_b.story import REGIMES, Regime
from tests.lab.level_b.switches import SWITCHES
from tests.lab.wide import run_wide

TITLES: dict[Regime, str] = {
    "inside": "inside the bounds",
    "frozen": "frozen over the lease, awake within H",
    "beyond": "beyond the bounds",
}
COLUMNS = ("schedules", "runs", "effects", "duplicates", "lost", "breaches", "wrong", "unreported",
           "unseen")  # fmt: skip


def main() -> int:
    """Print what was asked for; 1 when something inside the bounds went wrong or unnoticed."""
    given = arguments("level_b", regimes=REGIMES, protections=SWITCHES, schedules=100)
    if given.replay is not None:
        return _replay(given.replay, given.regime or "inside", given.switch_off)
    seeds = range(given.seed, given.seed + given.schedules)
    if given.switch_off:
        names = list(SWITCHES) if given.switch_off == "each" else [given.switch_off]
        return switch_off({name: SWITCHES[name].regime for name in names}, seeds, first_red)
    return tables(seeds, [given.regime] if given.regime else list(REGIMES))


def tables(seeds: range, regimes: list[Regime]) -> int:
    """A row per regime; the red schedules under it, with the command that replays them."""
    print(f"{'':40}" + "".join(f"{name:>12}" for name in COLUMNS))
    failed = 0
    for regime in regimes:
        tally = run_wide(run_series, seeds, regime)
        counts = "".join(f"{getattr(tally, name):>12,}" for name in COLUMNS)
        print(f"{TITLES[regime]:40}{counts}   {_pace(tally)}", flush=True)
        for seed, said in tally.red[:SHOWN]:
            print(f"    --replay {seed} --regime {regime}: {said}")
        failed += bool(tally.red) if regime in WITHIN else bool(tally.unreported)
    return 1 if failed else 0


def _pace(tally: Tally) -> str:
    per_minute = tally.schedules / tally.seconds * 60
    each = tally.cpu_seconds / tally.schedules * 1000
    return f"{per_minute:,.0f} schedules/min, {each:.0f} ms of CPU each, {tally.boundaries:,} boundaries"


def _replay(seed: int, regime: Regime, protection: str) -> int:
    story, played, verdict = run_one(seed, regime, protection)
    print(f"Story {seed}, {TITLES[regime]} (H is {HORIZON:.0f} s):")
    print(f"  {story.habits}")
    for step in story.steps:
        print(f"  {step}")
    print("What happened at the vendors:")
    for entry in played.log:
        print(f"  {entry}")
    print("\n".join(["How the runs ended, the innermost first:", *(f"  {t}" for t in played.told)]))
    for found in played.findings:
        print(f"The audit finds: {found.finding} {found.object} {found.remote_ids}: {found.said}")
    wrong = [*verdict.sentences, *played.objections]
    print("".join(f"Nobody could know: {said}\n" for said in verdict.unseen), end="")
    print("\n".join(["Verdict:", *(f"  {said}" for said in wrong)]) if wrong else "Verdict: clean")
    return 1 if wrong else 0


if __name__ == "__main__":
    start_again_with_larger_caches()
    raise SystemExit(main())
