"""v2 lists: who is on them, in which order, and where the next page begins.

The cursor is a keyset marker, `{"field","fieldValue","sortDirection","id"}` in base64url: it
names the first record of the next page, so records that come and go meanwhile shift nothing.
"""

import base64
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from sandbox.books import Record
from sandbox.pipedrive import answers
from sandbox.pipedrive.answers import invalid
from sandbox.pipedrive.call import Call, is_number
from sandbox.pipedrive.company import Company
from sandbox.pipedrive.conditions import Matcher, selection
from sandbox.vendor import Answer

MOST, USUAL, MOST_IDS = 500, 100, 100
Quick = Mapping[str, Callable[[Company, str], Matcher]]


class Listing(NamedTuple):
    """What one list endpoint knows besides paging. `always` narrows every answer of it."""

    name: str
    quick: Quick = MappingProxyType({})
    sorts: tuple[str, ...] = ("id", "update_time", "add_time")
    has_filter: bool = True
    with_deleted: bool = False
    always: Matcher | None = None


class Marker(NamedTuple):
    field: str
    value: Any
    direction: str
    id: int


def same(member: str) -> Callable[[Company, str], Matcher]:
    """A quick filter on one member, which holds a whole number."""

    def build(_: Company, asked: str) -> Matcher:
        if not is_number(asked):
            raise invalid({member: f"Expected number, received '{asked}'"})
        wanted = int(asked)
        return lambda record: record.get(member) == wanted

    return build


def read_limit(company: Company, call: Call) -> int:
    limit = call.whole("limit")
    if limit is None:
        return USUAL
    if limit < 1 or (limit > MOST and company.assume["limit_over_500"] == "error"):
        raise invalid({"limit": f"Expected a number from 1 to {MOST}"})
    return min(limit, MOST)


def read_marker(call: Call, sort_by: str, direction: str) -> Marker | None:
    """Where this page begins; the sort of a walk may not change on the way."""
    cursor = call.query.get("cursor")
    if not cursor:
        return None
    try:
        read = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        marker = Marker(read["field"], read["fieldValue"], read["sortDirection"], int(read["id"]))
    except (ValueError, KeyError, TypeError) as wrong:
        raise invalid({"cursor": "Invalid cursor"}) from wrong
    if (marker.field, marker.direction) != (sort_by, direction):
        raise invalid({"cursor": "Invalid cursor"})
    return marker


def write_marker(record: Record, sort_by: str, direction: str) -> str:
    told = {
        "field": sort_by,
        "fieldValue": record[sort_by],
        "sortDirection": direction,
        "id": record["id"],
    }
    return base64.urlsafe_b64encode(orjson.dumps(told)).decode().rstrip("=")


def answer_list(
    company: Company,
    call: Call,
    listing: Listing,
    show: Callable[[Record], bytes] | None = None,
) -> Answer:
    """One page of the list; `show` serialises records that are to look different than usual."""
    sort_by = call.query.get("sort_by", "id")
    direction = call.query.get("sort_direction", "asc")
    if sort_by not in listing.sorts or direction not in ("asc", "desc"):
        raise invalid({"sort_by": f"Expected one of {', '.join(listing.sorts)}; asc or desc"})
    limit = read_limit(company, call)
    marker = read_marker(call, sort_by, direction)
    tests = list(_tests(company, call, listing))
    found = _walk(company, listing, tests, (sort_by, direction), marker)
    records = [record for _, record in zip(range(limit + 1), found, strict=False)]
    more = write_marker(records[limit], sort_by, direction) if len(records) > limit else None
    show = show or (lambda record: company.shown_bytes(listing.name, record))
    return answers.page([show(record) for record in records[:limit]], more)


def _walk(
    company: Company,
    listing: Listing,
    tests: list[Matcher],
    order: tuple[str, str],
    marker: Marker | None,
) -> Iterator[Record]:
    """Records that pass the tests, from the marker on."""
    if order == ("id", "asc"):
        start = bisect_left(company.ids[listing.name], marker.id) if marker else 0
        records = company.records(listing.name, with_deleted=listing.with_deleted, start=start)
    else:
        records = _sorted(company, listing, order, marker)
    return (record for record in records if all(test(record) for test in tests))


def _sorted(
    company: Company, listing: Listing, order: tuple[str, str], marker: Marker | None
) -> Iterator[Record]:
    places = company.places(listing.name, order[0])
    at = (marker.value or "", marker.id) if marker else None
    if order[1] == "asc":
        chosen = iter(places[bisect_left(places, at) if at else 0 :])
    else:
        chosen = reversed(places[: bisect_right(places, at) if at else len(places)])
    book = company.books[listing.name]
    for _, record_id in chosen:
        record = book.get(record_id)
        if record and (listing.with_deleted or not book.is_deleted(record_id)):
            yield record


def _tests(company: Company, call: Call, listing: Listing) -> Iterator[Matcher]:
    if listing.always:
        yield listing.always
    filter_id = call.whole("filter_id") if listing.has_filter else None
    if filter_id is not None:
        selected = selection(company, listing.name, filter_id)
        if selected:
            yield selected
    else:
        yield from _narrowings(company, call, listing)
    since, until = _moment(call, "updated_since"), _moment(call, "updated_until")
    if since:
        yield lambda record: (record["update_time"] or "") >= since
    if until:
        yield lambda record: (record["update_time"] or "") < until
    lag_s = company.assume["list_index_lag_s"]
    unseen = {i for i, old in company.as_of(listing.name, lag_s, call.at).items() if old is None}
    if unseen:
        yield lambda record: record["id"] not in unseen


def _narrowings(company: Company, call: Call, listing: Listing) -> Iterator[Matcher]:
    ids = call.words("ids")
    if len(ids) > MOST_IDS or not all(map(is_number, ids)):
        raise invalid({"ids": f"Expected up to {MOST_IDS} comma separated ids"})
    if ids:
        wanted = set(map(int, ids))
        yield lambda record: record["id"] in wanted
    for param, build in listing.quick.items():
        if call.query.get(param):
            yield build(company, call.query[param])


def _moment(call: Call, name: str) -> str | None:
    """A time of the query, to the second, so that it compares with stored times as text."""
    given = call.query.get(name)
    if not given:
        return None
    try:
        at = datetime.fromisoformat(given.replace(" ", "+"))
    except ValueError as wrong:
        raise invalid({name: "Expected RFC 3339 time"}) from wrong
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
