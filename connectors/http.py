"""Send one request, and say truthfully what became of it.

Everything a vendor's client shares with its neighbours is here: the filing of
transport failures, the vendor's clock, and the patience of reads.
"""

import ssl
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_address
from typing import TypeVar

import httpx

from connectors.dates import http_time
from connectors.errors import (
    NotSent,
    OutcomeUnknown,
    ReadFailed,
    Throttled,
    TryAgain,
)
from connectors.meter import Meter

T = TypeVar("T")

# httpx raises these before the first byte leaves (a local protocol error is an illegal
# header, found while the head is written into a buffer); after any other failure the
# vendor may have received, and acted on, the whole request.
BEFORE_THE_FIRST_BYTE = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.ProxyError,
)
# Vendors tell integrations apart by it, and so does the sandbox's record of exchanges.
try:
    USER_AGENT = f"syncline/{version('syncline')}"
except PackageNotFoundError:  # run from a checkout that nobody installed
    USER_AGENT = "syncline"
# A file is wanted as it lies there: unpacked on the way, its size would not be bounded.
PLAINLY = {"accept-encoding": "identity", "user-agent": USER_AGENT}
LONGEST_WAIT_S = 60.0  # a read that is told to wait longer gives up and says so


def address_of(url: str, setting: str = "base_url") -> str:
    """Return a base URL without its last slash; ValueError unless it is http(s) to a host.

    Found here, a slip in a setting is one sentence; found by the first call it
    would look like a vendor that cannot be reached.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"{setting} {url!r}: {error}") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError(
            f"{setting} {url!r} is not an address of http or https: https://example.com"
        )
    if parsed.query or parsed.fragment or parsed.userinfo:
        raise ValueError(f"{setting} may hold neither a query nor a password")
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: what is sent there is on no line.

    >>> is_loopback("[::1]"), is_loopback("127.0.0.2"), is_loopback("localhost.example")
    (True, True, False)
    """
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


@cache
def trusted() -> ssl.SSLContext:
    """Whose certificates are believed, read from disk once a process: it takes 20 ms each time."""
    return httpx.create_ssl_context()


def open_http(
    *, connect_s: float = 5.0, read_s: float = 30.0, most_at_once: int = 10
) -> httpx.Client:
    """Return a client that follows no redirect and reuses no stale connection.

    A kept connection that the vendor closes just as we write makes an unknown
    outcome out of nothing, so ours are dropped after 2 idle seconds, before
    common servers (5 s) drop them.
    """
    return httpx.Client(
        verify=trusted(),
        timeout=httpx.Timeout(read_s, connect=connect_s, pool=connect_s),
        limits=httpx.Limits(max_connections=most_at_once, keepalive_expiry=2.0),
        follow_redirects=False,
    )


def send(
    http: httpx.Client, request: httpx.Request, *, vendor: str, writes: bool, call: str = ""
) -> httpx.Response:
    """Return whatever the vendor answered, read to its end; raise only for the lack of it.

    `writes` is said by the caller since the HTTP method does not tell: Mailigen
    reads with POST. The message names the kind of failure and not its text,
    which may hold the header that was illegal: the token.
    """
    call = call or f"{request.method} {request.url.path}"
    request.headers["user-agent"] = USER_AGENT  # also where the client is lent
    try:
        answer = http.send(request)
    except BEFORE_THE_FIRST_BYTE as error:
        place = f"{request.url.scheme}://{request.url.netloc.decode()}"
        said = f"not sent ({type(error).__name__}): is {place} right, and does it answer?"
        raise NotSent(vendor, call, said) from error
    except httpx.RequestError as error:
        raise lost(vendor, call, f"no answer ({type(error).__name__})", writes) from error
    # It is read, and it and its stream hold each other: with them the body would stay until the
    # collector comes by, which is seldom in a run.
    answer.stream = httpx.ByteStream(b"")
    return answer


def lost(
    vendor: str, call: str, said: str, writes: bool, request_id: str = ""
) -> ReadFailed | OutcomeUnknown:
    """Name an answer that is missing or that nobody can understand."""
    family = OutcomeUnknown if writes else ReadFailed
    return family(vendor, call, said, request_id=request_id)


def patiently(
    read: Callable[[], T],
    *,
    sleep: Callable[[float], None],
    tries: int = 5,
    first_wait_s: float = 0.5,
) -> T:
    """Return what `read` returns, repeating it while the vendor says "try again".

    For reads only. Waits double from `first_wait_s`; a vendor that asks for a
    wait gets exactly that, and one that asks for over a minute gets the error.
    """
    for wait in (first_wait_s * 2**n for n in range(tries - 1)):
        try:
            return read()
        except Throttled as error:
            if error.retry_after > LONGEST_WAIT_S:
                raise
            sleep(max(error.retry_after, first_wait_s))
        except TryAgain:
            sleep(wait)
    return read()


def utc_now() -> datetime:
    return datetime.now(UTC)


def _bounded(answer: httpx.Response, vendor: str, call: str, most_bytes: int) -> bytes:
    """All of a streamed body, as it came; a larger one is not read to its end."""
    if answer.status_code != 200:
        raise ReadFailed(vendor, call, f"HTTP {answer.status_code} where the result should lie")
    parts, count = [], 0
    for part in answer.iter_raw():
        count += len(part)
        if count > most_bytes:
            raise ReadFailed(vendor, call, f"is larger than {most_bytes} bytes")
        parts.append(part)
    return b"".join(parts)


class Line:
    """One vendor's line: metered requests out, answers and the vendor's time in."""

    def __init__(
        self,
        vendor: str,
        http: httpx.Client | None,
        meter: Meter,
        now: Callable[[], datetime] = utc_now,
        opened: Callable[[], httpx.Client] = open_http,
    ) -> None:
        self._vendor, self._meter, self._now = vendor, meter, now
        self._is_lent = http is not None
        self._http = http or opened()
        self._offset = timedelta(0)

    def close(self) -> None:
        """Close the connections, unless they were lent to us."""
        if not self._is_lent:
            self._http.close()

    def ask(self, request: httpx.Request, *, call: str, cost: int, kind: str) -> httpx.Response:
        """Pay, send, and learn from the headers; the answer itself is not judged here."""
        self._meter.spend(cost, kind)
        answer = send(self._http, request, vendor=self._vendor, writes=kind == "write", call=call)
        self._learn_time(answer.headers.get("date", ""))
        self._meter.learned(dict(answer.headers))
        return answer

    def fetch(self, url: str, *, call: str, most_bytes: int) -> bytes:
        """Return what lies at an address the vendor gave, without any credential.

        ReadFailed for anything but all of it: it is elsewhere, and its host has no say.
        """
        try:
            request = httpx.Request("GET", url, headers=PLAINLY)
            with closing(self._http.send(request, stream=True)) as answer:
                return _bounded(answer, self._vendor, call, most_bytes)
        except (httpx.InvalidURL, httpx.RequestError, UnicodeError) as error:
            said = f"could not be fetched ({type(error).__name__})"
            raise ReadFailed(self._vendor, call, said) from error

    def clock_offset(self) -> float:
        """Seconds the vendor's clock is ahead of ours; 0.0 until it has answered once."""
        return self._offset.total_seconds()

    def vendor_now(self) -> datetime:
        return self._now() + self._offset

    def _learn_time(self, date: str) -> None:
        theirs = http_time(date)
        if theirs is not None:
            self._offset = theirs - self._now()
