"""One exchange as the sandbox's recorder wrote it down, and what every contract says of one.

A contract is asked `hold(exchange)`: the complaints, none when all is well.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl

import httpx

OURS = "syncline"  # how our connectors begin their user-agent
DESKS = "python-httpx"  # the tests' own hands
RANDOM = "random requests"
LONGEST_PATH = 90  # of one that is told
REFUSED_FOR_ITS_SHAPE = 400  # such a request may be anything


class Exchange(NamedTuple):
    """`status` 0: the vendor never saw the request, there is no answer."""

    vendor: str
    agent: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    status: int
    request: dict[str, Any] | None
    answer: dict[str, Any] | None

    @property
    def is_ours(self) -> bool:
        return self.agent.startswith(OURS)

    @property
    def caller(self) -> str:
        """Whose request it was, as the report groups them."""
        if self.is_ours:
            return "connectors"
        return "tests" if self.agent.startswith((DESKS, RANDOM)) else "other clients"

    @property
    def is_request_held(self) -> bool:
        """What the vendor refused for its shape may be anything; so may what a test sends where
        the vendor refused for another reason."""
        if self.is_ours:
            return self.status != REFUSED_FOR_ITS_SHAPE
        return 0 < self.status < REFUSED_FOR_ITS_SHAPE

    @property
    def name(self) -> str:
        return f"{self.caller}: {self.method} {self.path[:LONGEST_PATH]} {self.status}"


class Contract(Protocol):
    """What a vendor published of its calls, or what is documented of them elsewhere."""

    name: str
    used: Counter[str]  # corrections that an exchange needed

    def hold(self, exchange: Exchange) -> list[str]:
        """What does not fit; counts in `used` what had to be forgiven."""

    def operation_of(self, exchange: Exchange) -> str | None:
        """The contract's name of the call, None for one it does not have."""

    def operations(self) -> list[str]: ...

    def implemented(self) -> set[str]:
        """The operations that the sandbox answers."""

    def corrections(self) -> list[str]:
        """Every correction by its name in `used`."""

    def why_absent(self) -> str:
        """Why nothing can be held against it here; empty when it can."""


def read_exchanges(folder: Path) -> Iterator[Exchange]:
    """Every exchange recorded in the folder, the one that a kill cut short left out."""
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                told = json.loads(line)
                query = tuple((name, text) for name, text in told.pop("query"))
                yield Exchange(query=query, **told)


def met(answer: httpx.Response, root: str) -> Exchange:
    """An exchange just had with the vendor at `root`, for a complaint on the spot."""
    asked = answer.request
    return Exchange(
        vendor=root.rpartition("/")[2],
        agent=asked.headers.get("user-agent", ""),
        method=asked.method,
        path=asked.url.path.removeprefix(httpx.URL(root).path),
        query=tuple(asked.url.params.multi_items()),
        status=answer.status_code,
        request=_body(asked.headers.get("content-type", ""), asked.read()),
        answer=_body(answer.headers.get("content-type", ""), answer.read()),
    )


def _body(content_type: str, body: bytes) -> dict[str, Any] | None:
    kind = content_type.partition(";")[0]
    if not body:
        return None
    if kind == "application/x-www-form-urlencoded":
        return {"type": kind, "form": parse_qsl(body.decode(), keep_blank_values=True)}
    try:
        return {"type": kind, "json": json.loads(body)}
    except ValueError:
        return {"type": kind, "text": ""}
