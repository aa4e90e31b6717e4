"""The share of an account's API we allow ourselves, over all processes together.

    spend(cost)  day:   from a block of the day's allowance that this process took
                 burst: from a block of the current window's requests

Blocks are taken from the database, one short commit each, so that a request
does not cost a commit. What is guaranteed, with any number of processes:
- a day (UTC) never goes above `day_allowance * share`, except by what single
  calls cost above a block; a process that dies takes its unspent block along.
- within one window, counted on the clock, at most `burst_limit * share`
  requests leave; over two adjoining halves of windows at most twice that.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from threading import RLock
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, select, update

from state.database import State, upsert
from state.errors import BudgetExhausted
from state.schema import budget_windows, budgets

DAY_BLOCK = 500  # tokens at a time, or a quarter of what is left when that is less
CLOCKS_APART_S = 10.0  # further ahead a window is no clock's that is kept, and not waited for
BURST_PARTS = 4  # a process takes a quarter of a window at a time: four can work side by side


class Budget:
    """The meter of one process on one account. Close it, to give back what it did not use.

    `sleep` is called with seconds while the burst window is full or the vendor
    has asked us to stay away. Threads may share one: they take turns.
    """

    def __init__(
        self,
        state: State,
        account: str,
        *,
        day_allowance: int,
        burst: tuple[int, float],
        share: float = 0.5,
        sleep: Callable[[float], None],
    ) -> None:
        self.account = account
        self.requests = 0
        self.spent = 0
        self.by_kind: Counter[str] = Counter()
        self._state, self._sleep = state, sleep
        self._allowance = int(day_allowance * share)
        self._burst_limit = self._ceiling = max(1, int(burst[0] * share))
        self._window_seconds = burst[1]
        self._day: date | None = None
        self._in_hand = 0
        self._calls_to_note = 0
        self._window: datetime | None = None
        self._slots = 0
        self._turn = RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    @property
    def left_today(self) -> int:
        """What may still be spent today; other processes' blocks in use count as spent."""
        with self._state.read() as db:
            return self._allowance - self._spent_today(db, self._today()) + self._in_hand

    def spend(self, cost: int, kind: str) -> None:
        """Take `cost` tokens and one request; return when the request may leave.

        May wait for the burst window. Raises BudgetExhausted when the day's
        share does not cover it; then nothing was taken.
        """
        with self._turn:
            self._take_tokens(cost)
            self._take_slot()
            self.requests += 1
            self.spent += cost
            self.by_kind[kind] += 1
            self._calls_to_note += 1

    def leave_room(self, part: float) -> None:
        """Leave that part of each burst window to other processes: what has time gives way."""
        self._ceiling = max(1, int(self._burst_limit * (1 - part)))

    def learned(self, headers: Mapping[str, str]) -> None:
        """Pace by what the vendor says of the burst: nothing left means wait for its reset."""
        remaining = headers.get("x-ratelimit-remaining", "")
        reset = headers.get("x-ratelimit-reset", "")
        # Some vendors send a moment instead of a duration; nobody's window lasts a minute.
        if remaining == "0" and reset.isdigit() and int(reset) <= 60:
            self.blocked(float(reset), "the vendor's window is used up")

    def blocked(self, seconds: float, said: str) -> None:
        """Keep every process off the account for so long."""
        until = self._state.now() + timedelta(seconds=seconds)
        with self._state.write() as db:
            self._touch_window(db)
            later = budget_windows.c.blocked_until.is_(None) | (
                budget_windows.c.blocked_until < until
            )
            mine = budget_windows.c.account == self.account
            db.execute(
                update(budget_windows).where(mine, later).values(blocked_until=until, said=said)
            )
        self._slots = 0

    def close(self) -> None:
        """Give back the unspent part of the block. The meter can go on afterwards."""
        if self._day is None or not (self._in_hand or self._calls_to_note):
            return
        with self._state.write() as db:
            self._note(db, self._day, -self._in_hand)
        self._in_hand = 0

    def _today(self) -> date:
        return self._state.now().astimezone(UTC).date()

    def _take_tokens(self, cost: int) -> None:
        today = self._today()
        if today != self._day:
            self.close()
            self._day = today
        if cost > self._in_hand:
            self._take_block(today, cost - self._in_hand)
        self._in_hand -= cost

    def _take_block(self, today: date, needed: int) -> None:
        with self._state.write() as db:
            # The row is there before it is looked at, so that PostgreSQL has something to lock.
            db.execute(upsert(db, budgets).values(**self._nothing(today)).on_conflict_do_nothing())
            spent = self._spent_today(db, today, is_to_change=True)
            left = self._allowance - spent
            if needed > left:
                midnight = datetime(today.year, today.month, today.day, tzinfo=UTC)
                resets_at = midnight + timedelta(days=1)
                raise BudgetExhausted(self.account, spent, self._allowance, resets_at)
            # Towards the day's end blocks shrink, so that one process does not sit on the rest.
            block = max(needed, min(left // 4, DAY_BLOCK))
            self._note(db, today, block)
        self._in_hand += block

    def _spent_today(self, db: Connection, today: date, *, is_to_change: bool = False) -> int:
        mine = (budgets.c.account == self.account, budgets.c.day == today)
        spent = select(budgets.c.spent_tokens).where(*mine)
        return db.scalar(spent.with_for_update() if is_to_change else spent) or 0

    def _nothing(self, day: date) -> dict[str, Any]:
        return {
            "account": self.account, "day": day, "spent_tokens": 0, "spent_calls": 0,
            "allowance": self._allowance,
        }  # fmt: skip

    def _note(self, db: Connection, day: date, tokens: int) -> None:
        """Add to the day's row, with the calls made since the last time."""
        changes = {
            "spent_tokens": budgets.c.spent_tokens + tokens,
            "spent_calls": budgets.c.spent_calls + self._calls_to_note,
            "allowance": self._allowance,
        }
        db.execute(
            upsert(db, budgets)
            .values(
                **self._nothing(day)
                | {"spent_tokens": tokens, "spent_calls": self._calls_to_note}
            )
            .on_conflict_do_update(index_elements=["account", "day"], set_=changes)
        )  # fmt: skip
        self._calls_to_note = 0

    def _take_slot(self) -> None:
        while not (self._slots and self._window == self._window_now()):
            wait = self._claim_slots()
            if wait > 0:
                self._sleep(wait)
        self._slots -= 1

    def _window_now(self) -> datetime:
        now = self._state.now().timestamp()
        return datetime.fromtimestamp(now - now % self._window_seconds, UTC)

    def _claim_slots(self) -> float:
        """Take slots of the current window, or return how long to wait for a chance of some."""
        with self._state.write() as db:
            self._touch_window(db)
            mine = budget_windows.c.account == self.account
            row = db.execute(select(budget_windows).where(mine).with_for_update()).one()
            # Not before: somebody may have begun the next window while this waited for the row.
            window, now = self._window_now(), self._state.now()
            if row.blocked_until is not None and row.blocked_until > now:
                return float((row.blocked_until - now).total_seconds())
            ahead = (row.window_started_at - window).total_seconds()
            if 0 < ahead <= CLOCKS_APART_S:  # by a clock that is ahead of ours
                return float((row.window_started_at - now).total_seconds())
            taken = row.taken if row.window_started_at == window else 0
            part = max(1, self._burst_limit // BURST_PARTS)
            granted = min(part, self._ceiling - taken)
            if granted <= 0:
                ends = window + timedelta(seconds=self._window_seconds)
                return max((ends - now).total_seconds(), 0.001)
            db.execute(
                update(budget_windows)
                .where(mine)
                .values(window_started_at=window, taken=taken + granted)
            )
        self._window, self._slots = window, granted
        return 0.0

    def _touch_window(self, db: Connection) -> None:
        first = {"account": self.account, "window_started_at": self._window_now(), "taken": 0}
        db.execute(upsert(db, budget_windows).values(first).on_conflict_do_nothing())
