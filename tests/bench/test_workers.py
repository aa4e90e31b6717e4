"""The judge of workers: who is missing from all lists, who came too fast, which runs overlapped."""

import doctest
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bench import workers_judge
from bench.workers import COLUMNS, Played, Start, row
from bench.workers_judge import Judged, Run, busiest, on_lists, overlapping, wanted

LISTS = {"l0": "Workers 0", "l1": "Workers 1"}
TITLES = list(LISTS.values())
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def person(*emails: str, is_deleted: bool = False, primary: int = 0) -> dict[str, Any]:
    entries = [{"value": e, "primary": n == primary} for n, e in enumerate(emails)]
    return {"emails": entries, "is_deleted": is_deleted}


def member(email: str, list_id: str, *, is_deleted: bool = False) -> dict[str, Any]:
    return {"list": list_id, "email": email, "_deleted": is_deleted}


def test_wanted_is_the_address_of_each_person_who_has_one() -> None:
    persons = [
        person("ANN@x.example"), person("a@x.example", "b@x.example", primary=1),
        person("c@x.example", "d@x.example", primary=9),
        person("gone@x.example", is_deleted=True), person(), person("n/a"), person("none@none"),
    ]  # fmt: skip
    assert wanted(persons) == {"ann@x.example", "b@x.example", "c@x.example"}


def test_an_address_that_no_list_has_is_missing_from_all_of_them() -> None:
    held = [member("ann@x.example", one) for one in LISTS]
    found = on_lists(LISTS, TITLES, {"ann@x.example", "bob@x.example"}, held)
    assert found == Judged(made=2, missing=2)


def test_a_list_that_was_never_made_lacks_everybody() -> None:
    found = on_lists({"l0": "Workers 0"}, TITLES, {"a@x.example"}, [member("a@x.example", "l0")])
    assert found == Judged(made=1, missing=1)


def test_twice_is_doubled_deleted_is_missing_and_strangers_are_not_wanted() -> None:
    members = [
        member("ANN@x.example", "l0"), member("ann@x.example", "l0"),
        member("ann@x.example", "l1", is_deleted=True), member("eve@x.example", "l1"),
        member("eve@x.example", "another list"),
    ]  # fmt: skip
    found = on_lists(LISTS, TITLES, {"ann@x.example"}, members)
    assert found == Judged(made=2, doubled=1, missing=1, unwanted=1)


def test_the_busiest_two_seconds_need_not_begin_with_a_window_of_the_clock() -> None:
    def line(second: float, vendor: str = "pipedrive", method: str = "GET") -> dict[str, Any]:
        at = (NOON + timedelta(seconds=second)).isoformat()
        return {"at": at, "vendor": vendor, "method": method}

    journal = [
        line(0.0), line(1.5), line(1.9), line(2.1), line(2.2, "mailigen"), line(2.3, method="PLAY"),
        line(3.4), line(3.5), line(9.0),
    ]  # fmt: skip
    # From 1.5 (not with 3.5, which is two seconds later) or from 1.9: four either way.
    assert busiest(journal, "pipedrive") == 4
    assert busiest(journal, "mailigen") == 1
    assert busiest([], "pipedrive") == 0


def run(sync: str, started: int, ended: int | None) -> Run:
    moments = [None if at is None else NOON + timedelta(seconds=at) for at in (started, ended)]
    assert moments[0] is not None
    return Run(sync, moments[0], moments[1])


@pytest.mark.parametrize(
    ("runs", "count"),
    [
        ([run("a", 0, 5), run("a", 5, 9), run("b", 1, 4)], 0),
        ([run("a", 0, 5), run("a", 4, 9)], 1),
        ([run("a", 0, 9), run("a", 1, 2), run("a", 3, 4)], 2),
        ([run("a", 0, None), run("a", 21, 25)], 0),
        ([run("a", 0, None), run("a", 19, 25)], 1),
    ],
    ids=["one after another", "two at once", "both within", "after the kill", "before the kill"],
)
def test_two_runs_of_one_sync_at_once_are_found(runs: list[Run], count: int) -> None:
    """ALL-13: one that died went on until the kill at 20 s"""
    assert overlapping(runs, NOON + timedelta(seconds=20)) == count
    assert overlapping(reversed(runs), NOON + timedelta(seconds=20)) == count


def test_a_run_without_an_end_goes_on_where_nobody_was_killed() -> None:
    assert overlapping([run("a", 0, None), run("a", 60, 61)], None) == 1


def test_a_row_adds_up_what_must_not_be_and_compares_by_the_round() -> None:
    def played(first_s: float, missing: int, busiest_crm: int) -> Played:
        judged = Judged(made=8, missing=missing, busiest_crm=busiest_crm)
        return Played(first_s, 10.0, 0, 0, 1, judged)

    alone = [played(20, 0, 30), played(200, 0, 30), played(40, 0, 30)]
    three = [played(10, 0, 41), played(100, 2, 57), played(40, 0, 50)]
    told = dict(zip(COLUMNS, row(Start(3), three, alone, 8, 60), strict=True))
    assert told["times one worker"] == "2.00 (1.00-2.00)"
    assert (told["missing"], told["runs of one sync at once"]) == ("2", "3")
    assert told["most in 2 s, CRM (share 60)"] == "57"
    assert told["persons an account"] == "60"
    assert not three[0].is_well


def test_the_examples_in_the_docstrings_hold() -> None:
    found = doctest.testmod(workers_judge)
    assert (found.attempted > 0, found.failed) == (True, 0)
