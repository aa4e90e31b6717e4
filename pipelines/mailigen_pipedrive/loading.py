"""Send what is sealed: first what members need to exist, then members, then deeds."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from connectors.errors import PlanLimitReached
from connectors.mailigen.wire import VENDOR as MAILIGEN
from pipelines.doubts import learn, state_of, wait_for_doubts
from pipelines.load import Loader, Vendor, load, load_settings, settle_doubts
from pipelines.mailigen_pipedrive import life, naming
from pipelines.mailigen_pipedrive.seal import setup_deeds
from pipelines.mailigen_pipedrive.setting_up import WHY_A_FILTER
from pipelines.mailigen_pipedrive.sweep import Sweep
from pipelines.mailigen_pipedrive.writes import (
    Activities,
    DealFields,
    Deals,
    Lists,
    Members,
    MergeVars,
    Notes,
)
from pipelines.pipedrive_side import new_filters
from pipelines.pipedrive_side.filters import Filters
from pipelines.pipedrive_side.persons import PersonLinks, Persons
from pipelines.sweep import SetupIncompleteError
from state.deeds import Deed, by_key, retry
from state.lease import Lease

# In this order: merge vars stand on the list.
SETUP = (("create_list",), ("create_merge_var", "create_deal_field"))
DEEDS = ("create_activity", "create_deal", "create_note", "create_person", "link_person")


def settle(sweep: Sweep) -> None:
    """Look up what an earlier run left in doubt. What needs the horizon stays open for now."""
    if sweep.lease is not None:
        settle_doubts(_loader(sweep, sweep.lease))


def make_filters(sweep: Sweep) -> None:
    """Make the filters that bots are waiting for; a bot whose filter is not there is suspended."""
    missing = {one.terms.name: one.terms for one in sweep.names.bots if one.terms is not None}
    if sweep.lease is None:
        for name in missing:
            _suspend(sweep, name, "is not made yet: the next run makes it, and counts whom it has")
        return
    if not missing:
        return
    loader = _loader(sweep, sweep.lease)
    for made in new_filters.make(
        sweep, sweep.lease, loader, missing, reason=WHY_A_FILTER, ask=partial(_ask, sweep)
    ):
        if made.filter_id is not None:
            naming.filter_made(sweep, made.name, made.filter_id)
        else:
            _suspend(sweep, made.name, made.problem)


def _suspend(sweep: Sweep, name: str, problem: str) -> None:
    waiting = [one for one in sweep.names.bots if one.terms is not None and one.terms.name == name]
    for one in waiting:
        sweep.suspended[one.bot.id] = f"its Pipedrive filter {name!r} {problem}"
        sweep.warn(f"bot {one.bot.id}", f"waits: its filter {name!r} {problem}",
                   "run again, or make the filter in Pipedrive under this name")  # fmt: skip


def carry_out(sweep: Sweep) -> None:
    """Send everything due, then wait for doubts as long as the run may, and send what they free."""
    if sweep.lease is None:
        return
    loader = _loader(sweep, sweep.lease)
    try:
        _set_up(sweep, loader)
        _send(loader)
        wait_for_doubts(sweep, [loader], lambda: _send(loader), partial(_ask, sweep))
    except PlanLimitReached as error:
        if error.vendor == MAILIGEN:
            life.pause_for_full_plan(sweep, life.reason_of(error))
            error.next_step = life.upgrade(sweep)
        raise


def _send(loader: Loader) -> None:
    load_settings(loader)
    load(loader, DEEDS)


def _set_up(sweep: Sweep, loader: Loader) -> None:
    """Make what members and deals need; SetupIncompleteError when some of it is not there."""
    needed = setup_deeds(sweep)
    # What was refused is asked again: nothing else can go on without it.
    retry(loader.lease, [deed.write_key for deed in needed])
    for operations in SETUP:
        load(loader, operations)
        if any(state_of(sweep, deed) in ("sending", "unknown") for deed in needed):
            send = partial(load, loader, operations)
            wait_for_doubts(sweep, [loader], send, partial(_ask, sweep))
        _require(sweep, [deed for deed in needed if deed.operation in operations])
    if needed:
        naming.list_id(sweep)


def _ask(sweep: Sweep) -> None:
    sweep.crm.me()
    sweep.engagement.ping()


def _require(sweep: Sweep, needed: Sequence[Deed]) -> None:
    """Without its deal field only deals are refused; without list or tags values would be lost."""
    for deed in needed:
        state = state_of(sweep, deed)
        if deed.object == "deal_field" or state == "done":
            continue
        known = by_key(sweep.state, deed.write_key)
        said = (known and known.said) or "not sent"
        raise SetupIncompleteError(
            f"{deed.object.replace('_', ' ')} {deed.write_key.split('|')[-1]} is not there, "
            f"so no member was written ({state}: {said})"
        )


def _loader(sweep: Sweep, lease: Lease) -> Loader:
    def list_id() -> str:
        return naming.list_id(sweep)

    sent = 0

    def told(count: int) -> None:
        nonlocal sent
        sent += count
        sweep.tell("load", "writes sent", sent)

    return Loader(
        lease=lease,
        deed_writers={
            "create_list": Lists(sweep.engagement),
            "create_merge_var": MergeVars(sweep.engagement, list_id),
            "create_deal_field": DealFields(sweep.crm),
            "create_filter": Filters(sweep.crm),
            "create_activity": Activities(sweep.crm),
            "create_deal": Deals(sweep.crm, lambda: naming.deal_field_code(sweep)),
            "create_note": Notes(sweep.crm),
            "create_person": Persons(sweep.crm),
            "link_person": PersonLinks(),
        },
        setting_writer=Members(
            sweep.engagement,
            list_id,
            partial(life.remember_leaving, sweep),
            partial(life.barred_by_now, sweep),
        ),
        vendors={
            sweep.crm_account: Vendor(
                sweep.crm.vendor_now, timedelta(seconds=sweep.horizons[sweep.crm_account])
            ),
            sweep.engagement_account: Vendor(
                sweep.engagement.vendor_now,
                timedelta(seconds=sweep.horizons[sweep.engagement_account]),
            ),
        },
        setting_account=sweep.engagement_account,
        setting_vendor=MAILIGEN,
        bots=life.running(sweep),
        told=told,
        late=partial(learn, sweep),
    )
