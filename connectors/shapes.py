"""Whether records that came have what everything later counts on, and that of the right kind.

A vendor's record is kept as it came, whatever else is in it; only the members named in a shape
must be as they should. Held here, an odd one is a sentence that names the call; further on it
would be a crash in the middle of a stage, or worse, a person taken for somebody without address.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Shape = Mapping[str, Callable[[object], bool]]
LARGEST = 2**63 - 1  # what a column of whole numbers holds


def misfit(records: Iterable[Mapping[str, Any]], shape: Shape) -> str:
    """Say which member of which record is not as it should be; '' when all are. Never its value.

    >>> misfit([{"id": 1}, {"id": "x"}], {"id": is_number})
    'record 2 has no usable id'
    """
    checks = tuple(shape.items())
    for place, record in enumerate(records, 1):
        for key, fits in checks:
            if not fits(record.get(key)):
                return f"record {place} has no usable {key}"
    return ""


def is_number(value: object) -> bool:
    """An id, or a count of at least one."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST


def is_key(value: object) -> bool:
    """An id of a vendor that writes them as text here and as numbers there."""
    return is_text(value) or is_number(value)


def is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def is_count(value: object) -> bool:
    """A whole number from 0, as number or in digits."""
    if isinstance(value, str):
        return value.isascii() and value.isdigit() and len(value) < 19
    return value == 0 or is_number(value)


def is_objects(value: object) -> bool:
    """A list of objects, or nothing."""
    return value is None or (
        isinstance(value, list) and all(isinstance(each, dict) for each in value)
    )


def is_plain(value: object) -> bool:
    """Text or a number: something a column shows."""
    return isinstance(value, str | int | float)


def is_options(value: object) -> bool:
    """The choices of a field, each with its id and its label; or nothing."""
    return is_objects(value) and all(
        is_plain(each.get("id")) and is_plain(each.get("label"))
        for each in (value if isinstance(value, list) else ())
    )


def is_values(value: object) -> bool:
    """An object whose members are plain; PHP writes an empty one as a list."""
    if isinstance(value, dict):
        return all(each is None or is_plain(each) for each in value.values())
    return value is None or value == []


def maybe(fits: Callable[[object], bool]) -> Callable[[object], bool]:
    """The same, or nothing at all."""
    return lambda value: value is None or value == "" or fits(value)
