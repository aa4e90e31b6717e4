"""Many calls in one request, worked off by the vendor later: what goes in, and what came of it.

pending --> preprocessing --> started --> finalizing --> finished --> a gzipped tar of answers

An operation here reads a member or changes its values. None can write a status, for there is no
way to put another body into it. The tar is read where it lies in memory: nothing in it is a
path, and neither its size nor that of what it unpacks to is without end.
"""

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from connectors.bodies import read_json
from connectors.errors import ConnectorError, OutcomeUnknown, ReadFailed
from connectors.mailchimp.members import Values, update_body
from connectors.mailchimp.records import MEMBER
from connectors.mailchimp.refusals import read_answer
from connectors.mailchimp.wire import VENDOR, Call, as_json, call, member_id, read_one

MOST_OPERATIONS: Final = 500  # 1000 is said by others; unverified
MOST_PACKED_BYTES: Final = 32 * 2**20
MOST_BYTES: Final = 256 * 2**20
FINISHED: Final = "finished"
RESULTS: Final = "GET results of a batch"  # not a call of the API: a file elsewhere


@dataclass(frozen=True)
class MemberUpdate:
    """Change the values of a member, or its address, whatever its status is."""

    operation_id: str
    list_id: str
    who: str = field(repr=False)  # an address, or a contact_id
    values: Values = field(default_factory=dict, repr=False)
    new_email: str | None = field(default=None, repr=False)
    skip_merge_validation: bool = False

    @property
    def call(self) -> Call:
        return call(
            "PATCH /lists/{list}/members/{member}", self.list_id, member_id(self.who),
            body=update_body(self.values, self.new_email),
            skip_merge_validation=self.skip_merge_validation or None,
        )  # fmt: skip


@dataclass(frozen=True)
class MemberLook:
    """Read a member, as `Mailchimp.member` does."""

    operation_id: str
    list_id: str
    who: str = field(repr=False)

    @property
    def call(self) -> Call:
        name = "GET /lists/{list}/members/{member}"
        return call(name, self.list_id, member_id(self.who), fields=MEMBER)


Operation = MemberUpdate | MemberLook


class Outcome(NamedTuple):
    """What became of one operation: the record it answered, or why there is none."""

    record: dict[str, Any] | None
    error: ConnectorError | None


def batch_body(operations: Sequence[Operation]) -> dict[str, Any]:
    """The body of POST /batches; ValueError unless each operation can be told by its id."""
    ids = {one.operation_id for one in operations if one.operation_id}
    if not 0 < len(operations) <= MOST_OPERATIONS or len(ids) != len(operations):
        raise ValueError(f"a batch has up to {MOST_OPERATIONS} operations, each of its own id")
    return {"operations": [_operation(one) for one in operations]}


def _operation(one: Operation) -> dict[str, Any]:
    asked = one.call
    told: dict[str, Any] = {
        "method": asked.method, "path": asked.path, "operation_id": one.operation_id,
        "params": dict(asked.query),
    }  # fmt: skip
    return told if asked.body is None else {**told, "body": as_json(asked.body)}


def read_results(packed: bytes, operations: Sequence[Operation]) -> dict[str, Outcome]:
    """Return what became of each operation, by its id.

    ReadFailed when the file cannot be read: nothing is lost by fetching it again. One that the
    file does not speak of, or speaks of twice, has an outcome nobody knows.
    """
    told: dict[str, list[Mapping[str, Any]]] = {}
    for row in _rows(packed):
        told.setdefault(str(row.get("operation_id")), []).append(row)
    return {
        one.operation_id: _outcome(one.call, told.get(one.operation_id, [])) for one in operations
    }


def _outcome(asked: Call, rows: Sequence[Mapping[str, Any]]) -> Outcome:
    status = rows[0].get("status_code") if len(rows) == 1 else None
    response = rows[0].get("response") if len(rows) == 1 else None
    if not isinstance(status, int) or not isinstance(response, str):
        said = f"the batch's results speak of it {len(rows)} times"
        family = OutcomeUnknown if asked.writes else ReadFailed
        return Outcome(None, family(VENDOR, asked.name, said))
    try:
        body = read_answer(asked, status, {}, response.encode("utf-8", "replace"))
        return Outcome(read_one(asked, body), None)
    except ConnectorError as error:
        return Outcome(None, error)


def _rows(packed: bytes) -> Iterator[dict[str, Any]]:
    for content in _files(packed):
        if not content.strip():
            continue  # some are empty
        try:
            rows = read_json(content)
        except ValueError as error:
            raise _spoilt("holds a file that is not JSON") from error
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise _spoilt("holds a file that is no list of answers")
        yield from rows


def _files(packed: bytes) -> Iterator[bytes]:
    """The contents of the files of a gzipped tar, whatever they are called."""
    plain = _Bounded(gzip.GzipFile(fileobj=io.BytesIO(packed)), MOST_BYTES)
    try:
        with tarfile.open(fileobj=plain, mode="r|") as tar:
            for entry in tar:
                content = tar.extractfile(entry) if entry.isfile() else None
                if content is not None:
                    yield content.read()
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise _spoilt(f"is no gzipped tar ({type(error).__name__})") from error


class _Bounded(io.RawIOBase):
    """A stream that ends with an error where it has given too much."""

    def __init__(self, inner: gzip.GzipFile, most: int) -> None:
        super().__init__()
        self._inner, self._left = inner, most

    def read(self, size: int = -1) -> bytes:
        part = self._inner.read(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(part)
        if self._left < 0:
            raise tarfile.ReadError("too large")
        return part


def _spoilt(said: str) -> ReadFailed:
    return ReadFailed(VENDOR, RESULTS, said)
