"""The second job: each row shall become one member of a Mailigen list, a hundred a request.

All of them send what the vendor itself offers for it, `listBatchSubscribe`: an ordinary form,
numbered fields, an answer of status 200 whatever happened. What differs is what each remembers.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx

from bench.peers.books import Verdict
from bench.peers.contestants import Contestant, at_dlt, at_drt, write_drt
from bench.peers.contestants import ours as notes_of_ours
from bench.peers.job import KEY

AT_ONCE = 100  # rows a request; the product's own number
DOMAIN = "bench.example"
LIST = "list"  # the file in a contestant's home that says which list


def verdict(wanted: Iterable[str], members: Iterable[Mapping[str, Any]]) -> Verdict:
    """Count, over all members in the books, against the texts of the rows."""
    made = Counter(str(member["email"]).partition("@")[0] for member in members)
    expected = list(wanted)
    extra = sum(max(made[text] - 1, 0) for text in expected)
    return Verdict(extra, sum(not made[text] for text in expected))


def ours() -> Contestant:
    """The product's ledger, loader and Members writer, in a process of their own."""
    notes = notes_of_ours()
    command = [sys.executable, "-m", "bench.peers.ours_members"]
    return Contestant(notes.name, notes.version, command, _told_the_list, notes.environment)


def dlt() -> Contestant:
    settings = {"JOB_BATCH": str(AT_ONCE), "LOAD__WORKERS": "1"}
    return at_dlt("dlt, custom destination", "members.py", settings, _told_the_list)


def drt() -> Contestant:
    """Its batch mode, with local state; it takes every answer of status 200 for a success."""

    def set_up(home: Path, url: str) -> None:
        row = "&batch[{{ loop.index0 }}][EMAIL]={{ row.text }}@" + DOMAIN
        form = f"apikey={KEY}&id={_list_of(url)}&double_optin=&update_existing="
        destination = {
            "type": "rest_api", "method": "POST", "url": address(url), "body_mode": "batch",
            "headers": {"Content-Type": "application/x-www-form-urlencoded"},
            "batch_template": form + "{% for row in rows %}" + row + "{% endfor %}",
        }  # fmt: skip
        sync = {"mode": "incremental", "cursor_field": "id", "batch_size": AT_ONCE}
        write_drt(home, destination, sync, {})

    return at_drt("drt, batch mode", set_up)


MAKERS: tuple[Callable[[], Contestant], ...] = (ours, drt, dlt)


def address(url: str) -> str:
    return f"{url}/mailigen/1.8/?output=json&method=listBatchSubscribe"


def _told_the_list(home: Path, url: str) -> None:
    (home / LIST).write_text(_list_of(url))


def _list_of(url: str) -> str:
    """The id of the first list; asked for before anybody's clock starts."""
    asked = {"output": "json", "method": "lists"}
    answer = httpx.post(
        f"{url}/mailigen/1.8/", params=asked, data={"apikey": KEY}, trust_env=False
    ).raise_for_status()
    return str(answer.json()[0]["id"])
