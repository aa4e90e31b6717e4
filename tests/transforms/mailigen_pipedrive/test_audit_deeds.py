"""What the audit takes for a doubt, for an edit and for a delay (audit.*)."""

from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from tables import given

from pipelines.audit_tables import LOOK_QUERY
from pipelines.mailigen_pipedrive.sweep import SYNC
from pipelines.pipedrive_side.audit_reads import MOST_BY_ID, looks_of
from state.history import HISTORY_TABLES
from transforms.build import build

LEDGER = (
    "write_key:varchar | state:varchar | attempt:bigint | tries:bigint | is_adopted:boolean "
    "| remote_id:varchar | body:varchar | sending_at:timestamptz | sweep:bigint "
)
SENT = "2026-11-01 12:00:00+00"
ADDED = "write_key:varchar | remote_id:varchar | added_at:timestamptz"


@pytest.fixture
def db() -> duckdb.DuckDBPyConnection:
    db = duckdb.connect()
    db.execute("CREATE SCHEMA history")
    for table in HISTORY_TABLES:
        db.execute(table)
    db.execute("CREATE SCHEMA audit")
    db.execute(
        "CREATE TABLE audit.round AS SELECT '2026-10-01'::TIMESTAMPTZ AS since, "
        "'2026-11-02'::TIMESTAMPTZ AS until, '2026-10-05'::TIMESTAMPTZ AS remembered_since, "
        "'2026-11-02'::TIMESTAMPTZ AS vendor_now, 120.0::DOUBLE AS horizon_seconds, "
        "62.0::DOUBLE AS late_after_seconds, 3600.0::DOUBLE AS longest_seconds"
    )
    return db


def deeds(db: duckdb.DuckDBPyConnection, drawn: str) -> None:
    """Notes as the ledger has them, settled a minute after they were sent."""
    given(db, "audit.ledger", LEDGER + "\n" + drawn.strip())
    db.execute(
        "CREATE OR REPLACE TABLE audit.ledger AS SELECT *, 'crm' AS account, 'note' AS object, "
        "'c1' AS subject, 'SL-' || upper(write_key) AS marker, '' AS said, "
        f"coalesce(sending_at, '{SENT}'::TIMESTAMPTZ) + INTERVAL 1 MINUTE AS settled_at "
        "FROM audit.ledger"
    )
    build(db, SYNC, "audit.deeds")


def test_only_what_was_in_doubt_counts_as_a_doubt(db: duckdb.DuckDBPyConnection) -> None:
    db.execute(
        "INSERT INTO history.writes BY NAME SELECT 'retried' AS write_key, 'r' AS run_id, "
        "unnest([7, 8]) AS sweep, 'crm' AS account, 'note' AS object, 'c1' AS subject, "
        "'create_note' AS action, 'refused' AS state, unnest([1, 2]) AS attempt"
    )
    deeds(db, f"""
        once     | done | 1 | 0 | false | 11 | {{"person_id": 5}} | {SENT} | 7
        adopted  | done | 1 | 0 | true  | 12 | {{"person_id": 5}} | {SENT} | 7
        resent   | done | 2 | 0 | false | 13 | {{"person_id": 5}} | {SENT} | 7
        refused  | done | 3 | 2 | false | 14 | {{"person_id": 5}} | {SENT} | 7
        retried  | done | 3 | 0 | false | 15 | {{"person_id": 5}} | {SENT} | 7
        restored | done | 0 | 0 | true  | 16 |                    |        | 7
    """)  # fmt: skip

    doubted = db.execute("SELECT write_key FROM audit.deeds WHERE was_in_doubt ORDER BY ALL")

    assert doubted.fetchall() == [("adopted",), ("resent",)]


def test_what_neither_person_nor_id_leads_to_is_not_looked_at(
    db: duckdb.DuckDBPyConnection,
) -> None:
    deeds(
        db,
        """
        nowhere | done | 0 | 0 | true |    |                  | | 7
        by_id   | done | 0 | 0 | true | 16 |                  | | 7
        by_name | done | 0 | 0 | true |    | {"person_id": 5} | | 7
    """,
    )

    looks = list(looks_of(db.execute(LOOK_QUERY).fetchall(), (0, 0, 0)))

    assert [(look.place[1:], look.write_keys, look.remote_ids) for look in looks] == [
        ((0, 16), ["by_id"], ["16"]),
        ((5, 0), ["by_name"], []),
    ]
    assert all(look.sent_since is not None for look in looks)


def test_many_deeds_are_looked_at_in_portions_that_go_on_where_the_last_one_ended() -> None:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    rows = [("note", 5, number, [f"n{number}"], [str(number)], at) for number in range(1, 50)]

    looks = list(looks_of(rows, (2, 0, 0)))

    assert [len(look.remote_ids) for look in looks] == [MOST_BY_ID, MOST_BY_ID, 9]
    assert [look.place for look in looks_of(rows, looks[0].place)] == [
        look.place for look in looks[1:]
    ]


@pytest.mark.parametrize(
    ("attempt", "added_after", "delay"),
    [
        (1, [5], None),
        (1, [90], 90),
        (1, [5, 500], None),
        (1, [5_000], None),
        (2, [5, 90], 120),
        (2, [5, 500], 500),
        (2, [5, 86_400], None),
    ],
    ids=[
        "at once", "late", "and a copy of somebody's", "beyond every horizon",
        "sent again and doubled", "sent again and doubled late", "sent again, copied next day",
    ],
)  # fmt: skip
def test_a_delay_is_the_vendors_and_not_a_copyists(
    db: duckdb.DuckDBPyConnection, attempt: int, added_after: list[int], delay: float | None
) -> None:
    deeds(db, f'k | done | {attempt} | 0 | true | 1 | {{"person_id": 5}} | {SENT} | 7')
    sent = datetime.fromisoformat(SENT)
    rows = [f"k | {n} | {sent + timedelta(seconds=s)}" for n, s in enumerate(added_after, 1)]
    given(db, "audit.met", "\n".join([ADDED, *rows]))

    build(db, SYNC, "audit.delays")

    found = db.execute("SELECT delay_seconds FROM audit.delays").fetchall()
    assert found == ([] if delay is None else [(delay,)])


def test_blanks_of_another_kind_are_no_edit(db: duckdb.DuckDBPyConnection) -> None:
    text = '{"person_id": 5, "text": "Opened\u00a0 Autumn\u202foffer "}'
    deeds(db, f"k | done | 1 | 0 | false | 1 | {text} | {SENT} | 7")
    db.execute(
        "CREATE TABLE audit.things AS SELECT 'note' AS object, '1' AS remote_id, NULL AS reference,"
        " FALSE AS is_deleted, NULL::TIMESTAMPTZ AS added_at, "
        "json_object('text', unnest(['Opened Autumn offer ref SL-K', 'Opened ref SL-K'])) AS shown"
    )

    build(db, SYNC, "audit.met")

    edited = db.execute("SELECT edited_fields FROM audit.met ORDER BY len(edited_fields)")
    assert edited.fetchall() == [([],), (["text"],)]
