"""What has to be made before the first member can be written, and what making it costs.

A list, merge vars, the deal field: made by the run that writes. A filter is made before the
guards are asked, so that a plan that shows one shows what the run after it counts by.
"""

from typing import NamedTuple

from connectors.pipedrive.costs import COSTS
from pipelines.mailigen_pipedrive.seal import setup_deeds
from pipelines.mailigen_pipedrive.sweep import Sweep

# Requests: a merge var is looked for before it is made, a filter too.
CALLS = {"list": 1, "merge_var": 2}
DEAL_FIELD_TOKENS = COSTS["POST /api/v2/dealFields"]


class Made(NamedTuple):
    """One thing to make, for reading; `requests` and `tokens` are of `account`."""

    object: str
    name: str
    account: str
    requests: int
    tokens: int
    reason: str


def things_to_make(sweep: Sweep) -> list[Made]:
    """Everything the next run would make, filters that bots wait for included."""
    found = [_filter(sweep, name, entities) for name, entities in _filters(sweep).items()]
    for deed in setup_deeds(sweep):
        is_field = deed.object == "deal_field"
        found.append(
            Made(
                deed.object, str(deed.body.get("name") or deed.body.get("title")), deed.account,
                1 if is_field else CALLS[deed.object], DEAL_FIELD_TOKENS if is_field else 0,
                deed.reason,
            )
        )  # fmt: skip
    return found


def price(sweep: Sweep) -> dict[str, float]:
    """What making it all costs each account, in its own unit: tokens at the CRM, else calls."""
    cost = {sweep.crm_account: 0.0, sweep.engagement_account: 0.0}
    for one in things_to_make(sweep):
        cost[one.account] += one.tokens if one.account == sweep.crm_account else one.requests
    return cost


def _filters(sweep: Sweep) -> dict[str, set[str]]:
    """The filters that are not made yet, and whose fields their conditions name."""
    return {
        one.terms.name: {term.entity for term in (*one.terms.every, *one.terms.some)}
        for one in sweep.names.bots
        if one.terms is not None
    }


def _filter(sweep: Sweep, name: str, entities: set[str]) -> Made:
    """Fields are numbered by v1 alone, a page or more for each whose fields are named."""
    tokens = sum(COSTS[f"GET /v1/{entity}Fields"] for entity in entities)
    tokens += COSTS["GET /v1/filters"] + COSTS["POST /v1/filters"]
    return Made(
        "filter", name, sweep.crm_account, len(entities) + 2, tokens,
        "a bot describes it and the account has none of this name",
    )  # fmt: skip
