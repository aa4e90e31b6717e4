"""Read persons only to keep them: each stays the text that Pipedrive wrote."""

from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from datetime import datetime

from connectors.errors import Gone
from connectors.pipedrive import Pipedrive, Written
from pipelines.pipedrive_side.names import filter_problem
from state.consent import Erased


class FilterProblemError(Exception):
    """A filter cannot be walked; the text says why."""


def pages_of_filter(
    crm: Pipedrive, erased: Erased, filter_id: int, include_fields: Sequence[str] = ()
) -> Iterator[list[Written]]:
    """Pages of the persons whom a filter selects.

    FilterProblemError, perhaps after the last page: a filter that dies during its walk may have
    answered with everybody.
    """
    _must_be_walkable(crm, filter_id)
    yield from _pages(crm.persons_as_written(filter_id, None, include_fields), erased)
    _must_be_walkable(crm, filter_id)


def pages_of_all(
    crm: Pipedrive, erased: Erased, since: datetime | None = None,
    include_fields: Sequence[str] = (),
) -> Iterator[list[Written]]:  # fmt: skip
    """Pages of everybody, or of who changed since then."""
    return _pages(crm.persons_as_written(None, since, include_fields), erased)


def _pages(pages: Iterator[list[Written]], erased: Erased) -> Iterator[list[Written]]:
    return (list(erased.without_written(page, Written.record)) for page in pages)


def noting_ids(
    pages: Iterable[list[Written]], ids: MutableSequence[int]
) -> Iterator[list[Written]]:
    """The same pages; whoever passes is added to `ids`."""
    for page in pages:
        ids.extend(one.id for one in page)
        yield page


def problem_of(crm: Pipedrive, filter_id: int) -> str:
    """Why a filter cannot be walked; '' when it can."""
    try:
        return filter_problem(crm.filter(filter_id))
    except Gone:
        return filter_problem(None)


def _must_be_walkable(crm: Pipedrive, filter_id: int) -> None:
    if problem := problem_of(crm, filter_id):
        raise FilterProblemError(problem)
