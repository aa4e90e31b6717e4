"""Webhooks by the hundred a second at one `listen`: how soon each is answered, and what is lost.

    python -m bench.storm                 200 a second for a minute, signed, one connection each
    python -m bench.storm --kill          the receiver is killed in the middle and started again

Everything is real and on this machine: a sandbox, the sync's files, `listen` as a process that also
does what the deliveries ask for (one in twenty says that somebody left, and wakes run the sync),
and a caller that keeps to its timetable whatever is answered.
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import math
import re
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]

import sandbox.server
from bench.house import House
from bench.machine import described, on_disk

Sleep = Callable[[float], Awaitable[None]]
SECRET = "a secret for the storm of 200 a second"
LEAVERS = 20  # one delivery in so many
PATIENCE_S = 30.0  # of the caller; then a delivery counts as unanswered
ENVIRONMENT = {
    "CRM_TOKEN": "sandbox-pipedrive-admin", "LIST_KEY": "sandbox-mailigen-key",
    "HOOK_SECRET": SECRET,
}  # fmt: skip
SYNC = {
    "kind": "mailigen_pipedrive", "name": "storm", "schedule": {"every": "15m"},
    "connections": {"crm": "crm", "engagement": "engagement"}, "list": {"title": "Newsletter"},
    "fields": {}, "guards": {"first_activation": "allow"},
    "bots": [{
        "id": "customers", "contacts": {"filter": "Customers EU"}, "notes": ["open"],
        "consent": {"confirmed_by": "ann@acme.example", "on": "2026-11-01"},
    }],
}  # fmt: skip


class Storm(NamedTuple):
    """How hard it blows. `kills_at`: seconds after which the receiver is killed; 0: never."""

    per_second: int = 200
    seconds: float = 60.0
    kills_at: float = 0.0

    @property
    def deliveries(self) -> int:
        return int(self.per_second * self.seconds)


class Answer(NamedTuple):
    """What became of one delivery; status 0: no answer came."""

    number: int
    status: int
    seconds: float


class Found(NamedTuple):
    """What the storm left behind."""

    answers: list[Answer]
    stored: int  # deliveries the inbox ever took in
    processor_s: float  # of the listener, runs and all

    @property
    def acknowledged(self) -> list[Answer]:
        return [one for one in self.answers if one.status == 200]

    @property
    def lost(self) -> int:
        """Acknowledged and not in the inbox; each that is stored has a number of its own there."""
        return max(len(self.acknowledged) - self.stored, 0)

    def lines(self) -> Iterator[str]:
        took = sorted(one.seconds * 1000 for one in self.acknowledged)
        statuses = Counter(one.status or "none" for one in self.answers)
        yield "answers: " + ", ".join(f"{n} x {status}" for status, n in statuses.most_common())
        if len(took) > 1:
            steps = statistics.quantiles(took, n=100)
            shown = f"p50 {steps[49]:.1f}, p95 {steps[94]:.1f}, p99 {steps[98]:.1f}"
            yield f"milliseconds from connecting to the answer: {shown}, longest {took[-1]:.1f}"
        each = self.processor_s / max(len(self.answers), 1) * 1000
        yield f"{each:.2f} ms of a processor per delivery, the runs they woke included"
        yield f"{len(took)} acknowledged, {self.stored} stored, {self.lost} lost"


def built(url: str, folder: Path) -> House:
    """The sync's files in a folder, with both accounts at that sandbox."""
    return House(folder, SYNC, connections(url), ENVIRONMENT)


@contextmanager
def listening(house: House, port: int = 0) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A listener in a process of its own, and the address at which it takes deliveries."""
    words = ("--port", str(port), "--wake-after", "5s")
    # All is imported once it says who rings.
    with house.listening(*words, until="Mailigen rings at") as (process, said):
        address = re.search(r"listening on .* for (http\S+)", said)
        assert address is not None, said
        yield process, address[1]


def stored(house: House) -> int:
    """How many deliveries ever got into the inbox: an id is never given twice."""
    with closing(sqlite3.connect(house.home / "inbox.db")) as db:
        row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'deliveries'").fetchone()
    return int(row[0]) if row else 0


def connections(url: str) -> Mapping[str, object]:
    """Both accounts, at the sandbox."""
    return {
        "crm": {
            "vendor": "pipedrive", "base_url": f"{url}/pipedrive", "plan": "ultimate",
            "secret": {"token": "CRM_TOKEN"}, "seats": 50, "quota_share": 1,
        },
        "engagement": {
            "vendor": "mailigen", "base_url": f"{url}/mailigen", "calls_per_second": 500,
            "secret": {"key": "LIST_KEY", "webhook": "HOOK_SECRET"},
        },
    }  # fmt: skip


def delivery(number: int) -> bytes:
    """Number so-and-so: somebody opened a mail, or left the list; each another address."""
    hook = "contact.unsubscribe" if number % LEAVERS == 0 else "email.open"
    told = {"hook": hook, "data": [{"email": f"storm-{number}@example.org"}]}
    return json.dumps(told).encode()


def request_of(url: str, body: bytes) -> bytes:
    """The delivery as it goes over the wire, signed."""
    parts = urlsplit(url)
    signature = hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()
    head = (
        f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\nconnection: close\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        f"x-mailigen-signature: sha1={signature}\r\n\r\n"
    )
    return head.encode() + body


async def post(url: str, number: int) -> Answer:
    """Deliver on a connection of its own, as vendors do. Never raises for a lack of answer."""
    parts = urlsplit(url)
    began = time.perf_counter()
    status = 0
    try:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.write(request_of(url, delivery(number)))
            first = await reader.readline()
            status = int(first.split()[1]) if first.startswith(b"HTTP/1.1 ") else 0
            writer.close()
    except (OSError, TimeoutError):
        status = 0
    return Answer(number, status, time.perf_counter() - began)


async def blow(
    url: str, storm: Storm, first: int, count: int, sleep: Sleep = asyncio.sleep
) -> list[Answer]:
    """Deliver by the timetable, whether or not earlier ones have been answered."""
    began = time.perf_counter()
    going = []
    for place in range(count):
        await sleep(max(began + place / storm.per_second - time.perf_counter(), 0))
        going.append(asyncio.create_task(post(url, first + place)))
    return list(await asyncio.gather(*going))


def play(house: House, storm: Storm) -> Found:
    """Let it blow over one listener, or over two lives of it."""
    before = int(storm.kills_at * storm.per_second) or storm.deliveries
    with listening(house) as (process, url):
        busy = psutil.Process(process.pid)
        answers = asyncio.run(_until_killed(process, url, storm, before))
        spent = sum(busy.cpu_times()[:2]) if process.poll() is None else math.nan
    if before < storm.deliveries:
        with listening(house, urlsplit(url).port or 0) as (_, url):
            answers += asyncio.run(blow(url, storm, before, storm.deliveries - before))
    return Found(answers, stored(house), spent)


async def _until_killed(
    process: subprocess.Popen[str], url: str, storm: Storm, count: int,
    sleep: Sleep = asyncio.sleep,
) -> list[Answer]:  # fmt: skip
    """The first part; where it ends early, with a kill while deliveries are on their way."""
    blowing = asyncio.create_task(blow(url, storm, 0, count))
    if count < storm.deliveries:
        await sleep(max(storm.kills_at - 1 / storm.per_second, 0))
        process.send_signal(signal.SIGKILL)
    return await blowing


def main(words: Sequence[str]) -> int:
    """Print what the storm did; 1 when something acknowledged is not there."""
    parser = argparse.ArgumentParser(prog="bench.storm")
    parser.add_argument("--per-second", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--kill", action="store_true", help="in the middle, with SIGKILL")
    asked = parser.parse_args(words)
    storm = Storm(asked.per_second, asked.seconds, asked.seconds / 2 if asked.kill else 0.0)
    with on_disk("storm") as folder, sandbox.server.start(people=50) as running:
        house = built(running.url, folder)
        if house.run() != 0:
            sys.stderr.write("the sync did not get through its first run\n")
            return 1
        found = play(house, storm)
        lines = [*described(folder), f"{storm.per_second} a second for {storm.seconds:g} s"]
        sys.stdout.write("\n".join([*lines, *found.lines()]) + "\n")
    return 1 if found.lost else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
