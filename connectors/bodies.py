"""Read what a vendor answered as JSON that the rest of the house can hold.

What Python's parser lets through and something later chokes on is settled here: numbers that no
column takes, nesting that no writer follows, halves of an emoji that no file can be written with.
"""

import json
import re
from typing import Any

import orjson

DEEPEST = 64  # vendors nest five levels; a writer of JSON gives up at some 250
# Half a surrogate pair as an escape, and the character PostgreSQL has no place for.
_SPOILT = re.compile(r"[\ud800-\udfff\x00]")
_LARGEST = 2**63
_CONTAINERS = frozenset({dict, list})


def read_json(content: bytes) -> Any:
    """Parse a body, or raise ValueError for anything that is not JSON.

    Half an emoji (a name cut in the middle by the vendor) becomes "?": one name must not stop a
    run. A number of more than 64 bits becomes a float, as every other reader makes it.

    >>> read_json(b'{"name": "Ann \\\\ud83d"}')
    {'name': 'Ann ?'}
    """
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        value = _mended(_parsed(content))  # more lenient, and seldom needed
    else:
        if rb"\u0000" in content:
            value = _mended(value)
    if _is_too_deep(value):
        raise ValueError("nested too deeply")
    return value


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content, parse_constant=_no_such_number)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _no_such_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _mended(value: Any, room: int = DEEPEST) -> Any:
    """The same value, as any writer of JSON takes it."""
    if not room:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        return {_mended(key): _mended(inner, room - 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_mended(inner, room - 1) for inner in value]
    if isinstance(value, str):
        return _SPOILT.sub("?", value)
    if isinstance(value, int) and abs(value) >= _LARGEST:
        return _float(value)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number beyond all numbers")
    return value


def _float(number: int) -> float:
    try:
        return float(number)
    except OverflowError as error:
        raise ValueError("a number beyond all numbers") from error


def _is_too_deep(value: Any) -> bool:
    level = [value] if type(value) in _CONTAINERS else []
    for _ in range(DEEPEST):
        if not level:
            return False
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in _CONTAINERS  # of a parser, so nothing is a subclass
        ]
    return bool(level)
