"""A server of pages rendered before: what it takes to make an answer is nobody's reading.

    python -m bench.reading.pages --people 100000

The pages are the sandbox's own, asked for once as a client would; then it goes, and they are
served from memory over kept connections, one thread, by their cursor. Prints its address.
"""

import argparse
import asyncio
import sys
from contextlib import suppress
from functools import partial
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson

from bench.house import at_their_pace, sandbox

PATH = "/pipedrive/api/v2/persons"
TOKEN = "sandbox-pipedrive-admin"
ROWS = 500
ASKED = {
    "limit": str(ROWS), "sort_by": "id", "sort_direction": "asc",
    "include_fields": "last_incoming_mail_time,last_outgoing_mail_time,last_activity_id",
}  # fmt: skip
Pages = dict[str, bytes]


def rendered(people: int) -> Pages:
    """Every page of a sandbox's persons, by the cursor that asks for it; '' for the first."""
    pages: Pages = {}
    with (
        sandbox(people) as url,
        httpx.Client(headers={"x-api-token": TOKEN}, timeout=60, trust_env=False) as http,
    ):
        plan = {"vendor": "pipedrive", "name": "plan", "value": "ultimate"}
        http.post(f"{url}/_sandbox/assumptions", json=plan).raise_for_status()
        cursor = ""
        while cursor not in pages:
            asked = ASKED | ({"cursor": cursor} if cursor else {})
            body = at_their_pace(partial(http.get, url + PATH, params=asked)).content
            pages[cursor] = body
            cursor = orjson.loads(body)["additional_data"]["next_cursor"] or ""
    return pages


async def answered(
    answers: dict[str, bytes], arrived: asyncio.StreamReader, wire: asyncio.StreamWriter
) -> None:
    """One connection. Requests are GETs without a body, one after another."""
    with suppress(asyncio.IncompleteReadError):
        while True:
            head = await arrived.readuntil(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].decode()
            cursor = parse_qs(urlsplit(target).query).get("cursor", [""])[0]
            wire.write(answers[cursor])
            await wire.drain()
    wire.close()


def answer(body: bytes) -> bytes:
    """A whole answer, head and body."""
    head = (
        "HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def serve(pages: Pages) -> None:
    answers = {cursor: answer(body) for cursor, body in pages.items()}
    server = await asyncio.start_server(partial(answered, answers), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    size = sum(map(len, pages.values())) / 2**20
    rows = sum(len(orjson.loads(body)["data"]) for body in pages.values())
    sys.stdout.write(f"{len(pages)} {rows} {size:.0f} http://127.0.0.1:{port}{PATH}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    ask = argparse.ArgumentParser(prog="bench.reading.pages")
    ask.add_argument("--people", type=int, default=100_000)
    asyncio.run(serve(rendered(ask.parse_args().people)))
