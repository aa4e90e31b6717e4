"""What calls cost, counted before they leave.

A client tells its meter about every request; the meter decides nothing about
the request itself, only when, and whether, it may go.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Protocol


class Meter(Protocol):
    """Whoever keeps an account's budget; shared by all that call the account."""

    def spend(self, cost: int, kind: str) -> None:
        """Take `cost` (vendor's tokens, or calls) off the budget.

        Called once before each request leaves, repeated reads included. `kind`
        is "read", "write" or "search". May wait for the burst window; raises
        QuotaExhausted when the share is used up, and then nothing was sent.
        """

    def learned(self, headers: Mapping[str, str]) -> None:
        """Note what an answer's headers (names in lower case) say of the limits."""

    def blocked(self, seconds: float, said: str) -> None:
        """Remember, for all who share the account, that the vendor turned us away."""


class Tally:
    """A meter that only counts: what did these calls cost?"""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.costs: Counter[str] = Counter()
        self.blocks: list[tuple[float, str]] = []

    @property
    def request_count(self) -> int:
        return self.requests.total()

    @property
    def cost(self) -> int:
        return self.costs.total()

    def spend(self, cost: int, kind: str) -> None:
        self.requests[kind] += 1
        self.costs[kind] += cost

    def learned(self, headers: Mapping[str, str]) -> None:
        """Counting needs no headers."""

    def blocked(self, seconds: float, said: str) -> None:
        self.blocks.append((seconds, said))
