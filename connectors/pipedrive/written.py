"""Pages of persons as Pipedrive wrote them: looked over, and not taken apart.

Whoever only keeps a hundred thousand records needs no dict of each. A page out of the ordinary is
left to the reader of all other calls, which says what is wrong with it, or mends it.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import msgspec
import orjson

from connectors.bodies import DEEPEST
from connectors.pipedrive.refusals import read_envelope
from connectors.pipedrive.wire import Call, Page
from connectors.shapes import LARGEST

# What no file or database takes: half an emoji, which only an escape can write, and NUL.
_SPOILT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


class Written(NamedTuple):
    """A person: its id, and its JSON."""

    id: int
    text: str

    def record(self) -> dict[str, Any]:
        """What the text says."""
        record: dict[str, Any] = orjson.loads(self.text)
        return record


class _Object(msgspec.Struct, gc=False):
    """Some object."""


class _Person(msgspec.Struct, gc=False):
    """What `connectors.pipedrive.records` asks of a person."""

    id: Annotated[int, msgspec.Meta(gt=0, le=LARGEST)]
    emails: list[_Object] | None = None
    phones: list[_Object] | None = None


class _Persons(msgspec.Struct):
    data: list[_Person]


class _More(msgspec.Struct):
    next_cursor: str | None = None


class _Envelope(msgspec.Struct):
    success: bool
    data: list[msgspec.Raw]
    additional_data: _More | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_PERSONS = msgspec.json.Decoder(_Persons)


def read_as_written(
    call: Call, status: int, headers: Mapping[str, str], content: bytes, *, token: str = ""
) -> Page[Written] | dict[str, Any]:
    """Read one page of persons; what is out of the ordinary as `read_envelope` does."""
    page = plain_page(content) if 200 <= status < 300 else None
    return page or read_envelope(call, status, headers, content, token=token)


def plain_page(content: bytes) -> Page[Written] | None:
    """The persons of a page in which all is as it should be; None of any other."""
    if _SPOILT.search(content):
        return None
    try:
        content.decode()  # what is skipped nobody else holds against UTF-8
        envelope, persons = _ENVELOPE.decode(content), _PERSONS.decode(content).data
        texts = [bytes(raw).decode() for raw in envelope.data]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    # Whoever nests deeper than that has at least so many brackets.
    if not envelope.success or any(t.count("[") + t.count("{") > DEEPEST for t in texts):
        return None
    mark = envelope.additional_data.next_cursor if envelope.additional_data else None
    pairs = zip(persons, texts, strict=True)
    return Page([Written(person.id, text) for person, text in pairs], mark or None)


def written_again(page: Page[dict[str, Any]]) -> Page[Written]:
    """The same page, its records as texts of ours."""
    texts = [Written(one["id"], orjson.dumps(one).decode()) for one in page.records]
    return Page(texts, page.next_mark)
