"""The whole laboratory, printed as one page.

python -m tests.lab                            every kill; 20,000, 1,000 and 200 schedules
python -m tests.lab --level-a 1000000 --level-b 50000 --page docs/laboratory.md
python -m tests.lab --only series --minutes 30          stop in time; the next call goes on

The short sections come first, and the page is written after each. Series are kept in parts under build/lab: what was played of the same commit is not played again.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import machine
from bench.tables import markdown
from tests.lab import mutations, page, parts
from tests.lab.kill import lab as kill
from tests.lab.level_b.memory import start_again_with_larger_caches

OURS = "Syncline"
HERE = Path(__file__).parents[2]
SECTIONS = ("ledger", "peers", "mutations", "series", "kill")  # the dearest last


def main() -> int:
    """Print the sections asked for; 1 when something inside the bounds went wrong or unnoticed."""
    given = _arguments()
    wanted = given.only or SECTIONS
    failed = False
    sections = [_head(given)]
    for name in wanted:
        for text, is_well in PLAY[name](given):
            failed |= not is_well
            sections.append(text)
            print(text, end="\n\n", flush=True)
            if given.page:  # at once: what comes later may be stopped
                given.page.write_text("\n\n".join(sections) + "\n")
    return int(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.lab")
    parser.add_argument("--only", action="append", choices=SECTIONS, help="may be given twice")
    parser.add_argument("--level-a", type=int, default=20_000, help="schedules of level (a)")
    parser.add_argument("--level-b", type=int, default=1_000, help="schedules of level (b)")
    parser.add_argument("--level-c", type=int, default=200, help="schedules of level (c)")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--pairs", type=int, default=50, help="killed twice, of each story")
    parser.add_argument("--sample", type=int, help="kill at so many drawn boundaries, not at all")
    parser.add_argument("--minutes", type=float, help="start no part of a series after so long")
    parser.add_argument("--mutations-a", type=int, default=400, help="schedules a sample at most")
    parser.add_argument("--mutations-b", type=int, default=60, help="schedules a sample at most")
    parser.add_argument("--mutations-c", type=int, default=20, help="schedules a sample at most")
    parser.add_argument("--page", type=Path, help="write the page there as well")
    return parser.parse_args()


def _head(given: argparse.Namespace) -> str:
    lines = [
        "# The fault laboratory: a documented run", "",
        f"Printed by `{' '.join(['python -m tests.lab', *sys.argv[1:]])}` on "
        f"{datetime.now(UTC):%Y-%m-%d}, first seed {given.seed}. Code played: level (a) "
        f"{parts.code_version('a')}, level (b) {parts.code_version('b')}, level (c) "
        f"{parts.code_version('c')}. "
        "What the levels are and what they leave out: `tests/lab/README.md`.", "",
        *(f"- {line}" for line in machine.described(HERE)),
    ]  # fmt: skip
    return "\n".join(lines)


def _kill(given: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    rows = kill.run_all(
        pairs=given.pairs, seed=given.seed, sample=given.sample,
        told=lambda trial, done, total: _tell(f"{trial.flow}: {done} of {total} killed"),
    )  # fmt: skip
    red = [f"- {row.name} at {trial.at}: {trial.sentences[0]}" for row in rows for trial in row.red]
    text = "\n\n".join(["## Killed at every boundary", page.kills(rows), *red])
    yield text, all(row.is_clean for row in rows)


def _series(given: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    counts = {"a": given.level_a, "b": given.level_b, "c": given.level_c}
    wanted = parts.parts_of(counts, given.seed)
    done = parts.play_all(
        wanted, HERE / "build" / "lab", minutes=given.minutes,
        told=lambda part, _, over, total: _tell(f"series: {over} of {total} parts ({part})"),
    )  # fmt: skip
    totals = list(parts.sums(done))
    yield (
        "\n\n".join(["## Simulated schedules", page.bound(totals), page.series(totals)]),
        all(kept.is_clean(regime) for _, regime, kept in totals),
    )


def _mutations(given: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    rows = mutations.rows(
        {"a": given.mutations_a, "b": given.mutations_b, "c": given.mutations_c},
        told=lambda row: _tell(f"without {row.protection} ({row.level}): {row.after}"),
    )
    yield "## Protections switched off\n\n" + page.mutations(rows), not mutations.missed(rows)


def _peers(_: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    from bench import peers

    found = list(peers.rows())
    text = "## Peers under the same faults\n\n" + markdown(peers.HEADINGS, found)
    yield text, is_ours_clean(peers.HEADINGS, found)


def is_ours_clean(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether our own product was there, and neither doubled nor lost anything."""
    ours = [dict(zip(headings, row, strict=True)) for row in rows if row[0] == OURS]
    return bool(ours) and all(one["duplicates"] == one["lost"] == "0" for one in ours)


def _ledger(_: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    from bench import ledger_cost

    found = list(ledger_cost.rows())
    lines = [ledger_cost.disk_line(), ledger_cost.floor_line()]
    yield "\n\n".join([
        "## What the ledger costs", *lines, markdown(ledger_cost.HEADINGS, found)
    ]), True  # fmt: skip


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


PLAY = {
    "kill": _kill, "series": _series, "mutations": _mutations, "peers": _peers, "ledger": _ledger,
}  # fmt: skip

if __name__ == "__main__":
    start_again_with_larger_caches()
    raise SystemExit(main())
