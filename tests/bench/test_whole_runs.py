"""Whole runs: rows, the end of settling, and what changes between the runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.tables import markdown
from bench.whole_runs import (
    COLUMNS,
    MAILIGEN,
    SEGMENTS,
    SIZES,
    TAGS,
    BrokenRunError,
    Measured,
    Place,
    Played,
    connections,
    everybody_tagged,
    held,
    repetitions,
    row,
    some_members_rename,
    some_rename,
    until_quiet,
)
from pipelines.settings import MailchimpConnection
from sandbox import server

MIB = 2**20


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with server.start(people=750) as running:
        yield running.url


def test_a_row_tells_the_median_and_between_what_the_repetitions_lay() -> None:
    taken = [Measured(s, s / 2, int(s) * MIB, 40, 50, 6) for s in (3.0, 1.0, 2.0)]
    assert row("segments", 10_000, "first", taken) == [
        "segments", "10,000", "first", "2.0 (1.0-3.0)", "1.0 (0.5-1.5)", "2 (1-3)", "40 (40-40)",
        "50 (50-50)", "6 (6-6)",
    ]  # fmt: skip
    assert "| segments | 10,000  |" in markdown(COLUMNS, [row("segments", 10_000, "first", taken)])


def test_the_sandboxs_own_memory_stands_below() -> None:
    played = [Played({}, size * MIB) for size in (40, 44, 42)]
    assert held("segments", 1_000, played) == (
        "- the sandbox itself, segments at 1,000: 42 (40-44) MiB"
    )


def test_sizes_are_played_fewer_times_the_larger_they_are() -> None:
    assert [repetitions(people) for people in (*SIZES, 1_000_000)] == [3, 3, 1, 1]


def test_settling_ends_with_the_first_run_that_writes_nothing() -> None:
    writes = iter([7, 2, 0, 9])
    until_quiet(lambda: next(writes))
    assert next(writes) == 9


def test_a_sync_that_never_stops_writing_is_broken_at_the_fifth_run() -> None:
    runs = []

    def run() -> int:
        runs.append("run")
        return 1

    with pytest.raises(BrokenRunError, match="run 5"):
        until_quiet(run)
    assert len(runs) == 5


def test_a_million_creates_of_two_calls_each_are_within_mailchimps_day() -> None:
    mail = MailchimpConnection.model_validate(connections("http://127.0.0.1:1")["mail"])
    assert mail.calls_per_day * mail.quota_share > 2_000_000


def test_one_person_in_a_hundred_is_renamed(url: str, tmp_path: Path) -> None:
    place = Place(url, tmp_path, MAILIGEN)
    there = [one["id"] for one in place.persons()]
    assert len(there) > 600, "two pages at least"
    some_rename(place)
    renamed = [p["id"] for p in place.persons() if str(p["first_name"]).startswith("Renamed")]
    assert renamed == there[::100]


def test_everybody_gets_one_of_the_tags_and_some_members_are_renamed(
    url: str, tmp_path: Path
) -> None:
    place = Place(url, tmp_path, SEGMENTS)
    everybody_tagged(place)
    members_at = f"/lists/{place.audience()}/members"
    members = place.members(members_at, {"count": 1000})
    tagged = [m for m in members if {tag["name"] for tag in m["tags"]} & set(TAGS)]
    # More than a call takes; left out are those without an address, and those who left for good.
    assert len(tagged) > 0.9 * sum(1 for _ in place.persons()) > 600
    some_members_rename(place)
    after = place.members(members_at, {"count": 1000})
    names = {m["contact_id"]: m["merge_fields"]["FNAME"] for m in members}
    renamed = [m for m in after if m["merge_fields"]["FNAME"] != names[m["contact_id"]]]
    assert renamed == after[::100]
