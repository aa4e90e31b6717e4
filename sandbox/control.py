"""`/_sandbox`: look into the books, move the clock, order faults, play events.

    GET    /_sandbox                       what runs here, and the tokens it accepts
    GET    /_sandbox/journal?after=N       NDJSON of what was committed
    GET    /_sandbox/books/<vendor>[/<object>]
    GET    /_sandbox/costs                 {vendor: {requests, tokens}} since start or reset
    GET    /_sandbox/deliveries            webhooks tried, oldest first
    POST   /_sandbox/deliveries {are_held} hold all webhooks back, or let them go
    GET, POST, DELETE  /_sandbox/faults
    GET, POST          /_sandbox/assumptions {vendor, name, value}
    POST   /_sandbox/reset {seed, people}
    POST   /_sandbox/clock {advance_s}
    POST   /_sandbox/events/<vendor>       an event of that vendor's, see its account

Stable: tests, docs and outside checks rely on it. Never part of a vendor.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Protocol

import orjson

from sandbox.faults import read_fault
from sandbox.stage import Stage
from sandbox.vendor import Answer, Charging, Request

Asked = Mapping[str, Any]


class Host(Protocol):
    """What the control surface may do to the server."""

    stage: Stage
    only: str | None

    def reset(self, seed: int, people: int) -> None: ...


class NotThereError(Exception):
    """The control surface was asked for something it does not have."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


def answer(host: Host, request: Request) -> Answer:
    """Answer one call of the control surface; mistakes are told as `{"error": ...}`."""
    parts = [part for part in request.path.split("/") if part]
    try:
        asked = orjson.loads(request.body) if request.body else {}
        if not isinstance(asked, dict):
            raise ValueError("the body is not a JSON object")
        found = _route(host, request, parts, asked)
    except NotThereError as wrong:
        return _json({"error": str(wrong)}, wrong.status)
    except (ValueError, TypeError, KeyError) as wrong:
        return _json({"error": f"{type(wrong).__name__}: {wrong}"}, 400)
    return found if isinstance(found, Answer) else _json(found)


def _json(value: Any, status: int = 200) -> Answer:
    body = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    return Answer(status, {"content-type": "application/json"}, body)


def _route(host: Host, request: Request, parts: list[str], asked: Asked) -> Any:
    match (request.method, *parts):
        case ("GET",):
            return _describe(host)
        case ("GET", "books", vendor, *rest):
            return _books(host, vendor, rest)
        case ("POST", "events", vendor):
            return _play(host, vendor, asked)
        case (method, name):
            if call := CALLS.get((method, name)):
                return call(host, request, asked)
    raise NotThereError(404, f"no {request.method} /_sandbox{request.path}")


CONTROL = {
    "GET /_sandbox/journal?after=N": "what was asked and what it committed, a JSON line each",
    "GET /_sandbox/books/<vendor>[/<object>]": "the records, deleted ones marked",
    "GET /_sandbox/costs": "requests and tokens so far",
    "POST /_sandbox/events/<vendor>": {"kind": "open", "campaign": "<id>", "email": "a@b.c"},
    "POST /_sandbox/clock": {"advance_s": 3600},
    "POST /_sandbox/faults": {
        "vendor": "pipedrive", "method": "POST", "path": "*/activities", "kind": "lost_answer",
    },
    "GET, DELETE /_sandbox/faults": "what is ordered and how often it fired; clear it",
    "POST /_sandbox/deliveries": {"are_held": True},
    "GET /_sandbox/assumptions": "what the vendors leave unknown, and how it stands here",
    "POST /_sandbox/assumptions": {"vendor": "pipedrive", "name": "plan", "value": "lite"},
    "POST /_sandbox/reset": {"seed": 7, "people": 1000},
}  # fmt: skip


def _describe(host: Host) -> dict[str, Any]:
    stage = host.stage
    return {
        "seed": stage.seed,
        "people": stage.people,
        "now": stage.clock.now(),
        "pending_deliveries": stage.deliveries.pending_count,
        "control": CONTROL,
        "vendors": {
            name: {"mounted_at": "/" if host.only else f"/{name}", **vendor.account()}
            for name, vendor in stage.vendors.items()
        },
    }


def _vendor_of(host: Host, name: str) -> Any:
    if name not in host.stage.vendors:
        raise NotThereError(404, f"no vendor {name!r}; there are {sorted(host.stage.vendors)}")
    return host.stage.vendors[name]


def _books(host: Host, name: str, rest: list[str]) -> Any:
    books = _vendor_of(host, name).books
    if not rest:
        return {
            book_name: {"live": len(book), "with_deleted": sum(1 for _ in book.everything())}
            for book_name, book in books.items()
        }
    book_name = "/".join(rest)
    if book_name not in books:
        raise NotThereError(404, f"no book {book_name!r}; there are {sorted(books)}")
    return list(books[book_name].everything())


def _play(host: Host, name: str, asked: Asked) -> Any:
    played = _vendor_of(host, name).play(asked)
    stage = host.stage
    stage.journal.write(stage.clock.now(), name, "PLAY", f"/_sandbox/events/{name}", 200)
    return played


def _journal(host: Host, request: Request, _: Asked) -> Answer:
    after = int(dict(request.query).get("after", "0"))
    lines = b"".join(host.stage.journal.lines(after))
    return Answer(200, {"content-type": "application/x-ndjson"}, lines)


def _reset(host: Host, _: Request, asked: Asked) -> Any:
    host.reset(int(asked.get("seed", host.stage.seed)), int(asked.get("people", host.stage.people)))
    return {"seed": host.stage.seed, "people": host.stage.people}


def _clock(host: Host, _: Request, asked: Asked) -> Any:
    stage = host.stage
    stage.clock.advance(float(asked["advance_s"]))
    stage.journal.write_due(stage.clock.now())
    return {"now": stage.clock.now()}


def _faults(host: Host, _: Request, __: Asked) -> Any:
    return [asdict(fault) for fault in host.stage.faults]


def _add_fault(host: Host, _: Request, asked: Asked) -> Any:
    return asdict(host.stage.faults.add(read_fault(asked)))


def _clear_faults(host: Host, _: Request, __: Asked) -> Any:
    host.stage.faults.clear()
    return {"cleared": True}


def _assumptions(host: Host, _: Request, __: Asked) -> Any:
    return {name: vendor.assumptions() for name, vendor in host.stage.vendors.items()}


def _assume(host: Host, _: Request, asked: Asked) -> Any:
    vendor = _vendor_of(host, asked["vendor"])
    vendor.assume(asked["name"], asked["value"])
    return vendor.assumptions()[asked["name"]]


def _costs(host: Host, _: Request, __: Asked) -> Any:
    return {
        name: {
            "requests": host.stage.journal.requests[name],
            "tokens": vendor.tokens_spent if isinstance(vendor, Charging) else 0,
        }
        for name, vendor in host.stage.vendors.items()
    }


def _deliveries(host: Host, _: Request, __: Asked) -> Any:
    return [tried._asdict() for tried in host.stage.deliveries.tried]


def _hold_back(host: Host, _: Request, asked: Asked) -> Any:
    deliveries = host.stage.deliveries
    deliveries.hold_back(bool(asked["are_held"]))
    return {"pending": deliveries.pending_count}


CALLS: dict[tuple[str, str], Callable[[Host, Request, Asked], Any]] = {
    ("GET", "journal"): _journal,
    ("GET", "costs"): _costs,
    ("GET", "deliveries"): _deliveries,
    ("POST", "deliveries"): _hold_back,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("GET", "assumptions"): _assumptions,
    ("POST", "assumptions"): _assume,
    ("POST", "reset"): _reset,
    ("POST", "clock"): _clock,
}
