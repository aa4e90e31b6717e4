"""A vendor that answers at once: what remains of a write's time is ours.

Either in this process (`Instantly`: a number, and nothing else), or as a server on the loopback
that answers every request with the same few bytes. `python -m bench.instant` is that server.
"""

import asyncio
import itertools
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import httpx
import orjson

from connectors.http import send
from pipelines.load import Sent
from state.deeds import Deed
from state.settings import Setting

ROOT = Path(__file__).resolve().parents[1]
BODY = b'{"success":true,"data":{"id":1}}'
ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
    + str(len(BODY)).encode()
    + b"\r\n\r\n"
    + BODY
)


class NeverInDoubt(Exception):  # noqa: N818 -- the sentence it ends: a doubt at an instant vendor
    """An instant vendor loses nothing: nobody may ask it what became of a write."""


class Instantly:
    """A writer of deeds and of settings that does nothing, at once."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)

    def send_deed(self, deed: Deed) -> str:
        del deed
        return str(next(self._ids))

    def send_part(self, window: Sequence[Setting]) -> None:
        del window


class Posted(Instantly):
    """The same with one request to a server each time, through the product's own HTTP."""

    def __init__(self, url: str, http: httpx.Client) -> None:
        super().__init__()
        self._url, self._http = url, http

    def send_deed(self, deed: Deed) -> str:
        self._post(deed.body)
        return super().send_deed(deed)

    def send_part(self, window: Sequence[Setting]) -> None:
        self._post([setting.desired for setting in window])

    def _post(self, body: Any) -> None:
        request = httpx.Request("POST", self._url, content=orjson.dumps(body))
        send(self._http, request, vendor="instant", writes=True)


class DeedsTo:
    """The loader's DeedWriter over an instant vendor."""

    def __init__(self, vendor: Instantly) -> None:
        self._vendor = vendor

    def send(self, deed: Deed) -> str:
        return self._vendor.send_deed(deed)

    def find(self, deed: Deed) -> NoReturn:
        raise NeverInDoubt(deed.write_key)


class SettingsTo:
    """The loader's SettingWriter: creates travel together, all else one a request."""

    def __init__(self, vendor: Instantly) -> None:
        self._vendor = vendor

    def parts(self, window: Sequence[Setting]) -> list[Sequence[Setting]]:
        return [window] if window[0].verb == "create" else [[setting] for setting in window]

    def send(self, verb: str, window: Sequence[Setting]) -> list[Sent]:
        del verb
        self._vendor.send_part(window)
        return [Sent(setting.key, "done") for setting in window]

    def observe(self, setting: Setting) -> NoReturn:
        raise NeverInDoubt(str(setting.key))


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection: each request is read to its end and answered, until the caller hangs up."""
    with suppress(asyncio.IncompleteReadError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(content_length(head))
            writer.write(ANSWER)
    writer.close()


def content_length(head: bytes) -> int:
    """How many bytes follow the head of a request.

    >>> content_length(b"POST / HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 12\\r\\n\\r\\n")
    12
    >>> content_length(b"GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
    0
    """
    fields = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    lengths = [int(value) for name, _, value in fields if name.lower() == b"content-length"]
    return lengths[0] if lengths else 0


@contextmanager
def running_server() -> Iterator[str]:
    """The address of an instant server in a process of its own, ended with the block."""
    command = [sys.executable, "-m", "bench.instant"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/"
    finally:
        process.kill()
        process.wait()


async def _serve() -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
