"""Members by the page: the listing with its filters, and the search."""

from collections.abc import Callable, Iterator
from typing import Any

from sandbox.books import Record
from sandbox.mailchimp.account import Account, stamp
from sandbox.mailchimp.call import Call
from sandbox.mailchimp.links import link, links_of_many
from sandbox.mailchimp.member_shape import full_name, show_members
from sandbox.mailchimp.membership import SHOWN_STATUSES
from sandbox.mailchimp.problems import invalid
from sandbox.mailchimp.route import Route

Test = Callable[[Record], bool]
SORTS = ("timestamp_opt", "timestamp_signup", "last_changed")
INTEREST = ("interest_category_id", "interest_ids", "interest_match")
SHORTEST_QUERY = 3
OF_A_PAGE = frozenset({"count", "offset", "fields", "exclude_fields"})


def list_members(call: Call) -> dict[str, Any]:
    """Archived members show only when asked for by status (an assumption)."""
    list_id = call.list_id
    found = call.account.members.kept(
        list_id, _question(call, list_id), lambda: _asked_for(call, list_id)
    )
    return {
        "members": show_members(call, call.page_of(found)),
        "list_id": list_id,
        "total_items": len(found),
        "_links": links_of_many(call.url(f"/lists/{list_id}/members"), "Lists/Members"),
    }


def _question(call: Call, list_id: str) -> tuple[object, ...]:
    """Which members are asked for, in which order, whatever page of them."""
    assumed = call.account.assumed
    asked = sorted((name, word) for name, word in call.query.items() if name not in OF_A_PAGE)
    last = last_sent(call.account, list_id) if call.flag("since_last_campaign") else ""
    return (*asked, assumed["members_hide_archived"], assumed["since_is_inclusive"], last)


def _asked_for(call: Call, list_id: str) -> list[Record]:
    tests = list(_tests(call, list_id))
    found = [m for m in call.account.members.of(list_id) if all(test(m) for test in tests)]
    return sorted_rows(call, found, SORTS)


def sorted_rows(call: Call, rows: list[Record], sorts: tuple[str, ...]) -> list[Record]:
    """In the order asked for; ties, and everything unasked, in order of creation."""
    field = call.one_of("sort_field", sorts)
    is_down = call.one_of("sort_dir", ("ASC", "DESC")) == "DESC"
    return sorted(rows, key=lambda row: str(row[field]), reverse=is_down) if field else rows


def _tests(call: Call, list_id: str) -> Iterator[Test]:
    status = call.one_of("status", SHOWN_STATUSES)
    if status:
        yield lambda m: bool(m["status"] == status)
    elif call.account.assumed["members_hide_archived"]:
        yield lambda m: bool(m["status"] != "archived")
    for name in ("timestamp_opt", "last_changed"):
        if call.query.get(f"since_{name}") or call.query.get(f"before_{name}"):
            yield _between(call, name)
    for name in ("email_type", "unique_email_id"):
        if wanted := call.query.get(name):
            yield _equals(name, wanted)
    if call.flag("vip_only"):
        yield lambda m: bool(m["vip"])
    if call.flag("since_last_campaign"):
        yield _since_last_campaign(call, list_id, status)
    if call.query.get("unsubscribed_since"):
        if status != "unsubscribed":
            raise invalid(("unsubscribed_since", "Only with status unsubscribed."))
        yield lambda m: call.is_since("unsubscribed_since", m["status_at"])
    if any(call.query.get(name) for name in INTEREST):
        yield _interest(call)


def _between(call: Call, name: str) -> Test:
    return lambda m: (
        call.is_since(f"since_{name}", m[name]) and call.is_before(f"before_{name}", m[name])
    )


def _equals(name: str, wanted: str) -> Test:
    return lambda m: bool(m[name] == wanted)


def _since_last_campaign(call: Call, list_id: str, status: str) -> Test:
    """Members who came to the status asked for after the list's last campaign."""
    if not status:
        raise invalid(("since_last_campaign", "Must be accompanied by status."))
    last = last_sent(call.account, list_id)
    return lambda m: bool(m["status_at"] > last)


def last_sent(account: Account, list_id: str) -> str:
    """When the list was last written to, empty if never."""
    sent = (c for c in account.campaigns.live() if c["list_id"] == list_id)
    return max((str(c["send_time"]) for c in sent if c["status"] == "sent"), default="")


def _interest(call: Call) -> Test:
    if absent := [name for name in INTEREST if not call.query.get(name)]:
        raise invalid((absent[0], f"Must be accompanied by {', '.join(INTEREST)}."))
    how = call.one_of("interest_match", ("any", "all", "none"))
    wanted = call.query["interest_ids"].split(",")

    def matches(member: Record) -> bool:
        has = [bool(member["interests"].get(i)) for i in wanted]
        return {"any": any(has), "all": all(has), "none": not any(has)}[how]

    return matches


def search_members(call: Call) -> dict[str, Any]:
    """By address or name, over all lists or one; an index of its own that may lag."""
    asked = call.query.get("query", "").strip().lower()
    if len(asked) < SHORTEST_QUERY:
        raise invalid(("query", f"Please enter at least {SHORTEST_QUERY} characters."))
    wanted = call.query.get("list_id")
    lists = [call.account.the_list(wanted)["id"]] if wanted else _list_ids(call.account)
    rows = [m for list_id in lists for m in call.account.members.of(list_id) if _is_known(call, m)]
    exact = [m for m in rows if m["email_address"].lower() == asked]
    full = [m for m in rows if asked in f"{m['email_address']} {full_name(m)}".lower()]
    return {
        "exact_matches": _matches(call, exact),
        "full_search": _matches(call, full),
        "_links": [link("self", call.url("/search-members"))],
    }


def _list_ids(account: Account) -> list[str]:
    return [record["id"] for record in account.lists.live()]


def _is_known(call: Call, member: Record) -> bool:
    """Whether the index has the member by now, and shows it."""
    is_hidden = member["status"] == "archived" and not call.account.assumed["search_finds_archived"]
    if is_hidden or not call.search_lag_s:
        return not is_hidden
    horizon = stamp(call.at.fromtimestamp(call.at.timestamp() - call.search_lag_s, call.at.tzinfo))
    return bool(member["last_changed"] <= horizon)


def _matches(call: Call, found: list[Record]) -> dict[str, Any]:
    shown = [row for m in found[:MOST_FOUND] for row in show_members(call, [m])]
    return {"members": shown, "total_items": len(found)}


MOST_FOUND = 30

ROUTES = [
    Route("GET", "/lists/{list_id}/members", list_members),
    Route("GET", "/search-members", search_members),
]
