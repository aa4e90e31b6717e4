"""Ten requests of an account at once, and not eleven."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from mailchimp_line import Line

from sandbox.mailchimp.access import EMPTY_KEY
from sandbox.server import Running


@pytest.fixture
def line(running: Running) -> Iterator[Line]:
    talking = Line(running.url)
    talking.reset()
    yield talking
    talking.http.close()


def at_once(
    line: Line, *keys: str, method: str = "GET", path: str = "/ping", told: Any = None
) -> list[httpx.Response]:
    """A request with each key, each on a connection of its own; all are sent at once."""
    bodies = told or [None] * len(keys)

    async def ask_all() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(trust_env=False, timeout=30, limits=limits) as client:
            asking = [
                client.request(
                    method,
                    f"{line.url}/mailchimp/3.0{path}",
                    json=body,
                    headers={"authorization": f"Bearer {key}"},
                )
                for key, body in zip(keys, bodies, strict=True)
            ]
            return await asyncio.gather(*asking)

    return asyncio.run(ask_all())


def statuses(answers: list[httpx.Response]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


def test_the_eleventh_request_in_flight_is_turned_away_and_the_others_are_answered(
    line: Line,
) -> None:
    """MC-10: 429 with the vendor's words, without a hint how long to wait."""
    line.assume("answer_takes_ms", 1500)
    answers = at_once(line, *[line.key] * 12)
    assert statuses(answers) == [200] * 10 + [429] * 2
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["detail"] == "You have exceeded the limit of 10 simultaneous connections."
    assert not {"retry-after", "x-ratelimit-limit"} & set(refused.headers)
    line.assume("answer_takes_ms", 0)
    assert line.get("/ping")


def test_under_high_load_the_refusal_may_have_no_body(line: Line) -> None:
    """MC-10: an option: 403 without JSON, as was seen."""
    line.assume("answer_takes_ms", 1500)
    line.assume("too_many_answer", "bare_403")
    answers = at_once(line, *[line.key] * 11)
    assert statuses(answers) == [200] * 10 + [403]
    assert b"" in [answer.content for answer in answers]


def test_a_write_that_was_turned_away_is_not_done(line: Line) -> None:
    """ALL-06: nothing was written; the journal shows the refusal."""
    line.assume("answer_takes_ms", 1500)
    told = [{"email_address": f"a{n}@new.example", "status": "subscribed"} for n in range(12)]
    path = f"/lists/{line.list_id}/members"
    done = at_once(line, *[line.key] * 12, method="POST", path=path, told=told)
    assert statuses(done).count(429) == 2
    assert line.effects("POST").count(("members", "create")) == 10


def test_each_account_has_ten_of_its_own_and_strangers_are_not_counted(line: Line) -> None:
    """MC-01: a neighbour's storm is not ours."""
    line.assume("answer_takes_ms", 1500)
    keys = [line.key] * 10 + [EMPTY_KEY] * 10 + ["wrong"] * 12
    assert statuses(at_once(line, *keys)) == [200] * 20 + [401] * 12


def test_an_answer_that_is_lost_gives_its_place_back(line: Line) -> None:
    """ALL-06: a connection that broke is not in flight any more."""
    order = {"vendor": "mailchimp", "kind": "lost_answer", "path": "/3.0/ping", "times": 12}
    line.control("POST", "/faults", order)
    for _ in range(12):
        with pytest.raises(httpx.RemoteProtocolError):
            line.get("/ping")
    assert line.get("/ping")
