"""How Pipedrive's calls are made: with a credential, paid for, and walked to their end.

Reads are repeated while the vendor says "try again"; writes never are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import httpx

from connectors.errors import BadCredentials, Blocked, QuotaExhausted, Throttled
from connectors.http import Line, patiently
from connectors.meter import Meter
from connectors.pipedrive import wire
from connectors.pipedrive.credential import Credential, Shown
from connectors.pipedrive.refusals import has_calls_left, read_envelope
from connectors.pipedrive.written import Written, read_as_written, written_again

Record = dict[str, Any]
Page = list[Record]
WrittenPage = list[Written]
T = TypeVar("T")
Rows = list[T]  # `list` is a call of the door
T_co = TypeVar("T_co", covariant=True)

# 429s in a row after which the day, and not the window, must be used up: a window of
# two seconds would long have been free. One that came with calls left in its window
# counts threefold; alone it proves nothing, for the window may just have rolled over.
MOST_THROTTLED = 8


class Reading(Protocol[T_co]):
    """How an answer is read: what a good one says, or an error for any other."""

    def __call__(
        self, call: wire.Call, status: int, headers: Mapping[str, str], content: bytes, *,
        token: str = "",
    ) -> T_co: ...  # fmt: skip


class Door:
    """The way in to one company, for one credential."""

    def __init__(
        self,
        url: str,
        credential: Credential,
        line: Line,
        meter: Meter,
        sleep: Callable[[float], None],
    ) -> None:
        """`url` may be '': the credential says then where the API is."""
        self._base_url, self._credential = url, credential
        self._line, self._meter, self._sleep = line, meter, sleep
        self._throttled_in_a_row = 0

    def one(self, name: str, **parts: Any) -> Record:
        call = wire.call(name, **parts)
        return wire.read_one(call, self.ask(call))

    def create(self, name: str, body: Mapping[str, Any], *, secret: str = "") -> int:
        call = wire.call(name, body=body, secret=secret)
        return wire.read_id(call, self.ask(call))

    def made(self, name: str, body: Mapping[str, Any]) -> Record:
        """The new record, which has an id at least; what else it shows is the vendor's affair."""
        call = wire.call(name, body=body)
        answer = self.ask(call)
        wire.read_id(call, answer)
        return wire.read_one(call, answer)

    def list(self, name: str) -> Page:
        call = wire.call(name)
        return wire.read_list(call, self.ask(call))

    def small(self, name: str, **query: Any) -> Page:
        return [record for page in self.walk(name, **query) for record in page]

    def by_id(self, name: str, ids: Sequence[int], **query: Any) -> Iterator[Page]:
        unique = sorted(set(ids))
        for at in range(0, len(unique), wire.MOST_IDS):
            batch = tuple(unique[at : at + wire.MOST_IDS])
            yield from self.walk(name, ids=batch, **query)

    def walk(self, name: str, **query: Any) -> Iterator[Page]:
        def read(call: wire.Call) -> wire.Page[Record]:
            return wire.read_page(call, self.ask(call))

        return self._walk(read, name, query)

    def walk_as_written(self, name: str, **query: Any) -> Iterator[WrittenPage]:
        """The same records, each as its text."""

        def read(call: wire.Call) -> wire.Page[Written]:
            answer = self._ask(call, read_as_written)
            if isinstance(answer, wire.Page):
                return answer
            return written_again(wire.read_page(call, answer))

        return self._walk(read, name, query)

    def _walk(
        self, read: Callable[[wire.Call], wire.Page[T]], name: str, query: Mapping[str, Any]
    ) -> Iterator[Rows[T]]:
        seen: set[str] = set()
        cursor: str | None = None
        while True:
            call = wire.call(name, **query, limit=wire.PAGE_LIMIT, cursor=cursor)
            page = read(call)
            yield page.records
            cursor = page.next_mark
            if cursor is None:
                return
            if cursor in seen:
                raise wire.misread(call, "answered with a page marker it had given before")
            seen.add(cursor)

    def walk_v1(self, name: str, **query: Any) -> Iterator[Page]:
        start: str | None = "0"
        while start is not None:
            call = wire.call(name, **query, limit=wire.PAGE_LIMIT, start=start)
            page = wire.read_page_v1(call, self.ask(call), int(start))
            yield page.records
            start = page.next_mark

    def ask(self, call: wire.Call) -> Record:
        """The envelope of a good answer."""
        return self._ask(call, read_envelope)

    def _ask(self, call: wire.Call, read: Reading[T]) -> T:
        if call.writes:
            return self._once(call, read)
        return patiently(lambda: self._once(call, read), sleep=self._sleep)

    def _once(self, call: wire.Call, read: Reading[T]) -> T:
        shown = self._credential.show()
        try:
            return self._sent(call, shown, read)
        except BadCredentials:
            # A 401 comes before anything is done, so that a write too may be sent again.
            newer = self._credential.renewed(shown)
            if newer is None:
                raise
        return self._sent(call, newer, read)

    def _sent(self, call: wire.Call, shown: Shown, read: Reading[T]) -> T:
        request = self._request(call, shown)
        answer = self._line.ask(request, call=call.name, cost=call.cost, kind=call.kind)
        try:
            said_well = read(
                call, answer.status_code, answer.headers, answer.content, token=shown.secret
            )
        except Throttled as error:
            self._throttled_in_a_row += 3 if has_calls_left(call, answer.headers) else 1
            if self._throttled_in_a_row < MOST_THROTTLED:
                raise
            said = f"{error.said}, again and again: the day's tokens are used up"
            raise QuotaExhausted(wire.VENDOR, call.name, said) from error
        except Blocked as error:
            self._meter.blocked(error.retry_after, error.said)
            raise
        finally:
            if answer.status_code != 429:
                self._throttled_in_a_row = 0
        return said_well

    def _request(self, call: wire.Call, shown: Shown) -> httpx.Request:
        headers = {shown.header: shown.value, "accept": "application/json"}
        if call.content is not None:
            headers["content-type"] = "application/json"
        url = (self._base_url or shown.api) + call.path
        return httpx.Request(
            call.method, url, params=call.query, headers=headers, content=call.content
        )
