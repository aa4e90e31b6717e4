"""The laboratory's results as one page: what was played, on what, and what was found."""

from collections.abc import Iterable, Iterator, Sequence

from bench.tables import markdown
from tests.lab.kill.lab import COLUMNS, Row
from tests.lab.mutations import SAMPLES
from tests.lab.mutations import Row as Mutation
from tests.lab.parts import FIGURES, WITHIN, Kept

SHOWN = 5
REGIMES = {
    "inside": "delay at most H, pauses shorter than the lease",
    "frozen": "a holder sleeps longer than its lease and wakes within H",
    "promise": "delay up to H counted from the request, answers up to 29 s",
    "beyond": "delays of up to 4 H, holders asleep for up to 15 minutes, members taken off by hand",
}
LEVELS = {"a": "(a) ledger and loader", "b": "(b) the whole flow", "c": "(c) flows both ways"}


def kills(rows: Sequence[Row]) -> str:
    """Every boundary of every story."""
    headings = ["flow / story", *COLUMNS]
    cells = [[row.name, *(f"{getattr(row, name):,}" for name in COLUMNS)] for row in rows]
    return markdown(headings, cells)


def series(totals: Iterable[tuple[str, str, Kept]]) -> str:
    """Two tables: inside the bounds nothing may be found, beyond them all of it be reported."""
    kept = list(totals)
    inside = [one for one in kept if one[1] in WITHIN]
    beyond = [one for one in kept if one[1] not in WITHIN]
    return "\n\n".join([
        "### Inside the bounds", _table(inside), "### Beyond them", _table(beyond), *_red(kept),
    ])  # fmt: skip


def _table(totals: Sequence[tuple[str, str, Kept]]) -> str:
    headings = ["level", "weather", *FIGURES, "other", "schedules a minute of one core"]
    cells = [
        [
            LEVELS[level], REGIMES[regime], *(f"{kept.figures[name]:,}" for name in FIGURES),
            f"{kept.other:,}", f"{kept.figures['schedules'] / max(kept.seconds, 0.001) * 60:,.0f}",
        ]
        for level, regime, kept in totals
    ]  # fmt: skip
    return markdown(headings, cells)


def _red(totals: Sequence[tuple[str, str, Kept]]) -> Iterator[str]:
    for level, regime, kept in totals:
        if kept.red_count:
            command = f"python -m tests.lab.level_{level} --regime {regime} --replay"
            lines = [f"- `{command} {seed}`: {said}" for seed, said in sorted(kept.red)[:SHOWN]]
            yield "\n".join([f"The first of {kept.red_count:,} in {regime} ({level}):", "", *lines])


def mutations(rows: Sequence[Mutation]) -> str:
    """What each protection's absence costs, and how soon the laboratory notices."""
    headings = ["switched off", "level", "weather", "median schedules until red",
                f"samples that saw it, of {SAMPLES}", "what the first one saw"]  # fmt: skip
    cells = [
        [row.protection, LEVELS[row.level], row.regime,
         "NOT CAUGHT" if row.after is None else f"{row.after:,.0f}", str(row.caught),
         row.seen.split("; ")[0]]
        for row in rows
    ]  # fmt: skip
    return markdown(headings, cells)


def bound(totals: Iterable[tuple[str, str, Kept]]) -> str:
    """What so many clean trials prove, by the rule of three."""
    inside = [kept for _, regime, kept in totals if regime in WITHIN]
    schedules = sum(kept.figures["schedules"] for kept in inside)
    effects = sum(kept.figures["effects"] for kept in inside)
    wrong = sum(kept.red_count for kept in inside)
    if wrong or not schedules:
        return f"{wrong:,} of {schedules:,} schedules inside the bounds went wrong."
    return (
        f"{schedules:,} schedules inside the bounds with {effects:,} effects and nothing wrong: "
        f"under the faults modelled, the rate is below {3 / schedules:.1e} (95 %, rule of three)."
    )
