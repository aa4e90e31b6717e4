"""Every way the state can say no, named by what the caller must do next.

StateTrouble
  x StateTooNew       update this installation; nothing was touched
  x StateSilent       the database is away, full or busy: run again once it answers
  x LeaseHeld         somebody is running: end as skipped (.holder, .expires_at)
  x LeaseLost         somebody took over: stop at once; nothing was written
  x WrongState        a bug or a double: the row is not where the caller thought
  x TooEarly          ask again in .wait_seconds: what was sent may still arrive
  x BudgetExhausted   the account's share of the day is spent
  x FileHeld          another process has the DuckDB file open
  x HistoryDamaged    restore the history file from its backup
  x InboxUnusable     acknowledge nothing: the file of received webhooks cannot be used
  x NotAllowed        what the operator asked for is not possible; the text says why
"""

from datetime import datetime


class StateTrouble(Exception):  # noqa: N818  (the tree is named by the next move, not "Error")
    """`str()` of it is a sentence on-call can read first."""


class StateTooNew(StateTrouble):
    """The database was written by a newer version of this code."""


class StateSilent(StateTrouble):
    """The state database did not do what it was asked. What was committed before stands."""

    def __init__(self, said: str) -> None:
        super().__init__(f"The state database did not answer as it should: {said}")


class LeaseHeld(StateTrouble):
    """Somebody else is running this sync."""

    def __init__(
        self, holder: str, host: str, pid: int, since: datetime, expires_at: datetime
    ) -> None:
        self.holder, self.host, self.pid = holder, host, pid
        self.since, self.expires_at = since, expires_at
        super().__init__(
            f"run {holder} holds the sync since {since:%Y-%m-%d %H:%M:%S} UTC "
            f"(host {host}, process {pid}); its lease ends {expires_at:%H:%M:%S} UTC unless renewed"
        )


class LeaseLost(StateTrouble):
    """Somebody else took the sync over, or the lease was released. Nothing was written."""


class WrongState(StateTrouble):
    """A row was not in the state this change starts from. Nothing was written."""

    def __init__(self, change: str, keys: list[str]) -> None:
        self.keys = keys
        shown = ", ".join(keys[:3]) + (" ..." if len(keys) > 3 else "")
        super().__init__(f"{len(keys)} rows cannot become {change}: {shown}")


class TooEarly(StateTrouble):
    """What was sent may still arrive at the vendor."""

    def __init__(self, key: str, wait_seconds: float) -> None:
        self.wait_seconds = wait_seconds
        super().__init__(
            f"{key}: look again in {wait_seconds:.0f} s, before that absent is no proof"
        )


class BudgetExhausted(StateTrouble):
    """The account's share of the day's calls or tokens is spent."""

    def __init__(self, account: str, spent: int, allowance: int, resets_at: datetime) -> None:
        self.account, self.spent, self.allowance = account, spent, allowance
        self.resets_at = resets_at
        super().__init__(
            f"{account}: {spent} of the {allowance} calls or tokens this day allows us are spent; "
            f"the next day begins {resets_at:%Y-%m-%d %H:%M} UTC"
        )


class FileHeld(StateTrouble):
    """Another process has the sync's DuckDB file open."""


class HistoryDamaged(StateTrouble):
    """The history file cannot be read, and cannot be recomputed."""


class InboxUnusable(StateTrouble):
    """The inbox cannot be read or written: nothing that comes in may be acknowledged."""


class NotAllowed(StateTrouble):
    """The operator's wish is refused; the sentence says why."""
