"""Every call Pipedrive answers here: version, method, path, tokens, and who answers it.

Costs are the published `x-token-cost`; a test compares them with the contract files.
"""

from collections.abc import Callable
from typing import NamedTuple

from sandbox.pipedrive import (
    activities,
    changelog,
    contacts,
    deals,
    fields,
    filters,
    merge,
    notes,
    search,
    settings,
)
from sandbox.pipedrive.call import Call
from sandbox.pipedrive.company import Company
from sandbox.vendor import Answer

Answering = Callable[[Company, Call], Answer]


class Route(NamedTuple):
    version: str
    method: str
    path: str
    cost: int
    answer: Answering

    @property
    def is_search(self) -> bool:
        return self.path.endswith("earch")


ITEM_COSTS = {"GET": 1, "PATCH": 5, "DELETE": 3}


def _v2(
    path: str, cost: int, collection: tuple[Answering, Answering], *item: Answering
) -> list[Route]:
    """A v2 object: its list and creation, then get, update and delete of one."""
    routes = [
        Route("v2", "GET", path, cost, collection[0]),
        Route("v2", "POST", path, 5, collection[1]),
    ]
    one = f"{path}/{{id}}"
    for (method, item_cost), answer in zip(ITEM_COSTS.items(), item, strict=True):
        routes.append(Route("v2", method, one, item_cost, answer))
    return routes


def _fields(name: str) -> list[Route]:
    one, options = f"/{name}/{{code}}", f"/{name}/{{code}}/options"
    return [
        Route("v2", "GET", f"/{name}", 10, fields.list_fields),
        Route("v2", "POST", f"/{name}", 5, fields.create_field),
        Route("v2", "GET", one, 1, fields.get_field),
        Route("v2", "PATCH", one, 5, fields.update_field),
        Route("v2", "DELETE", one, 3, fields.delete_field),
        Route("v2", "POST", options, 5, fields.add_options),
        Route("v2", "PATCH", options, 5, fields.rename_options),
        Route("v2", "DELETE", options, 3, fields.delete_options),
        Route("v1", "GET", f"/{name}", 20, fields.list_fields_v1),
    ]


ROUTES: list[Route] = [
    Route("v2", "GET", "/persons/search", 20, search.search_persons),
    Route("v2", "GET", "/organizations/search", 20, search.search_organizations),
    Route("v2", "GET", "/deals/search", 20, search.search_deals),
    Route("v2", "GET", "/itemSearch", 20, search.search_items),
    Route("v2", "GET", "/deals/archived", 20, deals.list_archived_deals),
    *_v2("/persons", 10, (contacts.list_persons, contacts.create_person),
         contacts.get_person, contacts.update_person, contacts.delete_person),
    *_v2("/organizations", 10, (contacts.list_organizations, contacts.create_organization),
         contacts.get_organization, contacts.update_organization, contacts.delete_organization),
    *_v2("/deals", 10, (deals.list_deals, deals.create_deal),
         deals.get_deal, deals.update_deal, deals.delete_deal),
    *_v2("/activities", 10, (activities.list_activities, activities.create_activity),
         activities.get_activity, activities.update_activity, activities.delete_activity),
    *_v2("/pipelines", 5, (deals.list_pipelines, deals.create_pipeline),
         deals.get_pipeline, deals.update_pipeline, deals.delete_pipeline),
    *_v2("/stages", 5, (deals.list_stages, deals.create_stage),
         deals.get_stage, deals.update_stage, deals.delete_stage),
    *_fields("personFields"),
    *_fields("organizationFields"),
    *_fields("dealFields"),
    Route("v2", "GET", "/activityFields", 10, fields.list_fields),
    Route("v2", "GET", "/activityFields/{code}", 1, fields.get_field),
    Route("v1", "GET", "/deals/{id}/changelog", 20, changelog.list_changes),
    Route("v1", "GET", "/users", 20, settings.list_users),
    Route("v1", "GET", "/users/me", 2, settings.get_me),
    Route("v1", "GET", "/users/{id}", 2, settings.get_user),
    Route("v1", "GET", "/currencies", 20, settings.list_currencies),
    Route("v1", "GET", "/activityTypes", 20, settings.list_activity_types),
    Route("v1", "POST", "/activityTypes", 10, settings.create_activity_type),
    Route("v1", "GET", "/webhooks", 10, settings.list_webhooks),
    Route("v1", "POST", "/webhooks", 10, settings.create_webhook),
    Route("v1", "DELETE", "/webhooks/{id}", 6, settings.delete_webhook),
    Route("v1", "GET", "/filters", 20, filters.list_filters),
    Route("v1", "POST", "/filters", 10, filters.create_filter),
    Route("v1", "GET", "/filters/helpers", 20, filters.tell_operators),
    Route("v1", "GET", "/filters/{id}", 2, filters.get_filter),
    Route("v1", "PUT", "/filters/{id}", 10, filters.update_filter),
    Route("v1", "DELETE", "/filters/{id}", 6, filters.delete_filter),
    Route("v1", "GET", "/notes", 20, notes.list_notes),
    Route("v1", "POST", "/notes", 10, notes.create_note),
    Route("v1", "GET", "/notes/{id}", 2, notes.get_note),
    Route("v1", "PUT", "/notes/{id}", 10, notes.update_note),
    Route("v1", "DELETE", "/notes/{id}", 6, notes.delete_note),
    Route("v1", "PUT", "/persons/{id}/merge", 40, merge.merge_persons),
]  # fmt: skip

RETIRED_IN_V1 = (
    "persons", "organizations", "deals", "activities", "products", "pipelines", "stages",
    "itemSearch",
)  # fmt: skip


def find(version: str, method: str, parts: list[str]) -> tuple[Route, dict[str, str]] | None:
    """The route of a call and what its placeholders matched; the first that fits wins."""
    for route, pattern in _PATTERNS.get((version, method, len(parts)), ()):
        fits = all(p.startswith("{") or p == part for p, part in zip(pattern, parts, strict=True))
        if fits:
            matched = {
                p[1:-1]: part for p, part in zip(pattern, parts, strict=True) if p.startswith("{")
            }
            return route, matched
    return None


def _by_length() -> dict[tuple[str, str, int], list[tuple[Route, list[str]]]]:
    table: dict[tuple[str, str, int], list[tuple[Route, list[str]]]] = {}
    for route in ROUTES:
        pattern = route.path.strip("/").split("/")
        key = (route.version, route.method, len(pattern))
        table.setdefault(key, []).append((route, pattern))
    return table


_PATTERNS = _by_length()
