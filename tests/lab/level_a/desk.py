"""The lab's own look at the state database: plain SQL, past the engine and its commits.

One database in memory serves all schedules of a process. Asking the ledger's own reports instead
would take a third of a schedule's time, and would believe what is to be judged.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import orjson
from sqlalchemy import Engine

from state import lease
from state.database import open_state

TABLES = ("deeds", "settings", "leases", "syncs", "row_claims")
ASKED = (
    "this_process",
    "is_dead",
)  # of state.lease; `holders` answers, afterwards it is as it was
OPEN = "state NOT IN ('done', 'withdrawn')"


class Desk:
    """An open database between schedules and beside the holders' transactions."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._connection: Any = engine.raw_connection().driver_connection

    def ask(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._connection.execute(query, values).fetchall()
        return found

    def count(self, condition: str, sync: str = "%") -> int:
        """Rows of the ledger, deeds and settings together; of one sync or of all."""
        ((deeds, settings),) = self.ask(
            f"SELECT (SELECT count(*) FROM deeds WHERE sync LIKE ? AND {condition}),"
            f" (SELECT count(*) FROM settings WHERE sync LIKE ? AND {condition})",
            sync, sync,
        )  # fmt: skip
        return int(deeds + settings)

    def acknowledged(self) -> dict[str, Any]:
        """What the ledger believes members to hold."""
        rows = self.ask("SELECT subject, acknowledged FROM settings WHERE acknowledged NOT NULL")
        return {subject: orjson.loads(value) for subject, value in rows}

    def empty(self) -> None:
        for name in TABLES:
            self._connection.execute(f"DELETE FROM {name}")

    def forget_intents(self) -> None:
        """What a crash leaves when claims are not durable before the request leaves."""
        for name in ("deeds", "settings"):
            self._connection.execute(f"UPDATE {name} SET state = 'planned' WHERE state = 'sending'")


@contextmanager
def open_desk() -> Iterator[Desk]:
    """The database; and while it is open, holders say which process runs and which is dead."""
    state = open_state("sqlite://")
    asked = (patch.object(lease, name, getattr(lease, name)) for name in ASKED)
    with ExitStack() as stack:
        stack.callback(state.close)
        for each in asked:
            stack.enter_context(each)
        yield Desk(state.engine)
