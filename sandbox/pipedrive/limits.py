"""What a call costs the account, and when the account has had enough.

Two limits: tokens per day for the company, requests per rolling two seconds for each token
(search has a smaller one of its own). Going on after the day is spent brings the block page.
"Rate limiting", developers' pages; what they leave open is in assumptions.py.
"""

from collections import defaultdict, deque
from datetime import date, datetime, timedelta
from math import ceil

from sandbox.pipedrive.assumptions import Assumptions

WINDOW = timedelta(seconds=2)
TOKENS_PER_SEAT = 30_000
PLAN_FACTOR = {"lite": 1, "growth": 2, "premium": 5, "ultimate": 7}
BURST_API_TOKEN = {"lite": 20, "growth": 40, "premium": 100, "ultimate": 120}
BURST_OAUTH = {"lite": 80, "growth": 160, "premium": 400, "ultimate": 480}
BURST_SEARCH = 10


class Limits:
    """Counts requests and tokens; says 429 or 403, never more than the status."""

    def __init__(self, assume: Assumptions) -> None:
        self._assume = assume
        self.tokens_spent = 0  # since the start; `today` forgets
        self.today = 0
        self._day: date | None = None
        self._beyond = 0
        self._recent: dict[str, deque[datetime]] = defaultdict(deque)

    @property
    def daily_budget(self) -> int:
        chosen: int | None = self._assume["daily_budget"]
        if chosen is not None:
            return chosen
        factor: int = PLAN_FACTOR[self._assume["plan"]]
        return TOKENS_PER_SEAT * factor * int(self._assume["seats"])

    def admit(self, token: str, at: datetime, cost: int, *, is_search: bool) -> int:
        """0 when the call may go on, else the status to refuse it with."""
        if at.date() != self._day:
            self._day, self.today, self._beyond = at.date(), 0, 0
        if self.today + cost > self.daily_budget:
            self._beyond += 1
            is_blocked = self._beyond > self._assume["block_after"]
            return 403 if is_blocked and not token.startswith("Bearer ") else 429
        if self._count(token, at) >= self._burst(token):
            return 429
        if is_search and self._count(f"search {token}", at) >= BURST_SEARCH:
            return 429
        self._recent[token].append(at)
        if is_search:
            self._recent[f"search {token}"].append(at)
        return 0

    def charge(self, cost: int) -> None:
        self.today += cost
        self.tokens_spent += cost

    def headers(self, token: str, at: datetime) -> dict[str, str]:
        """Where the burst limit stands. Reset is in seconds, as users report."""
        if not self._assume["ratelimit_headers"]:
            return {}
        limit = self._burst(token)
        return {
            "x-ratelimit-limit": str(limit),
            "x-ratelimit-remaining": str(max(limit - self._count(token, at), 0)),
            "x-ratelimit-reset": str(self.reset_s(token, at)),
        }

    def reset_s(self, token: str, at: datetime) -> int:
        recent = self._recent[token]
        left = (recent[0] + WINDOW - at).total_seconds() if recent else WINDOW.total_seconds()
        return max(ceil(left), 1)

    def _burst(self, token: str) -> int:
        table = BURST_OAUTH if token.startswith("Bearer ") else BURST_API_TOKEN
        return table[self._assume["plan"]]

    def _count(self, token: str, at: datetime) -> int:
        recent = self._recent[token]
        while recent and recent[0] <= at - WINDOW:
            recent.popleft()
        return len(recent)
