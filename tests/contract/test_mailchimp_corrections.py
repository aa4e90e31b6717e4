"""What the check forgives Mailchimp's contract is forgiven there and nowhere else."""

from typing import Any

import pytest

from tests.contract.exchange import OURS, Exchange
from tests.contract.mailchimp import MAILCHIMP

pytestmark = pytest.mark.skipif(bool(MAILCHIMP.why_absent()), reason=MAILCHIMP.why_absent())
LIST = "/3.0/lists/0123456789"
MEMBER = f"{LIST}/members/{'0' * 32}"
PROBLEM = {"title": "Member Exists", "status": 400, "detail": "x", "instance": "y"}


def complaints(
    method: str,
    path: str,
    sent: Any = None,
    answered: Any = None,
    *,
    status: int = 200,
    **query: str,
) -> list[str]:
    told = {"type": "application/json"}
    request = None if sent is None else told | {"json": sent}
    answer = None if answered is None else told | {"json": answered}
    asked = tuple(query.items())
    return MAILCHIMP.hold(Exchange("mailchimp", OURS, method, path, asked, status, request, answer))


def test_a_problem_may_lack_its_type_and_nothing_else() -> None:
    """ALL-06: refusals are held against the contract's problem document too."""
    assert not complaints("POST", f"{LIST}/members", answered=PROBLEM, status=400)
    without = {name: value for name, value in PROBLEM.items() if name != "detail"}
    assert "'detail' is a required" in complaints("GET", MEMBER, answered=without, status=404)[0]


def test_a_change_may_be_partial_and_what_is_made_may_not() -> None:
    """ALL-06: required members count where a thing is made."""
    assert not complaints("PATCH", LIST, {"name": "A"})
    assert complaints("POST", "/3.0/lists", {"name": "A"})
    assert not complaints("PUT", MEMBER, {"email_address": "a@new.example", "status": "cleaned"})
    assert complaints("PUT", MEMBER, {"status": "cleaned"})


def test_rows_that_are_answered_one_by_one_may_be_wrong_and_their_array_may_not() -> None:
    """ALL-06: bulk calls are good although rows of theirs are bad."""
    assert not complaints("POST", LIST, {"members": [None]})
    assert complaints("POST", LIST, {"members": "x"})
    assert complaints("POST", f"{LIST}/members", {"email_address": 5, "status": "cleaned"})


def test_an_answer_in_part_may_lack_what_was_not_asked_for() -> None:
    """ALL-06: only where the caller asked for a part."""
    assert not complaints("GET", "/3.0/lists", answered={"total_items": 2}, fields="total_items")
    assert complaints("GET", "/3.0/lists", answered={"total_items": 2})
    wrong = complaints("GET", "/3.0/lists", answered={"total_items": "2"}, fields="total_items")
    assert "not of type 'integer'" in wrong[0]


def test_parameters_of_both_files_are_known_and_others_are_not() -> None:
    """ALL-06: the newer file adds calls and parameters, the older one bodies and answers."""
    assert not complaints("GET", f"{LIST}/members", count="10", since_last_changed="2026-01-01")
    assert "unknown" in complaints("GET", f"{LIST}/members", limit="10")[0]
    assert "3.0 GET /audiences" in MAILCHIMP.operations()
    value = {"email_address": "a@new.example", "status": "cleaned", "merge_fields": {"FNAME": "A"}}
    assert not complaints("POST", f"{LIST}/members", value)


def test_pages_beside_the_api_are_taken_by_name() -> None:
    """MC-01: the login host and the results of batches are no part of the contract."""
    assert not complaints("POST", "/oauth2/token")
    assert not complaints("GET", "/batch-results/0123456789-response.tar.gz")
    assert complaints("GET", "/oauth2/elsewhere")
