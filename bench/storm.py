"""Webhooks by the hundred a second at one `listen`: how soon each is answered, and what is lost.

    python -m bench.storm                            200 a second for a minute, three times each
    python -m bench.storm --seconds 10 --repeat 1    a minute in all

Signed, one connection each. Every other storm has the receiver killed in the middle and started
again. Each has fresh vendors and files.
Everything is real and on this machine: a sandbox, the sync's files, `listen` as a process that also
does what the deliveries ask for (one in twenty says that somebody left, and wakes run the sync),
and a caller that keeps to its timetable whatever is answered.
"""

import argparse
import asyncio
import hashlib
import hmac
import json
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
from bench.house import ROOT, House
from bench.machine import described, on_disk
from bench.tables import Row, markdown, with_spread
from bench.turns import turns

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


COLUMNS = (
    "storm", "answered 200", "unanswered", "answered otherwise", "acknowledged and not stored",
    "p50, ms", "p95, ms", "p99, ms", "longest, ms", "processor a delivery, ms",
)  # fmt: skip


class StormFailedError(Exception):
    """There was no storm to tell of; says why."""


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
    processor_s: float  # of the listener once it listens, runs and all

    @property
    def acknowledged(self) -> list[Answer]:
        return [one for one in self.answers if one.status == 200]

    @property
    def lost(self) -> int:
        """Acknowledged and not in the inbox; each that is stored has a number of its own there."""
        return max(len(self.acknowledged) - self.stored, 0)

    @property
    def steps(self) -> list[float]:
        """Milliseconds to the answer of those acknowledged: p50, p95, p99 and the longest."""
        took = sorted(one.seconds * 1000 for one in self.acknowledged)
        hundredths = statistics.quantiles(took, n=100)
        return [hundredths[49], hundredths[94], hundredths[98], took[-1]]

    @property
    def cpu_ms_each(self) -> float:
        """Of a processor per delivery."""
        return self.processor_s / len(self.answers) * 1000


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
        answers, spent = asyncio.run(_until_killed(process, url, storm, before))
    if before < storm.deliveries:
        with listening(house, urlsplit(url).port or 0) as (process, url):
            since = cpu_spent_s(process)
            answers += asyncio.run(blow(url, storm, before, storm.deliveries - before))
            spent += cpu_spent_s(process) - since
    return Found(answers, stored(house), spent)


async def _until_killed(
    process: subprocess.Popen[str], url: str, storm: Storm, count: int,
    sleep: Sleep = asyncio.sleep,
) -> tuple[list[Answer], float]:  # fmt: skip
    """The first part, and the listener's processor seconds of it.

    Where it ends early, with a kill while deliveries are on their way; nobody tells what a killed
    process has spent, so it is read the moment before.
    """
    since = cpu_spent_s(process)
    blowing = asyncio.create_task(blow(url, storm, 0, count))
    if count == storm.deliveries:
        return await blowing, cpu_spent_s(process) - since
    await sleep(max(storm.kills_at - 1 / storm.per_second, 0))
    spent = cpu_spent_s(process) - since
    process.send_signal(signal.SIGKILL)
    return await blowing, spent


def cpu_spent_s(process: subprocess.Popen[str]) -> float:
    """What a process that lives has spent on processors so far."""
    user, system, *_ = psutil.Process(process.pid).cpu_times()
    return float(user + system)


def start(storm: Storm) -> Found:
    """One storm over fresh vendors and files; StormFailedError where the first run does not end."""
    with on_disk("storm") as folder, sandbox.server.start(people=50) as running:
        house = built(running.url, folder)
        if code := house.run():
            raise StormFailedError(f"the sync did not get through its first run: exit {code}")
        return play(house, storm)


def row(name: str, each: Sequence[Found]) -> Row:
    """One kind of storm: medians, and between what its starts lay; what is lost is added up."""
    statuses = [Counter(one.status for one in found.answers) for found in each]
    others = [len(f.answers) - s[200] - s[0] for f, s in zip(each, statuses, strict=True)]
    return (
        name,
        with_spread([one[200] for one in statuses]),
        with_spread([one[0] for one in statuses]),
        with_spread(others),
        str(sum(found.lost for found in each)),
        *(with_spread(step, 1) for step in zip(*(found.steps for found in each), strict=True)),
        with_spread([found.cpu_ms_each for found in each], 2),
    )


def main(words: Sequence[str]) -> int:
    """Print what the storms did; 1 when something acknowledged is not there."""
    parser = argparse.ArgumentParser(prog="bench.storm")
    parser.add_argument("--per-second", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--repeat", type=int, default=3, help="starts of each of the two storms")
    asked = parser.parse_args(words)
    half = asked.seconds / 2
    storms = {
        f"{asked.per_second} a second for {asked.seconds:g} s": 0.0,
        f"the same, SIGKILL after {half:g} s, started again": half,
    }
    found: dict[str, list[Found]] = {name: [] for name in storms}
    for name, _ in turns(list(storms), asked.repeat, warming=0):
        one = start(Storm(asked.per_second, asked.seconds, storms[name]))
        sys.stderr.write(f"{name}: p95 {one.steps[1]:.1f} ms, {one.lost} lost\n")
        found[name].append(one)
    rows = [row(name, each) for name, each in found.items()]
    lines = [*described(ROOT), f"starts of each: {asked.repeat}, in turns", ""]
    sys.stdout.write("\n".join([*lines, markdown(COLUMNS, rows)]) + "\n")
    return 1 if any(one.lost for each in found.values() for one in each) else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
