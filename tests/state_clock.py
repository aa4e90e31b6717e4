"""A clock that stands still until the test says otherwise."""

from datetime import UTC, datetime, timedelta


class Clock:
    """Time as the test says it is."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> datetime:
        self.at += timedelta(seconds=seconds)
        return self.at
