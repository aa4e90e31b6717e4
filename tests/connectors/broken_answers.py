"""What a broken vendor might answer: valid answers with parts of them spoilt, and plain noise.

answers(samples)      status, headers and body, from valid bodies spoilt a little or a lot
spoilt(samples)       the same, as values that JSON knows
"""

import copy
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st

ERRORS = (
    {"error": "Invalid API Key: s3cret", "code": 104}, {"error": "x", "code": 232},
    {"error": {"deep": []}, "code": None}, {"success": False, "error": "limit reached"},
)  # fmt: skip
PAGES = (b"", b"<html>maintenance</html>", b"null", b"[]", b"{}", b'""', b"NaN", b"\xff\xfe\x00")
ODD_TEXT = ("", " ", "\ud83d", "\x00", "9" * 400, "1e999", "-1", "NaN", "a@x.lv", "\u0130")
ODD_NUMBERS = (0, -1, 2**31, 2**63, 2**64, 10**40, 1.5, 1e308)
DATES = (
    "", "yesterday", "Mon, 01 Jan 0001 00:00:00 -2359", "Mon, 01 Jan 2024 00:00:00 +99999999999999",
    "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 32 Jan 2024 25:61:61 GMT",
    "Sun, 22 Nov 2026 10:00:00 -0000", "Sun, 22 Nov 2026 10:00:00 GMT",
)  # fmt: skip
WAITS = ("", "0", "7", "-1", "nan", "inf", "1e999", "9" * 60, "soon", *DATES)

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
    | st.sampled_from(ODD_TEXT) | st.sampled_from(ODD_NUMBERS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
HEADERS = st.fixed_dictionaries(
    {}, optional={
        "date": st.sampled_from(DATES) | st.text(max_size=20),
        "retry-after": st.sampled_from(WAITS),
        "x-ratelimit-reset": st.sampled_from(WAITS),
        "x-ratelimit-remaining": st.sampled_from(WAITS),
        "x-correlation-id": st.text(max_size=9),
    },
)  # fmt: skip


class Answered(NamedTuple):
    """One answer, as a client gets it."""

    status: int
    headers: dict[str, str]
    content: bytes


@st.composite
def spoilt(draw: st.DrawFn, samples: Sequence[Any]) -> Any:
    """A sample with up to three of its parts taken away, replaced or nested."""
    value = copy.deepcopy(draw(st.sampled_from(list(samples))))
    for _ in range(draw(st.integers(0, 3))):
        places = list(_places(value))
        if not places:
            return draw(JUNK)
        held, key = draw(st.sampled_from(places))
        act = draw(st.sampled_from(["drop", "replace", "nest", "double"]))
        if act == "drop":
            del held[key]
        elif act == "replace":
            held[key] = draw(JUNK)
        elif act == "nest":
            held[key] = [held[key]]
        else:
            held[key] = [held[key], copy.deepcopy(held[key])]
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place inside a value, as the holder and the key or index in it."""
    keys = (
        value.keys()
        if isinstance(value, dict)
        else range(len(value))
        if isinstance(value, list)
        else ()
    )
    for key in keys:
        yield value, key
        yield from _places(value[key])


@st.composite
def _bodies(draw: st.DrawFn, samples: Sequence[Any]) -> bytes:
    how = draw(st.sampled_from(["spoilt"] * 6 + ["page", "noise", "error", "deep"]))
    if how == "page":
        return draw(st.sampled_from(PAGES))
    if how == "noise":
        return draw(st.binary(max_size=60))
    if how == "deep":
        depth = draw(st.sampled_from([60, 70, 260, 990, 5000]))
        return b'{"success": true, "data": ' + b"[" * depth + b"]" * depth + b"}"
    value = draw(spoilt(ERRORS if how == "error" else samples))
    body = json.dumps(value).encode()
    if draw(st.integers(0, 9)) == 0:
        return body[: draw(st.integers(0, len(body)))]
    return body


def answers(samples: Sequence[Any]) -> st.SearchStrategy[Answered]:
    """Mostly 200, since there the body has the say."""
    statuses = st.sampled_from(
        [200] * 8 + [201, 204, 301, 400, 401, 402, 403, 404, 408, 409, 410, 429, 500, 502]
    )
    return st.builds(Answered, statuses, HEADERS, _bodies(samples))
