"""What was asked and answered on the wire, kept for whoever holds it against a contract.

Off unless SANDBOX_EXCHANGES names a folder. Each process writes its own file there, a JSON line
an exchange. Nothing is known of any contract here, and nobody's requests are left out.

An exchange is kept when it shows anything that those before it (of the same caller, call and
status) did not: a member, a set of members, a kind of value. Ten thousand runs over the same
ground are a few hundred lines. What opens doors is masked.
"""

import contextlib
import os
import re
import threading
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import orjson

from sandbox.journal import SECRETS
from sandbox.vendor import Answer, Request

SETTING = "SANDBOX_EXCHANGES"
FORM = "application/x-www-form-urlencoded"
MASK = "masked"
MOST_KINDS = 64  # at one place: what goes on beyond that is text, whatever it looks like
LONGEST_WORD = 24
LONGEST_TEXT = 20_000  # of a body that is no JSON
MADE = re.compile(r"[0-9a-f]{10}|[0-9a-f]{32}")  # ids
NINES = str.maketrans("012345678", "999999999")


class Seen:
    """One place in a body: the kinds of values met there, and the places below it."""

    __slots__ = ("below", "kinds")

    def __init__(self) -> None:
        self.kinds: set[Any] = set()
        self.below: dict[str, Seen] = {}

    def is_new(self, value: Any) -> bool:
        """Whether anything in the value was not met before; afterwards all of it was."""
        if isinstance(value, dict):
            found = self._add(tuple(_member(name) for name in value))
            for name, part in value.items():
                found |= self._place(_member(name)).is_new(part)
            return found
        if isinstance(value, list):
            found = self._add("filled" if value else "empty")
            place = self._place("[]")
            for part in value:
                found |= place.is_new(part)
            return found
        return self._add(kind_of(value))

    def _place(self, name: str) -> "Seen":
        place = self.below.get(name)
        if place is None:
            place = self.below[name] = Seen()
        return place

    def _add(self, kind: Any) -> bool:
        if kind in self.kinds or len(self.kinds) >= MOST_KINDS:
            return False
        self.kinds.add(kind)
        return True


def kind_of(value: Any) -> Any:
    """What a contract could tell apart: words and small numbers, for they may be listed in it.

    >>> [kind_of(v) for v in ("won", "Ann Berg", "2026-01-31", "", 3, 3000, True, None)]
    ['won', 'text', '9999-99-99', '', 3, 'whole', True, None]
    """
    if isinstance(value, str):
        if value.islower() and len(value) <= LONGEST_WORD and value.replace("_", "").isalpha():
            return value
        if value[:1].isdigit() and len(value) <= LONGEST_WORD:
            return value.translate(NINES)
        return "text" if value else ""
    if isinstance(value, float):
        return "number"
    if isinstance(value, int) and not isinstance(value, bool) and not 0 <= value <= 9:
        return "whole"
    return value


class Exchanges:
    """The file of this process. May be written from several threads: a sandbox each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[tuple[str, ...], Seen] = {}
        self._repeated: set[int] = set()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type["Exchanges"], tuple[Path]]:
        """A world that is copied, or built in another process, goes on into the file there."""
        return Exchanges, (self._folder,)

    def keep(self, vendor: str, request: Request, answer: Answer | None) -> None:
        """Write the exchange down if it shows anything new; `None`: the vendor never saw it."""
        status = answer.status if answer else 0
        agent = request.headers.get("user-agent", "")
        call = (vendor, agent, request.method, *map(_member, request.path.split("/")), str(status))
        content = (call, *request.query, request.body, answer.body if answer else b"")
        with self._lock:
            if hash(content) in self._repeated:
                return
            self._repeated.add(hash(content))
            told = {
                "vendor": vendor,
                "agent": agent,
                "method": request.method,
                "path": request.path,
                "query": [[name, _masked(name, text)] for name, text in request.query],
                "status": status,
                "request": _body(request.headers.get("content-type", ""), request.body),
                "answer": _body(answer.headers.get("content-type", ""), answer.body)
                if answer
                else None,
            }
            place = self._seen.setdefault(self._of_one_door(call, request), Seen())
            shown = [dict(told["query"]), told["request"], told["answer"]]
            if place.is_new(shown):
                self._write(told)

    def _of_one_door(self, call: tuple[str, ...], request: Request) -> tuple[str, ...]:
        """The call; a vendor with one door names it in the query."""
        return (*call, dict(request.query).get("method", ""))

    def _write(self, told: dict[str, Any]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / f"{os.getpid()}.jsonl").open("ab") as file:
            file.write(orjson.dumps(told, option=orjson.OPT_NON_STR_KEYS) + b"\n")


def exchanges_wanted() -> Exchanges | None:
    """This process's record, if the environment asks for one."""
    folder = os.environ.get(SETTING)
    return _of_folder(folder) if folder else None


@cache
def _of_folder(folder: str) -> Exchanges:
    return Exchanges(Path(folder))


def _member(name: str) -> str:
    """Names made by the account, and numbers, are one name: `{}`."""
    return "{}" if name.isdigit() or len(name) == 40 or MADE.fullmatch(name) else name


def _masked(name: str, value: Any) -> Any:
    return MASK if name.lower() in SECRETS and isinstance(value, str) and value else value


def _body(content_type: str, body: bytes) -> Any:
    """`{"json": ...}`, `{"form": [[name, value], ...]}` or `{"text": ...}`; None for no body."""
    if not body:
        return None
    kind = content_type.partition(";")[0].strip().lower()
    if kind == FORM:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        return {"type": kind, "form": [[name, _masked(name, value)] for name, value in pairs]}
    with contextlib.suppress(orjson.JSONDecodeError):
        read = orjson.loads(body)
        if isinstance(read, dict):
            read = {n: v if n == "code" else _masked(n, v) for n, v in read.items()}
        return {"type": kind, "json": read}
    return {"type": kind, "text": body[:LONGEST_TEXT].decode("utf-8", "replace")}
