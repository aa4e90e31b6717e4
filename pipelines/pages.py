"""Records on their way, some at a time: none of the ways holds them all."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
PAGE = 2_000


def told(
    tell: Callable[[str, str, int], None], noun: str, pages: Iterable[list[T]]
) -> Iterator[list[T]]:
    """The same pages; with each it is told how many records have been read."""
    count = 0
    for page in pages:
        count += len(page)
        tell("extract", f"{noun} read", count)
        yield page


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
