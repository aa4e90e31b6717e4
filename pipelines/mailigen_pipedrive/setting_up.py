"""What has to be made before the first member can be written, and what making it costs.

A list, merge vars, the deal field: made by the run that writes. A filter is made before the
guards are asked, so that a plan that shows one shows what the run after it counts by.
"""

from typing import NamedTuple

from connectors.pipedrive.costs import COSTS
from pipelines.mailigen_pipedrive.seal import setup_deeds
from pipelines.mailigen_pipedrive.sweep import Sweep
from pipelines.pipedrive_side.filters import Terms
from pipelines.pipedrive_side.new_filters import price_of

# Requests: a merge var is looked for before it is made.
CALLS = {"list": 1, "merge_var": 2}
WHY_A_FILTER = "a bot describes it and the account has none of this name"
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
    found = [_filter(sweep, name, terms) for name, terms in _filters(sweep).items()]
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


def _filters(sweep: Sweep) -> dict[str, Terms]:
    """The filters that are not made yet."""
    return {one.terms.name: one.terms for one in sweep.names.bots if one.terms is not None}


def _filter(sweep: Sweep, name: str, terms: Terms) -> Made:
    price = price_of(terms)
    return Made(
        "filter", name, sweep.crm_account, price.requests, price.tokens,
        WHY_A_FILTER,
    )  # fmt: skip
