"""The arithmetic of schedules: runs a day, what a budget bears, what should have run by now.

    price of a run x runs a day  >  our share of a day   -> a longer interval, or none
    what was due since the last run, without the newest  -> runs that did not happen

Pure: schedules, prices and moments in, numbers and sentences out.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cronsim import CronSim

from pipelines.definition import SECONDS, Schedule

DAY = 86_400
INTERVALS = ("1m", "2m", "3m", "5m", "10m", "15m", "20m", "30m", "45m",
             "1h", "2h", "3h", "4h", "6h", "8h", "12h", "1d")  # fmt: skip
# Every time zone's clock is the same in each year: only how a cron line's day looks matters.
BEFORE_SOME_DAY = datetime(2025, 12, 31, 23, 59)
MOST_COUNTED = 1_000  # a minute's schedule, away for a year, need not be counted to its end


class Allowance(NamedTuple):
    """What of an account's day is ours, in which unit, and what would make it more."""

    share: float
    unit: str
    remedy: str


class Fit(NamedTuple):
    """The schedule that the budget bears: None when none does. `said` is '' for the wanted one."""

    schedule: Schedule | None
    said: str = ""
    remedy: str = ""


def in_words(schedule: Schedule) -> str:
    """
    >>> in_words(Schedule(every="15m"))
    'every 15m'
    """
    return f"every {schedule.every}" if schedule.every else f"at `{schedule.cron}`"


def anchor(name: str, seconds: int) -> datetime:
    """A moment at which the interval of this sync begins: fixed, and another for each name.

    Fixed, or each deploy would put off the next run; different, or all syncs would knock at the
    vendors in the same second.
    """
    shift = int.from_bytes(sha256(name.encode()).digest()[:8]) % seconds
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=shift)


def runs_a_day(schedule: Schedule) -> float:
    """How often it runs on a day on which it runs: a budget is a day's, so never below one.

    >>> runs_a_day(Schedule(every="15m")), runs_a_day(Schedule(cron="0 6,18 * * 1"))
    (96.0, 2.0)
    """
    if schedule.seconds is not None:
        return max(1.0, DAY / schedule.seconds)
    # Without a zone: the day a clock is put back has an hour more, and no budget is so exact.
    moments = CronSim(str(schedule.cron), BEFORE_SOME_DAY)
    first = next(moments)  # a line that never comes true is refused with its file
    day = first.replace(hour=0, minute=0)
    same_day = (one for one in islice(moments, DAY // 60) if one - day < timedelta(days=1))
    return 1.0 + sum(1 for _ in same_day)


def fit(schedule: Schedule, price: Mapping[str, float], allowances: Mapping[str, Allowance]) -> Fit:
    """The wanted schedule, the shortest longer interval, or none, for what a run costs.

    `price` is per account; one without an allowance costs nothing.
    """
    # Of several accounts the tightest decides, and is the one that is named.
    tightest = max(allowances, key=lambda a: price.get(a, 0) / allowances[a].share, default=None)
    if tightest is None:
        return Fit(schedule)
    cost, allowed = price.get(tightest, 0), allowances[tightest]
    if cost * runs_a_day(schedule) <= allowed.share:
        return Fit(schedule)
    longer = next((one for one in INTERVALS if cost * _runs(one) <= allowed.share), None)
    reads = f"a run reads for {cost:.0f} {allowed.unit} of {tightest}"
    share = f"our share is {allowed.share:.0f} a day"
    if longer is None:
        said = f"no interval fits: {reads}, {share}"
        return Fit(None, said, f"{allowed.remedy}, or select fewer contacts")
    if schedule.cron:
        day = f"{cost * runs_a_day(schedule):.0f} on a day it runs"
        said = f"{in_words(schedule)} costs too much: {reads}, {day}, and {share}"
        return Fit(None, said, f"write `every: {longer}` in place of the cron line, or fewer times "
                   f"a day; or {allowed.remedy}")  # fmt: skip
    said = f"every {longer} instead of {schedule.every}: {reads}, {share}"
    return Fit(Schedule(every=longer, cron=None, timezone=None), said, allowed.remedy)


def seconds_between(
    schedule: Schedule | None, price: Mapping[str, float], allowances: Mapping[str, Allowance]
) -> float:
    """Least time between runs that come on top of a schedule: they get what it leaves of the share.

    At the most a day, however little is left: somebody rang, and the budget itself still holds.
    """
    scheduled = runs_a_day(schedule) if schedule else 0.0
    room = [
        allowed.share / price[account] - scheduled
        for account, allowed in allowances.items()
        if price.get(account, 0) > 0
    ]
    return DAY / max(min(room), 1.0) if room else 0.0


def due_between(schedule: Schedule, name: str, after: datetime, until: datetime) -> int:
    """How many times a sync was due, later than `after` and no later than `until`.

    None when the clock went back. Counts to MOST_COUNTED.
    """
    if until <= after:
        return 0
    if schedule.seconds is not None:
        step, zero = timedelta(seconds=schedule.seconds), anchor(name, schedule.seconds)
        return min((until - zero) // step - (after - zero) // step, MOST_COUNTED)
    zone = ZoneInfo(schedule.timezone or "UTC")
    count = 0
    for moment in islice(CronSim(str(schedule.cron), after.astimezone(zone)), MOST_COUNTED):
        if moment > until:
            break
        count += 1
    return count


def _runs(interval: str) -> float:
    return DAY / (int(interval[:-1]) * SECONDS[interval[-1]])
