"""The laboratory's results as one page: what was played, on what, and what was found."""

from collections.abc import Iterable, Iterator, Sequence

from bench.tables import markdown
from tests.lab.bounds import WITHIN
from tests.lab.kill.lab import COLUMNS, Row
from tests.lab.mutations import SAMPLES
from tests.lab.mutations import Row as Mutation
from tests.lab.parts import FIGURES, Kept

SHOWN = 5
# In (b) everybody may do anything in any weather, taking members off by hand among it.
REGIMES = {
    ("a", "inside"): "delay at most H, pauses shorter than the lease",
    ("a", "frozen"): "a holder sleeps longer than its lease and wakes within H",
    ("a", "promise"): "delay up to H counted from the request, answers up to 29 s",
    ("a", "beyond"): "delays of 0.5 to 4 H, holders asleep for up to 15 minutes, members taken off "
    "by hand",
    ("b", "inside"): "deaths, delays and lists late by less than H, members taken off by hand",
    ("b", "frozen"): "a holder sleeps longer than its lease and wakes within H, lists late by 5 s "
    "at most, members taken off by hand",
    ("b", "beyond"): "delays and lists late by up to 4 H, holders asleep for up to 15 minutes, "
    "members taken off by hand",
    ("c", "inside"): "edits on both sides, vendors that rewrite what is written",
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
            LEVELS[level], REGIMES[level, regime], *(f"{kept.figures[name]:,}" for name in FIGURES),
            f"{kept.other:,}", f"{kept.figures['schedules'] / max(kept.seconds, 0.001) * 60:,.0f}",
        ]
        for level, regime, kept in totals
    ]  # fmt: skip
    return markdown(headings, cells)


def _red(totals: Sequence[tuple[str, str, Kept]]) -> Iterator[str]:
    for level, regime, kept in totals:
        if kept.red_count:
            weather = "" if level == "c" else f" --regime {regime}"  # it has but one
            command = f"python -m tests.lab.level_{level}{weather} --replay"
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
    """What so many clean trials prove, by the rule of three; what nobody could know is said."""
    inside = [kept for _, regime, kept in totals if regime in WITHIN]
    schedules = sum(kept.figures["schedules"] for kept in inside)
    effects = sum(kept.figures["effects"] for kept in inside)
    wrong = sum(kept.red_count for kept in inside)
    unseen = sum(kept.figures["unseen"] for kept in inside)
    times = f"{unseen:,} times" if unseen > 1 else "Once"
    apart = f" {times} somebody who left was subscribed again where nobody could know."
    if wrong or not schedules:
        said = f"{wrong:,} of {schedules:,} schedules inside the bounds went wrong."
    else:
        said = (
            f"{schedules:,} schedules inside the bounds with {effects:,} effects and nothing "
            "wrong: under the faults modelled, the rate is below "
            f"{3 / schedules:.1e} (95 %, rule of three)."
        )
    return said + (apart if unseen else "")
