"""What to do to the next matching requests and deliveries, and how often.

    kind              request handled?        what the caller sees
    lost_request      no                      connection dropped without a byte
    lost_answer       yes                     connection dropped without a byte
    late_commit       `delay_s` later         connection dropped without a byte
    break_off         its first `rows` rows   connection dropped without a byte (Mailigen's batches;
                                              any other request is handled whole)
    status            no (`after_commit`: yes)  `status`, `headers`, `body`
    delay             yes, then `delay_s` real seconds of silence (`after_commit: false`: before)
    truncate          yes                     the head promises all, half the body comes
    garble            yes                     `member` of the answer is `body`, see garble.py
    noise             yes                     the head, then random bytes, the same for a `seed`
    stale_search      yes                     searches see the books of `lag_s` ago
    rate_limit        no                      the vendor's 429
    html_403          no                      the vendor's block page
    drop_webhook, double_webhook, reorder_webhooks   deliveries, not requests

Only the first fault that matches and still has times left acts on a request. `about` is a text
that a delivery's body holds: with it a fault meets the webhooks of one record alone.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

ON_REQUESTS = frozenset(
    {"lost_request", "lost_answer", "late_commit", "break_off", "status", "delay", "truncate",
     "garble", "noise", "stale_search", "rate_limit", "html_403"}
)  # fmt: skip
ON_DELIVERIES = frozenset({"drop_webhook", "double_webhook", "reorder_webhooks"})


@dataclass
class Fault:
    """One order to misbehave. `path` is a prefix, or a pattern when it has a `*`."""

    kind: str
    vendor: str = ""
    method: str = ""
    path: str = ""
    times: int = 1
    after: int = 0
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = ""
    member: str = ""
    about: str = ""
    seed: int = 0
    rows: int = 1
    delay_s: float = 1.0
    lag_s: float = 900.0
    after_commit: bool | None = None
    fired: int = 0
    id: int = 0

    def matches(self, vendor: str, method: str, path: str) -> bool:
        return (
            self.vendor in ("", vendor)
            and self.method.upper() in ("", "*", method)
            and (fnmatchcase(path, self.path) if "*" in self.path else path.startswith(self.path))
        )


def read_fault(order: Mapping[str, Any]) -> Fault:
    """A fault from what was posted; ValueError names the key or kind that does not exist."""
    known = set(Fault.__dataclass_fields__) - {"fired", "id"}
    if unknown := sorted(set(order) - known):
        raise ValueError(f"unknown keys {unknown}; a fault has {sorted(known)}")
    if order.get("kind") not in ON_REQUESTS | ON_DELIVERIES:
        raise ValueError(f"kind is one of {sorted(ON_REQUESTS | ON_DELIVERIES)}")
    return Fault(**order)


class Faults:
    """Faults in the order they were posted."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._ids = itertools.count(1)

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults)

    def add(self, fault: Fault) -> Fault:
        fault.id = next(self._ids)
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        self._faults.clear()

    def for_request(self, vendor: str, method: str, path: str) -> Fault | None:
        """The fault that acts on this request, counted as fired."""
        return self._take(ON_REQUESTS, vendor, method, path)

    def for_delivery(self, vendor: str, path: str, body: bytes = b"") -> Fault | None:
        """The fault that acts on this webhook; `path` is that of the receiving URL."""
        return self._take(ON_DELIVERIES, vendor, "POST", path, body)

    def _take(
        self, kinds: frozenset[str], vendor: str, method: str, path: str, body: bytes = b""
    ) -> Fault | None:
        for fault in self._faults:
            if fault.kind not in kinds or fault.times <= 0:
                continue
            if fault.about.encode() not in body or not fault.matches(vendor, method, path):
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            fault.times -= 1
            fault.fired += 1
            return fault
        return None
