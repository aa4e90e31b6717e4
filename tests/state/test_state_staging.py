"""The DuckDB files: what may be lost, what may not, and one query text for run and reader."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from state.errors import FileHeld, HistoryDamaged, NotAllowed
from state.raw import ROWS_AT_ONCE, put_raw, put_table, put_written
from state.staging import open_scratch, open_work, publish, published_path

AT = datetime(2026, 11, 2, 8, tzinfo=UTC)
ANN_OPENED = "INSERT INTO history.events VALUES ('c1', 'ann@x.lv', 'open', '', 7, 1, NULL, now())"
WHO_OPENED = """
    SELECT e.email, p.name
    FROM history.events AS e
    INNER JOIN staging.pipedrive__persons AS p ON p.email = e.email
    INNER JOIN raw.pipedrive__persons AS r ON r.id = p.id
"""


def put(work, *pages, **more):
    return put_raw(
        work.db,
        "pipedrive__persons",
        pages,
        keys={"id": "BIGINT"},
        run_id="run-1",
        fetched_at=AT,
        **more,
    )


def names(work):
    return work.db.sql(
        "SELECT id, body->>'name' FROM raw.pipedrive__persons ORDER BY id"
    ).fetchall()


def test_one_query_text_works_in_the_run_and_in_the_published_copy(tmp_path):
    sync = "acme-newsletter"
    with open_work(tmp_path, sync) as work:
        put(work, [{"id": 1}])
        put_table(
            work.db,
            "staging.pipedrive__persons",
            pa.table({"id": [1], "name": ["Ann"], "email": ["ann@x.lv"]}),
        )
        work.db.execute(ANN_OPENED)
        in_the_run = work.db.sql(WHO_OPENED).fetchall()
        publish(work)
        with duckdb.connect(str(published_path(tmp_path, sync)), read_only=True) as reader:
            assert reader.sql(WHO_OPENED).fetchall() == in_the_run == [("ann@x.lv", "Ann")]


def test_a_view_of_the_run_reads_the_copy_it_is_in_by_whatever_name(tmp_path):
    asked = "SELECT email, sweep FROM {place}resolve.opened"
    with open_work(tmp_path, "acme") as work:
        work.db.execute(ANN_OPENED)
        work.db.execute("CREATE VIEW resolve.opened AS SELECT email, sweep FROM history.events")
        publish(work)
        work.db.execute("UPDATE history.events SET sweep = 8")
        assert work.db.sql(asked.format(place="")).fetchall() == [("ann@x.lv", 8)]
    moved = published_path(tmp_path, "acme").rename(tmp_path / "for-analysts.duckdb")
    with duckdb.connect(str(moved), read_only=True) as reader:
        assert reader.sql(asked.format(place="")).fetchall() == [("ann@x.lv", 7)]
    with duckdb.connect() as reader:
        reader.execute(f"ATTACH '{moved}' AS theirs (READ_ONLY)")
        assert reader.sql(asked.format(place="theirs.")).fetchall() == [("ann@x.lv", 7)]


def test_a_view_that_fits_its_tables_no_more_is_left_out_of_the_copy(tmp_path):
    with open_work(tmp_path, "acme") as work:
        work.db.execute("CREATE TABLE resolve.held (email VARCHAR)")
        work.db.execute("CREATE VIEW resolve.seen AS SELECT email FROM resolve.held")
        work.db.execute("CREATE OR REPLACE TABLE resolve.held (address VARCHAR)")
        publish(work)
    with duckdb.connect(str(published_path(tmp_path, "acme")), read_only=True) as reader:
        assert reader.sql("FROM resolve.held").fetchall() == []
        with pytest.raises(duckdb.CatalogException):
            reader.sql("FROM resolve.seen")


def test_a_sync_named_like_a_stage_is_refused(tmp_path):
    with pytest.raises(NotAllowed, match="name of a stage"), open_work(tmp_path, "raw"):
        pass


def test_a_reader_keeps_the_copy_it_opened_while_the_next_is_published(tmp_path):
    with open_work(tmp_path, "acme") as work:
        publish(work)
        reader = duckdb.connect(str(published_path(tmp_path, "acme")), read_only=True)
        work.db.execute(ANN_OPENED)
        publish(work)
        assert reader.sql("SELECT count(*) FROM history.events").fetchall() == [(0,)]
        reader.close()
        assert [file.name for file in (tmp_path / "published").iterdir()] == ["acme.duckdb"]


def test_a_copy_that_fails_leaves_the_old_one_and_the_files_usable(tmp_path, monkeypatch):
    with open_work(tmp_path, "acme") as work:
        publish(work)
        gone = ("work", "raw", "gone")
        monkeypatch.setattr("state.staging._tables", lambda *_: [gone])
        with pytest.raises(duckdb.CatalogException, match="gone"):
            publish(work)
        monkeypatch.undo()
        work.db.execute(ANN_OPENED)
        assert [file.name for file in (tmp_path / "published").iterdir()] == ["acme.duckdb"]
        publish(work)
        with duckdb.connect(str(published_path(tmp_path, "acme")), read_only=True) as reader:
            assert reader.sql("SELECT count(*) FROM history.events").fetchall() == [(1,)]


def test_a_deleted_work_file_comes_back_empty_under_another_generation(tmp_path):
    with open_work(tmp_path, "acme") as work:
        first = work
        put(work, [{"id": 1}])
        work.db.execute(ANN_OPENED)
    with open_work(tmp_path, "acme") as again:
        assert again.generation == first.generation
    (tmp_path / "work" / "acme.duckdb").unlink()
    with open_work(tmp_path, "acme") as fresh:
        assert fresh.generation != first.generation
        assert fresh.history_generation == first.history_generation
        assert fresh.db.sql("SELECT email FROM history.events").fetchall() == [("ann@x.lv",)]


def test_a_history_with_a_key_on_its_events_loses_the_key_and_no_row(tmp_path):
    """The index over ten million of them would not fit into a run's memory."""
    kept = "SELECT * EXCLUDE (first_seen_at) FROM history.events ORDER BY ALL"
    with open_work(tmp_path, "acme") as work:
        work.db.execute("ALTER TABLE history.events ADD PRIMARY KEY (campaign, email, kind, link)")
        work.db.execute(ANN_OPENED)
        work.db.execute(ANN_OPENED.replace("ann", "bob"))
        rows = work.db.execute(kept).fetchall()
        with pytest.raises(duckdb.ConstraintException):
            work.db.execute(ANN_OPENED)
    for _ in range(2):
        with open_work(tmp_path, "acme") as again:
            assert again.db.execute(kept).fetchall() == rows
            assert len(rows) == 2
            again.db.execute("BEGIN")
            again.db.execute(ANN_OPENED)
            again.db.execute("ROLLBACK")


def test_a_damaged_work_file_is_replaced(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "acme.duckdb").write_bytes(b"not a database" * 1000)
    with open_work(tmp_path, "acme") as work:
        assert put(work, [{"id": 1}]) == 1


def test_a_damaged_history_is_refused_and_names_the_backup(tmp_path):
    with open_work(tmp_path, "acme"):
        pass
    past = tmp_path / "history" / "acme.duckdb"
    backup = tmp_path / "backup" / "2026-11-01" / "acme.duckdb"
    backup.parent.mkdir(parents=True)
    backup.write_bytes(past.read_bytes())
    past.write_bytes(b"not a database" * 1000)
    with (
        pytest.raises(HistoryDamaged, match=r"restore it.*2026-11-01"),
        open_work(tmp_path, "acme"),
    ):
        pass
    assert past.read_bytes().startswith(b"not a database")


def test_another_history_than_the_state_knows_is_refused(tmp_path):
    with (
        pytest.raises(HistoryDamaged, match="not the history this sync had"),
        open_work(tmp_path, "acme", expected_history="the old one"),
    ):
        pass


def test_a_file_open_in_another_process_says_which(tmp_path):
    code = f"""
import sys
from pathlib import Path
from state.staging import open_work
with open_work(Path({str(tmp_path)!r}), "acme"):
    print("open", flush=True)
    sys.stdin.readline()
"""
    holder = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout.readline() == "open\n"
    with pytest.raises(FileHeld, match=f"process {holder.pid}"), open_work(tmp_path, "acme"):
        pass
    holder.communicate("\n")
    with open_work(tmp_path, "acme"):
        pass


def test_records_that_came_twice_are_kept_as_they_came_last(tmp_path):
    with open_work(tmp_path, "acme") as work:
        count = put(
            work, [{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"}], [{"id": 1, "name": "Anne"}]
        )
        assert count == 2
        assert names(work) == [(1, "Anne"), (2, "Bob")]


def test_a_merge_keeps_what_did_not_come_again_and_a_replace_drops_it(tmp_path):
    with open_work(tmp_path, "acme") as work:
        put(work, [{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"}])
        put(work, [{"id": "2", "name": "Rob"}], mode="merge")
        assert names(work) == [(1, "Ann"), (2, "Rob")]
        put(work, [{"id": 3, "name": "Cid"}])
        assert names(work) == [(3, "Cid")]


def test_a_walk_that_breaks_off_leaves_the_whole_one_in_place(tmp_path):
    def broken():
        yield [{"id": 9, "name": "Half"}]
        raise ConnectionError

    with open_work(tmp_path, "acme") as work:
        put(work, [{"id": 1, "name": "Ann"}])
        with pytest.raises(ConnectionError):
            put_raw(
                work.db,
                "pipedrive__persons",
                broken(),
                keys={"id": "BIGINT"},
                run_id="r",
                fetched_at=AT,
            )
        assert names(work) == [(1, "Ann")]


def test_a_dry_run_sees_the_published_history_and_leaves_nothing(tmp_path):
    with open_work(tmp_path, "acme") as work:
        work.db.execute(ANN_OPENED)
        publish(work)
        with open_scratch(tmp_path, "acme") as scratch:
            assert scratch.generation != work.generation
            assert scratch.db.sql("SELECT email FROM history.events").fetchall() == [("ann@x.lv",)]
        assert not scratch.home.exists()


def put_texts(work, pages, **more):
    return put_written(
        work.db, "pipedrive__persons", pages, keys={"id": "BIGINT"}, run_id="run-1",
        fetched_at=AT, **more,
    )  # fmt: skip


def texts(numbers, name):
    return [(one, f'{{"id": {one}, "name": "{name}"}}') for one in numbers]


@pytest.mark.parametrize("count", [3, ROWS_AT_ONCE, 3 * ROWS_AT_ONCE])
def test_texts_are_kept_as_records_are(tmp_path, count):
    """ALL-02: as it came last, whatever came before it is dropped or left as the mode says."""
    with open_work(tmp_path, "acme") as work:
        pages = [texts(range(1, count + 1), "Ann"), texts([2], "Bea")]
        assert put_texts(work, pages) == count
        assert names(work)[:3] == [(1, "Ann"), (2, "Bea"), (3, "Ann")]
        assert len(names(work)) == count
        assert put_texts(work, [texts([3, count + 1], "Cid")], mode="merge") == 2
        assert dict(names(work))[3] == dict(names(work))[count + 1] == "Cid"
        assert put_texts(work, [texts([1], "Dan")]) == 1
        assert names(work) == [(1, "Dan")]


@pytest.mark.parametrize("mode", ["replace", "merge"])
@pytest.mark.parametrize("count", [1, 3 * ROWS_AT_ONCE])
def test_texts_that_break_off_change_nothing(tmp_path, mode, count):
    """ALL-02"""

    def breaks_off():
        yield texts(range(1, count + 1), "Ann")
        raise ConnectionError("gone")

    with open_work(tmp_path, "acme") as work:
        put_texts(work, [texts([1], "Bea")])
        with pytest.raises(ConnectionError):
            put_texts(work, breaks_off(), mode=mode)
        assert names(work) == [(1, "Bea")]
        odd = [texts(range(1, ROWS_AT_ONCE + 1), "Ann"), [("x", "{}")] * ROWS_AT_ONCE]
        with pytest.raises(duckdb.ConversionException):
            put_texts(work, [*odd, texts([1], "Cid")], mode=mode)
        assert names(work) == [(1, "Bea")]


def test_only_bodies_are_kept_as_zstd_whatever_becomes_of_them(tmp_path):
    def forced(work):
        return work.db.sql("SELECT current_setting('force_compression')").fetchall()

    with open_work(tmp_path, "acme") as work:
        before = forced(work)
        put_texts(work, [texts(range(1, 4 * ROWS_AT_ONCE), 400 * "Ann")])  # 40 MB: written at once
        assert forced(work) == before
        kept = work.db.sql(
            "SELECT DISTINCT compression FROM pragma_storage_info('raw.pipedrive__persons') "
            "WHERE column_name = 'body' AND segment_type = 'JSON'"
        ).fetchall()
        assert ("ZSTD",) in kept
        with pytest.raises(duckdb.ConversionException):
            put_texts(work, [[("x", "{}")] * 200])
        assert forced(work) == before
