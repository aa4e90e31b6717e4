"""Spoil an answer on its way out: single members of it, or all of it. The request was carried out.

A member is named by its place: `data.*.id` is the id in each record of a list, `*` alone each
element, the empty name the whole answer.
"""

import random
from typing import Any

import orjson

from sandbox.vendor import Answer

NOISE_BYTES = 200


def garbled(answer: Answer, member: str, value: Any) -> Answer:
    """The answer with a member replaced; an answer that has no such member goes out as it is."""
    if not member:
        return answer._replace(body=orjson.dumps(value))
    try:
        body = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return answer
    _replace(body, member.split("."), value)
    return answer._replace(body=orjson.dumps(body))


def noise(answer: Answer, seed: int) -> Answer:
    """The answer's head, and then bytes that mean nothing; the same ones for the same seed."""
    return answer._replace(body=random.Random(seed).randbytes(NOISE_BYTES))


def _replace(inside: Any, place: list[str], value: Any) -> None:
    key, *rest = place
    if isinstance(inside, list) and key == "*":
        keys: list[Any] = list(range(len(inside)))
    elif isinstance(inside, dict):
        keys = list(inside) if key == "*" else [key] if key in inside else []
    else:
        return
    for each in keys:
        if rest:
            _replace(inside[each], rest, value)
        else:
            inside[each] = value
