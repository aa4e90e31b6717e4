"""The arithmetic of schedules, by moments of the test's own."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pipelines.definition import Schedule
from pipelines.timetable import (
    DAY,
    MOST_COUNTED,
    Allowance,
    due_between,
    fit,
    runs_a_day,
    seconds_between,
)

ACCOUNT = {"crm": Allowance(10_000, "tokens", "raise quota_share or the plan")}
BOTH = ACCOUNT | {"list": Allowance(1_000, "calls", "raise quota_share or calls_per_day")}


def every(length: str) -> Schedule:
    return Schedule(every=length, cron=None, timezone=None)


def cron(line: str, zone: str = "UTC") -> Schedule:
    return Schedule(every=None, cron=line, timezone=zone)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "runs"),
    [
        (every("15m"), 96),
        (every("1d"), 1),
        (every("7d"), 1),
        (cron("*/15 * * * *"), 96),
        (cron("0 8-17 * * 1-5", "Europe/Riga"), 10),
        (cron("0 6 1 * *"), 1),
        (cron("*/5 * * * 1"), 288),
        (cron("0 0 29 2 *"), 1),
    ],
)
def test_runs_are_counted_for_a_day_on_which_there_are_some(
    schedule: Schedule, runs: float
) -> None:
    """ALL-05: a budget is a day's, so a Monday of 288 runs costs 288 and not a seventh of it"""
    assert runs_a_day(schedule) == runs


@pytest.mark.parametrize(
    ("cost", "wanted", "used"),
    [
        (0, "1m", "1m"),
        (104, "15m", "15m"),
        (105, "15m", "20m"),
        (209, "15m", "45m"),
        (10_000, "5m", "1d"),
    ],
)
def test_what_a_run_costs_decides_the_shortest_interval(cost: int, wanted: str, used: str) -> None:
    """ALL-05"""
    found = fit(every(wanted), {"crm": cost}, ACCOUNT)
    assert found.schedule is not None
    assert found.schedule.every == used
    assert bool(found.said) == (used != wanted)


def test_the_sentence_names_price_share_and_remedy() -> None:
    """ALL-05"""
    found = fit(every("15m"), {"crm": 200}, ACCOUNT)
    assert found.said == (
        "every 30m instead of 15m: a run reads for 200 tokens of crm, our share is 10000 a day"
    )
    assert found.remedy == "raise quota_share or the plan"


def test_of_two_accounts_the_tighter_one_decides_and_is_named() -> None:
    """ALL-05"""
    found = fit(every("15m"), {"crm": 200, "list": 100}, BOTH)
    assert found.schedule == every("3h")
    assert "100 calls of list" in found.said
    assert "calls_per_day" in found.remedy


def test_what_costs_more_than_a_day_allows_fits_no_interval_however_long() -> None:
    """ALL-05"""
    found = fit(every("30d"), {"crm": 10_001}, ACCOUNT)
    assert found.schedule is None
    assert found.said.startswith("no interval fits: a run reads for 10001 tokens")


def test_a_cron_line_is_refused_with_the_interval_that_would_do() -> None:
    """ALL-05: nobody knows which of its moments could be left out"""
    found = fit(cron("*/5 * * * 1"), {"crm": 100}, ACCOUNT)
    assert found.schedule is None
    assert "28800 on a day it runs" in found.said
    assert "write `every: 15m`" in found.remedy
    assert fit(cron("0 6 * * 1"), {"crm": 100}, ACCOUNT) == (cron("0 6 * * 1"), "", "")


@given(some.integers(1, 10_000), some.sampled_from(["1m", "7m", "15m", "1h", "5h", "2d"]))
def test_no_interval_in_use_ever_costs_more_than_the_share(cost: int, wanted: str) -> None:
    """ALL-05: nor is it ever shorter than the wanted one"""
    used = fit(every(wanted), {"crm": cost}, ACCOUNT).schedule
    assert used is not None
    assert cost * runs_a_day(used) <= ACCOUNT["crm"].share
    assert (used.seconds or 0) >= (every(wanted).seconds or 0)


def test_runs_on_top_of_a_schedule_get_what_it_leaves() -> None:
    """ALL-05, ALL-12: 100 runs fit, 96 are scheduled, four are left"""
    assert seconds_between(every("15m"), {"crm": 100}, ACCOUNT) == DAY / 4
    assert seconds_between(None, {"crm": 100}, ACCOUNT) == DAY / 100
    assert seconds_between(every("15m"), {"crm": 1}, ACCOUNT) < 10
    assert seconds_between(every("15m"), {}, ACCOUNT) == 0
    assert seconds_between(every("15m"), {"crm": 5_000}, ACCOUNT) == DAY


def test_an_interval_is_due_at_its_own_moments_whenever_one_looks() -> None:
    """ALL-04"""
    noon = utc("2026-11-22 12:00")
    assert due_between(every("15m"), "acme", noon, noon + timedelta(hours=1)) == 4
    assert due_between(every("1h"), "acme", noon, noon + timedelta(hours=1)) == 1
    parts = [
        due_between(every("15m"), "acme", noon + timedelta(minutes=m), noon + timedelta(minutes=n))
        for m, n in ((0, 7), (7, 31), (31, 60))
    ]
    assert sum(parts) == 4


def test_a_clock_that_went_back_makes_nothing_due() -> None:
    """ALL-04"""
    noon = utc("2026-11-22 12:00")
    for schedule in (every("15m"), cron("* * * * *")):
        assert due_between(schedule, "acme", noon, noon - timedelta(hours=3)) == 0
        assert due_between(schedule, "acme", noon, noon) == 0


@pytest.mark.parametrize(
    ("line", "after", "until", "times"),
    [
        ("0 6 * * *", "2026-11-20 12:00", "2026-11-22 12:00", 2),
        ("0 6 * * 1-5", "2026-11-20 12:00", "2026-11-22 12:00", 0),  # Friday noon to Sunday noon
        ("0 6 * * *", "2026-11-22 03:59", "2026-11-22 04:00", 1),  # six o'clock in Riga
        ("0 6 * * *", "2026-11-22 04:00", "2026-11-23 03:59", 0),
        # The clock is put forward on 2026-03-29: 03:30 does not exist, and is made up for once.
        ("30 3 * * *", "2026-03-28 12:00", "2026-03-29 12:00", 1),
        # Put back on 2026-10-25: 03:30 is there twice, and a daily line means one of them.
        ("30 3 * * *", "2026-10-24 12:00", "2026-10-25 12:00", 1),
        ("0 * * * *", "2026-10-24 21:00", "2026-10-25 21:00", 24),  # real hours, of a day of 25
    ],
)
def test_a_cron_line_is_due_by_the_clock_of_its_zone(
    line: str, after: str, until: str, times: int
) -> None:
    """ALL-04"""
    assert due_between(cron(line, "Europe/Riga"), "acme", utc(after), utc(until)) == times


def test_a_year_away_is_not_counted_to_its_end() -> None:
    """ALL-04"""
    begun = utc("2026-01-01 00:00")
    for schedule in (every("1m"), cron("* * * * *")):
        assert due_between(schedule, "acme", begun, begun + timedelta(days=365)) == MOST_COUNTED
