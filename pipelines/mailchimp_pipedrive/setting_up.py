"""Make the filters that flows describe, before anybody is counted by them (MC-09).

A filter is made once, by the first run that serves a flow which names it, and before the guards
are asked: a plan that shows one shows what the run after it counts by.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from pipelines.mailchimp_pipedrive import life
from pipelines.mailchimp_pipedrive.bind import BoundFlow
from pipelines.mailchimp_pipedrive.loading import ask_cheaply, crm_loader
from pipelines.mailchimp_pipedrive.sweep import Sweep
from pipelines.pipedrive_side import new_filters
from pipelines.pipedrive_side.filters import Terms
from state import pins

WHY = "a flow describes it and the account has none of this name"
NOT_YET = "is not made yet: the next run makes it, and counts whom it has"


class Made(NamedTuple):
    """One filter to make, for reading; what it costs is the CRM's."""

    object: str
    name: str
    account: str
    requests: int
    tokens: int
    reason: str


def make_filters(sweep: Sweep) -> None:
    """Make what is missing. A flow that has no filter yet is left out of this run, and told."""
    missing = _missing(sweep)
    if sweep.lease is None:
        for name in missing:
            _wait(sweep, name, NOT_YET)
        return
    if not missing:
        return
    for made in new_filters.make(
        sweep, sweep.lease, crm_loader(sweep, sweep.lease), missing, reason=WHY,
        ask=lambda: ask_cheaply(sweep),
    ):  # fmt: skip
        if made.filter_id is not None:
            _is_made(sweep, made.name, made.filter_id)
        else:
            _wait(sweep, made.name, made.problem)


def things_to_make(sweep: Sweep) -> list[Made]:
    """What the next run would make, for the plan."""
    return [
        Made("filter", name, sweep.crm_account, *new_filters.price_of(terms), WHY)
        for name, terms in _missing(sweep).items()
    ]


def _missing(sweep: Sweep) -> Mapping[str, Terms]:
    """Of the flows that this run serves: a saved one makes nothing."""
    return {
        terms.name: terms
        for bound in sweep.names.flows
        if life.is_served(sweep, bound.flow.id) or bound.flow.id in sweep.waiting
        for terms in bound.new_filters
    }


def _is_made(sweep: Sweep, name: str, filter_id: int) -> None:
    pins.put(sweep.state, pins.Pin(sweep.crm_account, "filter", name, str(filter_id), name, None))
    flows = tuple(_with(bound, name, filter_id) for bound in sweep.names.flows)
    sweep.bound = replace(sweep.names, flows=flows)


def _with(bound: BoundFlow, name: str, filter_id: int) -> BoundFlow:
    left = tuple(terms for terms in bound.new_filters if terms.name != name)
    if len(left) == len(bound.new_filters):
        return bound
    return replace(bound, filter_ids=(*bound.filter_ids, filter_id), new_filters=left)


def _wait(sweep: Sweep, name: str, problem: str) -> None:
    for bound in sweep.names.flows:
        flow_id = bound.flow.id
        if all(terms.name != name for terms in bound.new_filters):
            continue
        if life.is_served(sweep, flow_id) or flow_id in sweep.waiting:
            if not bound.filter_ids:
                sweep.waiting.add(flow_id)
            sweep.warn(
                f"flow {flow_id}", f"its filter {name!r} {problem}",
                "run again, or make the filter in Pipedrive under this name",
            )  # fmt: skip
