"""Which addresses are on the list, or may be, without anybody of ours knowing it: told by what
went to the vendor and what came back, never by what the ledger believes.

    a batch has left --------------> in doubt
    an answer tells of the address --> heard by that process
    that process commits ----------> known; if it dies before, nobody ever heard
"""

import re
from urllib.parse import parse_qsl

import orjson

from sandbox.vendor import Answer, Request

ROW = re.compile(r"batch\[\d+\]\[EMAIL\]")


class Doubts:
    """`open` holds the addresses in doubt, in lower case."""

    def __init__(self) -> None:
        self.open: set[str] = set()
        self._heard: dict[int, set[str]] = {}

    def left(self, asked: Request) -> None:
        """A request is on its way: from here on nobody knows until an answer tells."""
        self.open |= _subscribed(asked)

    def heard(self, process: int, asked: Request, answer: Answer) -> None:
        """A process that lives has been given this answer, whole."""
        told = _told(asked, answer) & self.open
        if told:
            self._heard.setdefault(process, set()).update(told)

    def noted(self, process: int) -> None:
        """That process has committed: what it had heard by then is known from now on."""
        self.open -= self._heard.pop(process, set())


def _called(asked: Request) -> str:
    return next((value for key, value in asked.query if key == "method"), "")


def _subscribed(asked: Request) -> set[str]:
    """The addresses of a batch; no other call of ours puts anybody on the list."""
    if _called(asked) != "listBatchSubscribe":
        return set()
    return {value.lower() for name, value in parse_qsl(asked.body.decode()) if ROW.fullmatch(name)}


def _told(asked: Request, answer: Answer) -> set[str]:
    """The addresses whose place on the list this answer tells."""
    method = _called(asked)
    if method not in ("listBatchSubscribe", "listMemberInfo", "listMembers"):
        return set()
    try:
        told = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return set()
    if method == "listMembers":
        return {str(row["email"]).lower() for row in told} if isinstance(told, list) else set()
    if method == "listMemberInfo":
        return {str(told["email"]).lower()} if "status" in told else set()
    rows = _subscribed(asked)
    # Counts that are not those of the rows say nothing of any of them.
    is_of_all = told.get("success_count", 0) + told.get("error_count", 0) == len(rows)
    return rows if is_of_all else set()
