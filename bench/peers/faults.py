"""What happens to a contestant in the middle of its job, the same for all of them.

The place is drawn from the names of fault and trial alone: every contestant meets the same.
"""

from dataclasses import dataclass
from random import Random
from typing import Any

FIRST, LAST = 5, 34  # of forty: never at the edges, where nothing is left to lose or to double
HELD_BACK_S = 60.0  # an answer held back this long has not come when its caller dies
NOTES = {"vendor": "pipedrive", "method": "POST", "path": "*/notes"}


@dataclass(frozen=True)
class Fault:
    """One kind of trouble. `order` is posted to the sandbox; None when only we do something."""

    name: str
    order: dict[str, Any] | None
    is_killed: bool

    def place(self, trial: int) -> int:
        """How many notes were asked for before it happens."""
        return Random(f"{self.name}/{trial}").randint(FIRST, LAST)

    def orders(self, trial: int) -> list[dict[str, Any]]:
        """What the sandbox is told before the job starts."""
        return [] if self.order is None else [NOTES | self.order | {"after": self.place(trial)}]


FAULTS = (
    Fault("SIGKILL at a drawn moment", None, True),
    Fault("SIGKILL before the answer is read", {"kind": "delay", "delay_s": HELD_BACK_S}, True),
    Fault("request lost on its way", {"kind": "lost_request"}, False),
    Fault("answer lost", {"kind": "lost_answer"}, False),
    Fault(
        "503 after the commit",
        {"kind": "status", "status": 503, "after_commit": True, "body": "upstream went away"},
        False,
    ),
    Fault("answer cut in the middle", {"kind": "truncate"}, False),
)
