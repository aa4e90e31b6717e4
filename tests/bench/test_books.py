"""The judge of the peers: can it find what is doubled, what is missing, and its own limits?"""

from typing import Any

import pytest

from bench.peers.books import BooksDisagreeError, Verdict, judge

WANTED = ["row-0001", "row-0002", "row-0003"]


def journal(*ids: int) -> list[dict[str, Any]]:
    """A journal in which these notes were created, one request each."""
    made = [{"object": "notes", "id": str(n), "verb": "create"} for n in ids]
    return [{"seq": n, "effects": [effect]} for n, effect in enumerate(made, 1)]


def notes(**texts: str) -> list[dict[str, Any]]:
    return [{"id": int(name[1:]), "content": f"<p>{text}</p>"} for name, text in texts.items()]


def test_one_note_for_each_row_is_neither_doubled_nor_lost() -> None:
    books = notes(n1="row-0001", n2="row-0002", n3="row-0003")
    assert judge(WANTED, journal(1, 2, 3), books) == Verdict(duplicates=0, lost=0)


def test_each_further_note_of_a_row_counts_as_a_duplicate() -> None:
    books = notes(n1="row-0001", n2="row-0001", n3="row-0001", n4="row-0002")
    assert judge(WANTED, journal(1, 2, 3, 4), books) == Verdict(duplicates=2, lost=1)


def test_a_reference_below_the_text_does_not_hide_the_row() -> None:
    books = notes(n1="row-0001</p><p>ref SL-GW4M6MV7")
    assert judge(["row-0001"], journal(1), books) == Verdict(0, 0)


def test_notes_from_before_the_journal_are_nobodys_duplicates() -> None:
    books = notes(n7="row-0001", n8="row-0001")
    assert judge(["row-0001"], journal(8), books) == Verdict(0, 0)


def test_requests_without_effect_are_passed_over() -> None:
    refused = [{"seq": 1, "effects": []}]
    assert judge(["row-0001"], refused, []) == Verdict(0, 1)


def test_a_note_that_the_books_do_not_hold_stops_the_judge() -> None:
    with pytest.raises(BooksDisagreeError, match="note 5"):
        judge(WANTED, journal(5), [])


def test_a_note_of_a_row_nobody_asked_for_stops_the_judge() -> None:
    with pytest.raises(BooksDisagreeError, match="row-0099"):
        judge(WANTED, journal(1), notes(n1="row-0099"))
