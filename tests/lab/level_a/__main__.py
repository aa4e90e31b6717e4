"""The laboratory's level (a) on the command line.

python -m tests.lab.level_a --schedules 10000 --seed 1
python -m tests.lab.level_a --replay 4711 --regime promise
python -m tests.lab.level_a --schedules 2000 --switch-off horizon
"""

from tests.lab.bounds import WITHIN
from tests.lab.command import arguments, switch_off
from tests.lab.level_a.series import SHOWN, Tally, first_red, run_one, run_series, sentences
from tests.lab.level_a.story import REGIMES, Regime
from tests.lab.level_a.switches import SWITCHES
from tests.lab.wide import run_wide

TITLES: dict[Regime, str] = {
    "inside": "inside the bounds",
    "frozen": "frozen over the lease, awake within H",
    "promise": "delay <= H from the request",
    "beyond": "beyond the bounds",
}
COLUMNS = (
    "schedules", "effects", "duplicates", "lost", "breaches", "open_count", "surprises",
    "unseen", "unreported",
)  # fmt: skip


def main() -> int:
    """Print what was asked for; 1 when something inside the bounds went wrong or unnoticed."""
    given = arguments("level_a", regimes=REGIMES, protections=SWITCHES, schedules=2000)
    if given.replay is not None:
        return _replay(given.replay, given.regime or "inside", given.switch_off)
    seeds = range(given.seed, given.seed + given.schedules)
    if given.switch_off:
        names = list(SWITCHES) if given.switch_off == "each" else [given.switch_off]
        return switch_off({name: SWITCHES[name][1] for name in names}, seeds, first_red)
    return _tables(seeds, [given.regime] if given.regime else list(REGIMES))


def _tables(seeds: range, regimes: list[Regime]) -> int:
    print(f"{'':40}" + "".join(f"{name.removesuffix('_count'):>12}" for name in COLUMNS))
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
    return f"{per_minute:,.0f} schedules/min, {tally.boundaries:,} boundaries"


def _replay(seed: int, regime: Regime, protection: str) -> int:
    story, played, verdict = run_one(seed, regime, protection)
    for part in (
        *story.deeds,
        *story.wishes,
        *story.persons,
        *story.acts,
        *story.runs,
        story.weather,
    ):
        print(part)
    for entry in played.log:
        print(
            f"{entry.at:>10.1f}  {entry.who:5}{entry.verb:12}{entry.object:8}{entry.subject:5}{entry.content}"
        )
    wrong = sentences(played, verdict)
    print("\n".join(wrong) if wrong else "clean")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
