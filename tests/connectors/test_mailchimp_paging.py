"""Walks over an audience that changes between two pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import ReadFailed
from connectors.mailchimp.paging import walk
from connectors.mailchimp.wire import Page


class Audience:
    """A list in some order, served in pages; `between` is done to it after each page."""

    def __init__(self, count, page=10, between=()):
        self.rows = [{"contact_id": f"c{n}"} for n in range(count)]
        self.page, self.between, self.asked = page, list(between), []

    def fetch(self, offset):
        self.asked.append(offset)
        found = Page(len(self.rows), list(self.rows[offset : offset + self.page]))
        if self.between:
            self.between.pop(0)(self.rows)
        return found

    def walked(self, shared=3):
        pages = walk(self.fetch, name="x", key=lambda row: row["contact_id"], shared=shared)
        return [row["contact_id"] for page in pages for row in page]


def names(*numbers):
    return [f"c{n}" for n in numbers]


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 17, 18, 40])
def test_a_list_that_stands_still_comes_whole_and_once(count):
    """ALL-09"""
    assert Audience(count).walked() == names(*range(count))


def test_a_list_of_one_page_is_asked_for_once():
    """ALL-05: a call costs one of ten connections"""
    audience = Audience(10)
    audience.walked()
    assert audience.asked == [0]


def test_a_row_that_goes_makes_the_walk_jump_over_nobody():
    """ALL-09: in plain steps c10 would be lost, and the total would still agree"""
    audience = Audience(20, between=[lambda rows: rows.pop(0)])
    assert set(audience.walked()) == set(names(*range(20)))


def test_a_row_that_changes_moves_to_the_end_and_comes_once():
    """ALL-09: sorted by last change"""
    audience = Audience(20, between=[lambda rows: rows.append(rows.pop(2))])
    assert audience.walked() == names(*range(20))


def test_a_row_that_comes_in_between_is_met_or_left_to_the_next_walk():
    """ALL-09"""
    audience = Audience(20, between=[lambda rows: rows.insert(0, {"contact_id": "new"})])
    found = audience.walked()
    assert set(found) >= set(names(*range(20)))
    assert len(found) == len(set(found))


def test_more_rows_gone_than_pages_share_make_the_walk_begin_anew():
    """ALL-09"""

    def leave(rows):
        del rows[:8]

    audience = Audience(30, between=[leave])
    assert set(audience.walked()) == set(names(*range(30)))
    assert audience.asked.count(0) == 2


def test_a_list_that_never_stands_still_fails_the_read():
    """ALL-09: what was yielded is not everybody"""

    def leave(rows):
        del rows[:8]

    with pytest.raises(ReadFailed, match="rows moved"):
        Audience(60, between=[leave] * 9).walked()


@pytest.mark.parametrize("served", [5, 0])
def test_fewer_rows_than_the_vendor_counts_fail_the_read(served):
    """ALL-09"""
    rows = [{"contact_id": f"c{n}"} for n in range(served)]
    pages = walk(lambda offset: Page(9, rows[offset:]), name="x", key=lambda row: row["contact_id"])
    with pytest.raises(ReadFailed, match=f"{served} of 9 rows"):
        list(pages)


def test_a_vendor_that_ignores_the_offset_is_not_read_for_ever():
    """ALL-04"""
    rows = [{"contact_id": f"c{n}"} for n in range(5)]
    pages = walk(lambda _: Page(10**9, rows), name="x", key=lambda row: row["contact_id"])
    with pytest.raises(ReadFailed, match="the same 5 of 1000000000 rows"):
        list(pages)


def test_a_page_of_known_rows_alone_is_not_the_end():
    """ALL-09: one row gone, and two that changed moved to the end behind what came twice"""

    def live(rows):
        del rows[0]
        rows.append(rows.pop(0))
        rows.append(rows.pop(2))

    assert set(Audience(8, page=4, between=[live]).walked()) == set(names(*range(8)))


@pytest.mark.parametrize("page", [1, 2, 3])
def test_pages_smaller_than_what_they_share_still_come_to_an_end(page):
    """ALL-09: whatever page size the vendor serves"""
    assert set(Audience(7, page=page).walked()) == set(names(*range(7)))


@given(
    st.integers(0, 60), st.integers(4, 15),
    st.lists(st.lists(st.tuples(st.sampled_from(["go", "change", "come"]), st.integers(0, 59)),
                      max_size=3), max_size=8),
)  # fmt: skip
def test_whoever_was_there_throughout_is_met_or_the_walk_fails(count, page, lives):
    """ALL-09: leaving, changing (moving to the end) and joining between any two pages"""
    touched = set()

    def live(acts):
        def happen(rows):
            for act, at in acts:
                if act == "come":
                    rows.append({"contact_id": f"n{len(rows)}-{at}"})
                elif at < len(rows):
                    row = rows.pop(at)
                    if act == "go":
                        touched.add(row["contact_id"])
                    else:
                        rows.append(row)

        return happen

    audience = Audience(count, page=page, between=[live(acts) for acts in lives])
    try:
        found = audience.walked(shared=3)
    except ReadFailed:
        return
    assert len(found) == len(set(found))
    assert set(names(*range(count))) - touched <= set(found)
