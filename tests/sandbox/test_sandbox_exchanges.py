"""What a sandbox writes down of its exchanges when it is asked to."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox import server
from sandbox.exchanges import SETTING, Seen

TOKEN = {"x-api-token": "sandbox-pipedrive-admin"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(SETTING, str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.fixture
def http(folder: Path) -> Iterator[httpx.Client]:
    with (
        server.start(people=10) as running,
        httpx.Client(base_url=running.url, headers=TOKEN, trust_env=False) as client,
    ):
        yield client


def kept(folder: Path) -> list[dict[str, Any]]:
    lines = [line for file in folder.glob("*.jsonl") for line in file.read_text().splitlines()]
    return [json.loads(line) for line in lines]


def test_an_exchange_is_kept_as_it_was_on_the_wire(http: httpx.Client, folder: Path) -> None:
    answer = http.patch("/pipedrive/api/v2/persons/1", json={"name": "Ann"}, params={"a": "b"})
    (line,) = kept(folder)
    assert (line["method"], line["path"], line["status"]) == ("PATCH", "/api/v2/persons/1", 200)
    assert line["query"] == [["a", "b"]]
    assert line["request"] == {"type": "application/json", "json": {"name": "Ann"}}
    assert line["answer"]["json"] == answer.json()
    assert line["agent"].startswith("python-httpx")


def test_what_shows_nothing_new_is_kept_once(http: httpx.Client, folder: Path) -> None:
    for person_id in (1, 2, 3, 1):
        http.patch(f"/pipedrive/api/v2/persons/{person_id}", json={"name": f"Ann {person_id}"})
    assert sum(line["method"] == "PATCH" for line in kept(folder)) < 4
    before = len(kept(folder))
    http.patch("/pipedrive/api/v2/persons/1", json={"name": "Ann", "visible_to": 3})
    http.get("/pipedrive/api/v2/persons/1", headers={"user-agent": "somebody else"})
    assert len(kept(folder)) == before + 2


def test_what_opens_doors_is_not_written_down(http: httpx.Client, folder: Path) -> None:
    secret = "sandbox-mailigen-key"
    http.post("/mailigen/1.8/?method=ping&output=json", data={"apikey": secret})
    http.get("/pipedrive/v1/users/me", params={"api_token": TOKEN["x-api-token"]})
    text = "".join(file.read_text() for file in folder.glob("*.jsonl"))
    assert len(kept(folder)) == 2
    assert secret not in text
    assert TOKEN["x-api-token"] not in text


def test_a_request_the_vendor_never_saw_is_kept_without_an_answer(
    http: httpx.Client, folder: Path
) -> None:
    fault = {"vendor": "pipedrive", "path": "/v1/notes", "kind": "status", "status": 503}
    http.post("/_sandbox/faults", json=fault)
    http.post("/pipedrive/v1/notes", json={"content": "x", "person_id": 1})
    (line,) = kept(folder)
    assert (line["status"], line["answer"]) == (0, None)
    assert line["request"]["json"] == {"content": "x", "person_id": 1}


def test_a_place_with_endless_kinds_of_values_stops_being_news() -> None:
    place = Seen()
    words = ("".join(chr(97 + (n >> 5 * k) % 26) for k in range(3)) for n in range(1000))
    assert sum(place.is_new({"word": word}) for word in words) <= 64 + 1


def test_nothing_is_written_unless_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SETTING, raising=False)
    monkeypatch.chdir(tmp_path)
    with server.start(people=10) as running, httpx.Client(trust_env=False) as client:
        client.get(f"{running.url}/pipedrive/v1/users/me", headers=TOKEN)
    assert not list(tmp_path.iterdir())
