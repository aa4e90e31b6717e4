"""Random requests from the contracts never crash the sandbox, and its answers keep to them."""

import json
import socket
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox import server
from sandbox.pipedrive.routes import ROUTES
from sandbox.stage import Stage
from sandbox.vendor import Answer, Request
from tests.contract import drawing
from tests.contract.exchange import Exchange
from tests.contract.mailigen import MAILIGEN, PARAMETERS
from tests.contract.openapi import Key
from tests.contract.pipedrive import PIPEDRIVE, implemented

NO_CONTRACT = pytest.mark.skipif(bool(PIPEDRIVE.why_absent()), reason=PIPEDRIVE.why_absent())
BRIEF = settings(
    max_examples=12, deadline=None, database=None, derandomize=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
PREFIX = {"v1": "/v1", "v2": "/api/v2"}
IDS = st.one_of(
    st.integers(1, 12).map(str),
    st.sampled_from(["101", "0", "-1", "999999", "x", "²", "9" * 5000, "email", "name", "title"]),
)
# Fields the seed makes: custom ones, one of them with options.
FIELDS = sorted(f for book in ("personFields", "dealFields", "organizationFields")
                for f in (r["field_code"] for r in Stage(7, 1, "pipedrive", lambda: None)
                          .vendors["pipedrive"].books[book].live()))  # fmt: skip


def fresh(vendor: str) -> Stage:
    return Stage(7, 12, vendor, lambda: None)


def told(vendor: str, request: Request, answer: Answer) -> Exchange:
    """The exchange as a contract reads it."""
    kind = request.headers.get("content-type", "").partition(";")[0]
    try:
        sent = {"type": kind, "json": json.loads(request.body)} if request.body else None
    except ValueError:
        sent = None
    answer_kind = answer.headers.get("content-type", "").partition(";")[0]
    shown: dict[str, Any] | None = {"type": answer_kind, "text": ""}
    if answer_kind == "application/json":
        shown = {"type": answer_kind, "json": json.loads(answer.body)}
    return Exchange(
        vendor, drawing.AGENT, request.method, request.path, tuple(request.query), answer.status,
        sent, shown if answer.body else None,
    )  # fmt: skip


def keys() -> list[Key]:
    """What the sandbox implements, as far as there is a contract to draw from."""
    if PIPEDRIVE.why_absent():
        return []
    known = [key for key in PIPEDRIVE.known if " ".join(key) in implemented()]
    return [key for key in known if "oauth" not in key[2]]


@NO_CONTRACT
@pytest.mark.parametrize("key", keys(), ids=" ".join)
@BRIEF
@given(data=st.data())
def test_no_request_from_the_contract_crashes_pipedrives_sandbox(
    key: Key, data: st.DataObject
) -> None:
    stage = fresh("pipedrive")
    path = PREFIX[key[0]] + key[2]
    ids = st.sampled_from(FIELDS) | IDS if "Fields" in key[2] else IDS
    for _ in range(data.draw(st.integers(1, 3))):
        drawn = drawing.requests(key[1], path, PIPEDRIVE.known[key], ids)
        request = data.draw(drawn)
        answer = stage.perform("pipedrive", request)
        complaints = PIPEDRIVE.hold(told("pipedrive", request, answer))
        assert not complaints, (request.body, answer.body[:500], complaints)


def test_every_route_is_drawn_from_the_contract() -> None:
    if not PIPEDRIVE.why_absent():
        assert len(keys()) == len(ROUTES)


@pytest.mark.parametrize("method", sorted(PARAMETERS))
@BRIEF
@given(data=st.data())
def test_no_form_crashes_mailigens_sandbox(method: str, data: st.DataObject) -> None:
    stage = fresh("mailigen")
    account = stage.vendors["mailigen"].account()
    known = st.sampled_from(
        [*account["lists"].values(), *account["campaigns"].values(), "EMAIL", "text", "html"]
    )
    names = [*sorted(PARAMETERS[method]), "start", "limit"]
    form = data.draw(drawing.forms(names, known | drawing.TEXTS))
    asked = [("output", data.draw(st.sampled_from(["json", "php", "xml"]))), ("method", method)]
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "user-agent": drawing.AGENT,
    }
    body = b"apikey=sandbox-mailigen-key&" + form
    request = Request("POST", "/1.8/", asked, headers, body, datetime.now(UTC))
    answer = stage.perform("mailigen", request)
    exchange = told("mailigen", request, answer)
    assert not MAILIGEN.hold(exchange), answer.body[:500]


HEADS = [
    b"GET /pipedrive/v1/users/me?%ff%00=%fe HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    b"GET /pipedrive/api/v2/persons/\xff\xfe HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    b"GET /pipedrive/v1/users HTTP/1.1\r\nx-api-token: \xff\xe9\r\nhost: \xff\r\nconnection: close\r\n\r\n",
    b"POST /pipedrive/oauth/token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n"
    b"authorization: Basic \xff\r\ncontent-length: 4\r\nconnection: close\r\n\r\n\xff=\xfe&",
    b"GET /pipedrive/oauth/authorize?client_id=sandbox-app&redirect_uri=http%3A%2F%2F%0Ax%FF"
    b"&state=%0d%0a&auto_approve=1&user_id=x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    b"POST /mailigen/1.8/?method=%ff&output=php HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\n\xff\xff",
    b"POST /_sandbox/clock HTTP/1.1\r\nhost: x\r\ncontent-length: 19\r\nconnection: close\r\n\r\n"
    b'{"advance_s": 1e308}',
    b"POST /_sandbox/reset HTTP/1.1\r\nhost: x\r\ncontent-length: 15\r\nconnection: close\r\n\r\n"
    b'{"seed": "\xc3\xa9\xc3\xa9"}',
    b"PATCH / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    b"GET /_sandbox/journal?after=" + b"9" * 5000 + b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
]  # fmt: skip


@pytest.fixture(scope="module")
def url() -> Any:
    with server.start(people=10) as running:
        yield running.url


@pytest.mark.parametrize("head", HEADS, ids=range(len(HEADS)))
def test_odd_bytes_on_the_wire_are_answered(url: str, head: bytes) -> None:
    place = httpx.URL(url)
    with socket.create_connection((place.host, place.port or 0), timeout=10) as line:
        line.sendall(head)
        answer = line.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 "), answer
    assert int(answer.split()[1]) < 500, answer
