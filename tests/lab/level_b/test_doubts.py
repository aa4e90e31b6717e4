"""When somebody of ours knows what became of a request, and when nobody does."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from sandbox.vendor import Answer, Request
from tests.lab.level_b.doubts import Doubts

ANN, BOB = "ann@acme.example", "bob@acme.example"
OURS, ANOTHER = 1, 2


def _asked(method: str, **form: str) -> Request:
    query = [("output", "json"), ("method", method)]
    return Request("POST", "/1.8/", query, {}, urlencode(form).encode(), datetime.now(UTC))


BATCH = _asked("listBatchSubscribe", **{"batch[0][EMAIL]": "Ann@acme.example"})
INFO, LIST = _asked("listMemberInfo"), _asked("listMembers")


def _answer(told: Any) -> Answer:
    return Answer(200, {}, orjson.dumps(told))


TAKEN = _answer({"success_count": 1, "error_count": 0, "errors": []})


def test_a_batch_without_an_answer_is_in_doubt() -> None:
    doubts = Doubts()
    doubts.left(BATCH)
    assert doubts.open == {ANN}


def test_an_answer_counts_once_who_got_it_has_committed() -> None:
    doubts = Doubts()
    doubts.left(BATCH)
    doubts.heard(OURS, BATCH, TAKEN)
    assert doubts.open == {ANN}, "it may still die with what it knows"
    doubts.noted(ANOTHER)
    assert doubts.open == {ANN}
    doubts.noted(OURS)
    assert doubts.open == set()


@pytest.mark.parametrize(
    ("asked", "answer", "is_told"),
    [
        (INFO, _answer({"email": "ANN@acme.example", "status": "subscribed"}), True),
        (INFO, _answer({"email": BOB, "status": "subscribed"}), False),
        (INFO, _answer({"error": "There is no member", "code": 232}), False),
        (LIST, _answer([{"email": ANN, "timestamp": ""}]), True),
        (LIST, _answer([{"email": BOB, "timestamp": ""}]), False),
        (BATCH, Answer(502, {}, b"<h1>Bad gateway</h1>"), False),
        (BATCH, _answer({"error": "Internal error", "code": 0}), False),
        (BATCH, _answer({"success_count": 0, "error_count": 0, "errors": []}), False),
    ],
)
def test_only_an_answer_about_the_address_ends_the_doubt(
    asked: Request, answer: Answer, is_told: bool
) -> None:
    doubts = Doubts()
    doubts.left(BATCH)
    doubts.heard(OURS, asked, answer)
    doubts.noted(OURS)
    assert doubts.open == (set() if is_told else {ANN})
