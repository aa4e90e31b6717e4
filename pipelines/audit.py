"""What every audit shares: its share of the budget, the round it is in, what it writes down.

round   what the ledger did from `since` until `until`, read place by place. A share of the
        budget that does not suffice ends the audit at a place; the next one goes on there.
        Once all is read, the next round begins where this one ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

from state.budgets import Budget
from transforms.build import number

STREAM = "audit"  # of the cursor
# Vendors forget what was deleted after 30 days; two days for what a round may last.
REMEMBERED = timedelta(days=28)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
Place = tuple[int, ...]
START: Place = (0, 0, 0)


class ShareUsedUp(Exception):  # noqa: N818 -- says what happened; nothing went wrong
    """The next look would cost more than what is left of the audit's share."""


@dataclass
class Share:
    """What an audit may spend on one account: a part of what was left today when it began."""

    budget: Budget
    part: float

    def __post_init__(self) -> None:
        self.allowance = int(max(self.budget.left_today, 0) * self.part)
        self._before = self.budget.spent

    @property
    def left(self) -> int:
        return self.allowance - (self.budget.spent - self._before)

    def require(self, cost: int) -> None:
        """Raise ShareUsedUp unless so much is left. A repeated read may cost more than it says."""
        if cost > self.left:
            raise ShareUsedUp(
                f"{self.budget.account}: {self.left} of {self.allowance} tokens are left, "
                f"the next look costs {cost}"
            )


@dataclass(frozen=True)
class Round:
    """Which part of the ledger's work is being looked at, and how far that has come."""

    since: datetime
    until: datetime
    after: Place = START  # everything up to here was looked at

    @classmethod
    def at(cls, cursor: Any, now: datetime) -> "Round":
        """Go on with the round of the cursor, or begin the next one."""
        if cursor is None:
            return cls(BEGINNING, now)
        until = datetime.fromisoformat(cursor["until"])
        if cursor["after"] is None:
            return cls(until, now)
        place: Place = tuple(int(part) for part in cursor["after"])
        return cls(datetime.fromisoformat(cursor["since"]), until, place)

    def cursor(self, after: Place | None) -> dict[str, Any]:
        """How far the round came; None: all of it was looked at."""
        since, until = self.since.isoformat(), self.until.isoformat()
        return {"since": since, "until": until, "after": after}


def keep_findings(
    db: duckdb.DuckDBPyConnection, run_id: str, now: datetime, *, is_complete: bool
) -> None:
    """Bring history.findings up to what audit.found holds, closing what is no longer so.

    Closed is only what audit.looked_at names; what was late, once a whole round no longer meets
    it; and what audit.known does not name: nobody looks at that again. The caller has a
    transaction open.
    """
    db.execute(FOUND, [now, now, run_id])
    db.execute(CLOSE, [now, is_complete])
    db.execute(CLOSE_UNKNOWN, [now])


def note_late(db: duckdb.DuckDBPyConnection, found: Mapping[str, Any], now: datetime) -> None:
    """Keep an adoption that came late: {run_id, write_key, account, object, remote_id, subject,
    said}."""
    db.execute(
        "INSERT INTO history.findings SELECT 'late', $write_key, $account, $object, [$remote_id], "
        f"$subject, $now, $now, $run_id, $said, NULL {AGAIN}",
        {**found, "now": now},
    )


def open_findings(db: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many duplicates and lost ones the last audits left open."""
    query = "SELECT count(*) FROM history.findings WHERE finding = ? AND closed_at IS NULL"
    kinds = {"duplicates": "duplicate", "lost": "lost", "breaches": "breach"}
    return {noun: int(number(db, query, [kind])) for noun, kind in kinds.items()}


AGAIN = """
ON CONFLICT (finding, write_key) DO UPDATE SET
    remote_ids = excluded.remote_ids,
    last_seen_at = excluded.last_seen_at,
    run_id = excluded.run_id,
    said = excluded.said,
    closed_at = NULL
"""
FOUND = f"""
INSERT INTO history.findings
SELECT finding, write_key, account, object, remote_ids, subject, ?, ?, ?, said, NULL
FROM audit.found
{AGAIN}
"""
CLOSE = """
UPDATE history.findings AS f SET closed_at = ?
WHERE
    f.closed_at IS NULL
    AND (
        (? AND f.finding = 'late')
        OR f.write_key IN (SELECT l.write_key FROM audit.looked_at AS l)
    )
    AND NOT EXISTS (
        SELECT 1 FROM audit.found AS n
        WHERE n.finding = f.finding AND n.write_key = f.write_key
    )
"""
# Sent again on a person's word, or not recognised when the state was rebuilt.
CLOSE_UNKNOWN = """
UPDATE history.findings AS f SET
    closed_at = ?,
    said = f.said || '; closed, since the ledger does not call it done any more'
WHERE
    f.closed_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM audit.known AS k WHERE k.write_key = f.write_key)
"""
