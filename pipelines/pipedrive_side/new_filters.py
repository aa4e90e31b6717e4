"""Make the filters that a definition describes, before anybody is counted by them (MG-09)."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from connectors.pipedrive.costs import COSTS
from pipelines.doubts import state_of, wait_for_doubts
from pipelines.load import Loader, load
from pipelines.pipedrive_side.filters import Terms, body_of
from pipelines.pipedrive_side.remote_ids import known_id
from pipelines.sweep import Sweep
from state import ledger
from state.deeds import Deed, by_key, retry
from state.lease import Lease

OPERATIONS = ("create_filter",)  # the loader's writer for it is filters.Filters


class Made(NamedTuple):
    """What became of a filter; no id where it could not be made, and `problem` says why."""

    name: str
    filter_id: int | None
    problem: str = ""


class Price(NamedTuple):
    requests: int
    tokens: int


def make(
    sweep: Sweep, lease: Lease, loader: Loader, missing: Mapping[str, Terms], *,
    reason: str, ask: Callable[[], object],
) -> Iterator[Made]:  # fmt: skip
    """Make each, once; what became of the first is told when all were sent.

    `ask` is what wait_for_doubts needs.
    """
    wanted = [
        _deed(sweep, name, body_of(terms, sweep.crm), reason) for name, terms in missing.items()
    ]
    ledger.seal(lease, deeds=wanted)
    retry(lease, [deed.write_key for deed in wanted])
    load(loader, OPERATIONS)
    if any(state_of(sweep, deed) in ("sending", "unknown") for deed in wanted):
        wait_for_doubts(sweep, [loader], partial(load, loader, OPERATIONS), ask)
    for name, deed in zip(missing, wanted, strict=True):
        made = by_key(sweep.state, deed.write_key)
        its_id = known_id("filter", made.remote_id) if made is not None else None
        if made is not None and made.state == "done" and its_id:
            sweep.made_first.append(f"the filter {name!r} (id {its_id})")
            yield Made(name, int(its_id))
        else:
            said = (made and made.said) or "not sent"
            yield Made(name, None, f"could not be made ({state_of(sweep, deed)}: {said})")


def filter_key(sweep: Sweep, name: str) -> str:
    return f"setup|{sweep.crm_account}|{sweep.definition.name}|filter|{name}"


def price_of(terms: Terms) -> Price:
    """Fields are numbered by v1 alone, a page or more for each whose fields are named; the filter
    is looked for before it is made."""
    entities = {term.entity for term in (*terms.every, *terms.some)}
    tokens = sum(COSTS[f"GET /v1/{entity}Fields"] for entity in entities)
    return Price(len(entities) + 2, tokens + COSTS["GET /v1/filters"] + COSTS["POST /v1/filters"])


def _deed(sweep: Sweep, name: str, body: dict[str, Any], reason: str) -> Deed:
    return Deed(
        filter_key(sweep, name), sweep.crm_account, "create_filter", "filter", "", body,
        reason=reason, natural_key=name,
    )  # fmt: skip
