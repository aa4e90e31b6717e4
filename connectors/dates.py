"""Read the dates in the heads of answers, which anybody between us and the vendor may write."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def http_time(text: str) -> datetime | None:
    """Return a date with its zone; None for what is no date of our time.

    A clock that is centuries off would carry every deadline out of the calendar.

    >>> http_time("Sun, 22 Nov 2026 10:00:00 GMT")
    datetime.datetime(2026, 11, 22, 10, 0, tzinfo=datetime.timezone.utc)
    """
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if not 2000 <= at.year < 3000:
        return None
    # "-0000": a time whose zone the sender does not know
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at
