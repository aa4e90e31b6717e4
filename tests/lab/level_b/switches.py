"""Protections that can be switched off, one at a time, to see whether the lab turns red."""

from collections.abc import Iterator
from contextlib import contextmanager

SWITCHES: dict[str, object] = {}


@contextmanager
def without(protection: str) -> Iterator[None]:
    """While this lasts, a protection is missing; an empty name switches nothing off."""
    del protection
    yield
