"""Records on their way, some at a time: none of the ways holds them all."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
PAGE = 2_000


def in_pages(records: Iterable[T]) -> Iterator[list[T]]:
    """Hand records on in pages."""
    page: list[T] = []
    for record in records:
        page.append(record)
        if len(page) >= PAGE:
            yield page
            page = []
    if page:
        yield page
