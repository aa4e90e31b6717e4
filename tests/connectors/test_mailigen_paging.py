"""Pages are walked to their real end, whatever size the vendor serves."""

import pytest

from connectors.errors import ReadFailed
from connectors.mailigen.paging import Pace, until_empty, until_total

ROWS = [f"{n}@x.lv" for n in range(130)]


def vendor(rows, *, cap, multiplies):
    """Serve at most `cap` rows; the page number counts pages as asked, or as served."""

    def fetch(start, limit):
        served = min(limit, cap)
        first = start * (limit if multiplies == "asked" else served)
        return rows[first : first + served]

    return fetch


@pytest.mark.parametrize("cap", [25, 50, 1000])
@pytest.mark.parametrize("multiplies", ["asked", "served"])
def test_all_rows_come_whatever_page_the_vendor_serves(cap, multiplies):
    fetch = vendor(ROWS, cap=cap, multiplies=multiplies)
    plain = until_empty(fetch, name="n", limit=1000, default=25)
    counted = until_total(
        lambda start, limit: (len(ROWS), fetch(start, limit)), name="n", limit=1000, key=str
    )
    for pages in (plain, counted):
        assert [row for page in pages for row in page] == ROWS


def test_a_page_shorter_than_any_default_is_the_last_and_costs_no_second_call():
    asked = []

    def fetch(start, limit):
        asked.append(start)
        return ROWS[:7]

    assert list(until_empty(fetch, name="n", limit=15_000, default=100)) == [ROWS[:7]]
    assert asked == [0]


def test_a_vendor_that_ignores_the_page_number_is_not_read_for_ever():
    with pytest.raises(ReadFailed, match="served page 1 twice"):
        list(until_empty(lambda *_: ROWS[:50], name="n", limit=50, default=25))
    with pytest.raises(ReadFailed, match="50 of 130"):
        list(until_total(lambda *_: (130, ROWS[:50]), name="n", limit=50, key=str))


def test_fewer_openers_than_promised_fail_with_both_numbers():
    fetch = vendor(ROWS[:120], cap=50, multiplies="served")
    walk = until_total(lambda s, n: (130, fetch(s, n)), name="campaignOpened", limit=1000, key=str)
    with pytest.raises(ReadFailed, match="campaignOpened: came short: 120 of 130 rows"):
        list(walk)


def test_a_row_that_moved_to_the_next_page_does_not_hide_one_that_is_missing():
    pages = [(4, ["a", "b"]), (4, ["b", "c"]), (4, [])]
    with pytest.raises(ReadFailed, match="3 of 4"):
        list(until_total(lambda *_: pages.pop(0), name="n", limit=2, key=str))


def test_a_total_that_grows_while_reading_is_followed():
    pages = [(3, ["a", "b"]), (4, ["c"]), (4, ["d"])]
    walk = until_total(lambda *_: pages.pop(0), name="n", limit=2, key=str)
    assert list(walk) == [["a", "b"], ["c"], ["d"]]


def test_calls_leave_no_faster_than_the_pace():
    naps: list[float] = []
    seconds = iter([0.0, 0.0, 0.0, 0.0, 0.1, 5.0, 5.0])
    pace = Pace(10, sleep=naps.append, clock=lambda: next(seconds))
    for _ in range(3):
        pace.wait()
    assert naps == [pytest.approx(0.1)]
