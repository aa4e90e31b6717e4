"""What became of a request: every failure httpx knows is filed by who may have acted."""

import gc
import weakref
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from connectors.errors import NotSent, OutcomeUnknown, QuotaExhausted, ReadFailed, Throttled
from connectors.http import BEFORE_THE_FIRST_BYTE, Line, address_of, patiently, send
from connectors.meter import Tally


def leaves(kind: type[Exception]) -> list[type[Exception]]:
    below = [leaf for child in kind.__subclasses__() for leaf in leaves(child)]
    return [kind, *below]


def failing(kind: type[Exception]) -> httpx.Client:
    def transport(request: httpx.Request) -> httpx.Response:
        raise kind("secret-token", request=request)

    return httpx.Client(transport=httpx.MockTransport(transport))


@pytest.mark.parametrize("kind", leaves(httpx.RequestError))
@pytest.mark.parametrize("writes", [True, False])
def test_every_httpx_failure_is_filed_by_whether_the_vendor_may_have_acted(kind, writes):
    if issubclass(kind, BEFORE_THE_FIRST_BYTE):
        expected: type[Exception] = NotSent
    else:
        expected = OutcomeUnknown if writes else ReadFailed
    with failing(kind) as http, pytest.raises(expected) as caught:
        send(http, httpx.Request("POST", "http://v.example/x"), vendor="v", writes=writes)
    assert "secret-token" not in str(caught.value)


def test_no_httpx_failure_can_pass_a_call_unfiled():
    """All but these are RequestErrors, which the test above files one by one."""
    known = {thing for thing in vars(httpx).values() if isinstance(thing, type)}
    failures = {kind for kind in known if issubclass(kind, Exception)}
    assert failures - set(leaves(httpx.RequestError)) == {
        httpx.HTTPError,  # the parent of all, never raised itself
        httpx.HTTPStatusError,  # only raise_for_status raises it, and nobody here calls that
        httpx.InvalidURL,  # a setting: address_of
        httpx.CookieConflict,  # asking a jar by name; nobody here does
        httpx.StreamError,
        httpx.StreamConsumed,
        httpx.StreamClosed,
        httpx.ResponseNotRead,
        httpx.RequestNotRead,  # streaming; answers are read whole inside `send`
    }


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.pipedrive.com",
        "ftp://x",
        "http://",
        "http://a:b",
        "https://u:p@x.lv",
        "http://x?a=1",
    ],
)
def test_a_base_url_that_cannot_be_one_is_refused_before_any_call(url):
    with pytest.raises(ValueError, match="base_url"):
        address_of(url)


def test_a_refused_connection_means_not_sent():
    with httpx.Client(trust_env=False) as http, pytest.raises(NotSent):
        send(http, httpx.Request("POST", "http://127.0.0.1:9/x"), vendor="v", writes=True)


def test_a_token_that_is_no_header_is_not_sent_and_not_shown():
    request = httpx.Request("GET", "http://127.0.0.1:9/x", headers={"x-api-token": "se\ncret"})
    with httpx.Client(trust_env=False) as http, pytest.raises(NotSent) as caught:
        send(http, request, vendor="v", writes=False)
    assert "cret" not in str(caught.value)


def scripted(*outcomes: object) -> Callable[[], object]:
    left = list(outcomes)

    def read() -> object:
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return read


def test_an_answer_nobody_holds_any_more_needs_no_collector():
    """Pages of megabytes would wait for it, a run of them at a time."""

    def transport(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(b"x" * 1000))

    with httpx.Client(transport=httpx.MockTransport(transport)) as http:
        gc.disable()
        try:
            asked = httpx.Request("GET", "http://v.example/x")
            answer = send(http, asked, vendor="v", writes=False)
            assert answer.content == b"x" * 1000
            still_there = weakref.ref(answer)
            del answer
            assert still_there() is None
        finally:
            gc.enable()


def test_a_read_is_repeated_and_waits_as_long_as_it_was_told():
    naps: list[float] = []
    read = scripted(
        ReadFailed("v", "c", "x"),
        Throttled("v", "c", "x", retry_after=7),
        NotSent("v", "c", "x"),
        "ok",
    )
    assert patiently(read, sleep=naps.append) == "ok"
    assert naps == [0.5, 7, 2.0]


def test_patience_ends_with_the_vendors_own_words():
    naps: list[float] = []
    read = scripted(*[ReadFailed("v", "c", "cut off")] * 5)
    with pytest.raises(ReadFailed, match="cut off"):
        patiently(read, sleep=naps.append)
    assert len(naps) == 4


def test_a_wait_of_minutes_is_not_slept_through():
    naps: list[float] = []
    with pytest.raises(Throttled):
        patiently(scripted(Throttled("v", "c", "x", retry_after=600)), sleep=naps.append)
    assert naps == []


def answering(headers: dict[str, str]) -> httpx.Client:
    return httpx.Client(
        transport=httpx.MockTransport(lambda _: httpx.Response(200, headers=headers))
    )


@pytest.mark.parametrize(
    ("date", "offset"),
    [
        ("Sat, 21 Nov 2026 12:00:05 GMT", 5.0),
        ("Sat, 21 Nov 2026 11:59:00 -0000", -60.0),
        ("soon", 0.0),
        ("", 0.0),
    ],
)
def test_the_vendors_clock_is_learned_from_its_date(date, offset):
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    line = Line("v", answering({"date": date}), Tally(), lambda: now)
    line.ask(httpx.Request("GET", "http://v.example/x"), call="x", cost=1, kind="read")
    assert line.clock_offset() == offset


def test_a_call_the_meter_refuses_never_leaves():
    class Empty(Tally):
        def spend(self, cost: int, kind: str) -> None:
            raise QuotaExhausted("v", kind, f"share used up, {cost} wanted")

    asked: list[str] = []

    def note(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200)

    line = Line("v", httpx.Client(transport=httpx.MockTransport(note)), Empty())
    with pytest.raises(QuotaExhausted):
        line.ask(httpx.Request("GET", "http://v.example/x"), call="x", cost=1, kind="read")
    assert asked == []


def test_a_tally_counts_requests_and_cost_by_kind():
    tally = Tally()
    for cost, kind in ((10, "read"), (5, "write"), (10, "read")):
        tally.spend(cost, kind)
    assert (tally.request_count, tally.cost, tally.costs["read"]) == (3, 25, 20)
