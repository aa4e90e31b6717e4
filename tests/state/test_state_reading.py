"""What SQL gets to see of the state: the rows it needs, typed, whatever the database tells."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from state_rows import note

from state import consent, deeds, ledger
from state.consent import Seen
from state.lease import acquire

KEY = b"k" * 32


def sent(lease, *keys):
    ledger.seal(lease, deeds=[note(key) for key in keys])
    deeds.claim(lease, keys, lease.state.now())
    deeds.done(lease, [(key, f"id of {key}") for key in keys])


def next_run(lease, clock):
    clock.advance(61)
    return acquire(lease.state, lease.sync, run_id=f"run-{lease.fence + 1}")


def test_times_and_truths_arrive_typed_also_where_there_are_none(lease):
    """SQLite keeps both as something else: text without its zone, and 0 or 1."""
    nobody = deeds.read(lease.state, "nobody")
    sent(lease, "a")
    rows = deeds.read(lease.state, lease.sync)
    assert rows.schema == nobody.schema
    assert rows.schema.field("settled_at").type == pa.timestamp("us", tz="UTC")
    (row,) = rows.to_pylist()
    assert row["settled_at"] == lease.state.now()
    assert row["is_adopted"] is False


def test_some_columns_are_read_alone(lease):
    sent(lease, "a")
    rows = deeds.read(lease.state, lease.sync, columns=("write_key", "state"))
    assert rows.to_pylist() == [{"write_key": "a", "state": "done"}]


@pytest.mark.parametrize("most_runs", [0, 1_000], ids=["all of them", "by their names"])
def test_what_no_run_kept_comes_and_what_one_kept_does_not(
    lease, clock, monkeypatch: pytest.MonkeyPatch, most_runs
):
    """ALL-12: by the names of runs, or all that was sent where there are more than one can name."""
    monkeypatch.setattr(ledger, "MOST_RUNS", most_runs)
    sent(lease, "kept")
    second = next_run(lease, clock)
    sent(second, "died")
    third = next_run(second, clock)
    ledger.seal(third, deeds=[note("waits")])

    def keys(**more):
        rows = ledger.outside(lease.state, "deeds", lease.sync, ["run-1"], **more).to_pylist()
        return {row["write_key"] for row in rows} - ({"kept"} if most_runs == 0 else set())

    assert keys() == {"died"}
    assert keys(or_sweep=third.sweep) == {"died", "waits"}


def test_what_a_run_created_is_told_by_object(lease, clock):
    sent(lease, "a")
    second = next_run(lease, clock)
    sent(second, "b", "c")
    assert deeds.created(lease.state, lease.sync, "run-2") == [
        ("note", "id of b"), ("note", "id of c"),
    ]  # fmt: skip


@pytest.mark.parametrize("chunk", [1, 100], ids=["many", "few"])
def test_what_stands_against_addresses_is_found_however_many_are_asked_for(
    state, monkeypatch: pytest.MonkeyPatch, chunk
):
    """ALL-08: lifted entries and other accounts' stand against nobody."""
    monkeypatch.setattr(consent, "CHUNK", chunk)
    seen = [Seen(f"{name}@x.org", "unsubscribed", "said so") for name in ("ann", "bob", "cid")]
    consent.record(state, "acme", seen[:2], key=KEY, home=None)
    consent.record(state, "other", seen[2:], key=KEY, home=None)
    asked = ["Ann@x.org ", "cid@x.org", "dora@x.org"]
    (found,) = consent.in_force(state, "acme", asked, key=KEY)
    assert (found.address, found.kind) == ("Ann@x.org ", "unsubscribed")
    assert found.first_seen_at <= datetime.now(UTC)
    assert consent.in_force(state, "nobody", asked, key=KEY) == []
