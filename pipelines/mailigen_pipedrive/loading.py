"""Send what is sealed: first what members need to exist, then members, then deeds."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from connectors.errors import PlanLimitReached
from connectors.mailigen.wire import VENDOR as MAILIGEN
from pipelines.audit import note_late
from pipelines.load import Loader, Vendor, load, load_settings, settle_doubts
from pipelines.mailigen_pipedrive import life, naming
from pipelines.mailigen_pipedrive.seal import setup_deeds
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
from pipelines.pipedrive_side.filters import Filters, body_of
from pipelines.pipedrive_side.persons import PersonLinks, Persons
from pipelines.pipedrive_side.remote_ids import known_id
from pipelines.sweep import SetupIncompleteError
from state import horizons, ledger
from state.deeds import Deed, by_key, retry
from state.lease import Lease

# In this order: merge vars stand on the list.
FILTERS = ("create_filter",)
SETUP = (("create_list",), ("create_merge_var", "create_deal_field"))
DEEDS = ("create_activity", "create_deal", "create_note", "create_person", "link_person")
FIRST_SLEEP, LONGEST_SLEEP = 1.0, 60.0  # seconds; doubled each time: every look costs calls


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
    lease, loader = sweep.lease, _loader(sweep, sweep.lease)
    wanted = [
        _filter_deed(sweep, name, body_of(terms, sweep.crm)) for name, terms in missing.items()
    ]
    ledger.seal(lease, deeds=wanted)
    retry(lease, [deed.write_key for deed in wanted])
    load(loader, FILTERS)
    if any(_state(sweep, deed) in ("sending", "unknown") for deed in wanted):
        _wait_for_doubts(sweep, loader, partial(load, loader, FILTERS))
    for name, deed in zip(missing, wanted, strict=True):
        made = by_key(sweep.state, deed.write_key)
        its_id = known_id("filter", made.remote_id) if made is not None else None
        if made is not None and made.state == "done" and its_id:
            naming.filter_made(sweep, name, int(its_id))
            sweep.made_first.append(f"the filter {name!r} (id {its_id})")
        else:
            said = (made and made.said) or "not sent"
            _suspend(sweep, name, f"could not be made ({_state(sweep, deed)}: {said})")


def _filter_deed(sweep: Sweep, name: str, body: dict[str, Any]) -> Deed:
    return Deed(
        naming.filter_key(sweep, name), sweep.crm_account, "create_filter", "filter", "", body,
        reason="a bot describes it and the account has none of this name", natural_key=name,
    )  # fmt: skip


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
        _wait_for_doubts(sweep, loader, lambda: _send(loader))
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
        if any(_state(sweep, deed) in ("sending", "unknown") for deed in needed):
            _wait_for_doubts(sweep, loader, partial(load, loader, operations))
        _require(sweep, [deed for deed in needed if deed.operation in operations])
    if needed:
        naming.list_id(sweep)


def _wait_for_doubts(sweep: Sweep, loader: Loader, send: Callable[[], None]) -> None:
    """Look up doubts until none is left or patience is over; `send` what a look-up freed."""
    patience = sweep.settle_within
    if patience is None:
        patience = max(sweep.horizons.values()) + 1
    longest = FIRST_SLEEP
    while True:
        wait = settle_doubts(loader)
        waiting = ledger.counts(loader.lease).waiting
        if waiting:
            send()
            # What was sent just now may be in doubt itself and hold up the next of its subject.
            if ledger.counts(loader.lease).waiting < waiting:
                continue
        if wait is None or wait > patience:
            return
        pause = min(max(wait, 0.05), longest)
        longest = min(2 * longest, LONGEST_SLEEP)
        sweep.tell("load", f"waiting {wait:.0f} s for the vendor to show or deny a doubtful write")
        sweep.sleep(pause)
        patience -= pause
        # Ask something cheap, so that the vendor's own clock is known anew.
        sweep.crm.me()
        sweep.engagement.ping()


def _require(sweep: Sweep, needed: Sequence[Deed]) -> None:
    """Without its deal field only deals are refused; without list or tags values would be lost."""
    for deed in needed:
        state = _state(sweep, deed)
        if deed.object == "deal_field" or state == "done":
            continue
        known = by_key(sweep.state, deed.write_key)
        said = (known and known.said) or "not sent"
        raise SetupIncompleteError(
            f"{deed.object.replace('_', ' ')} {deed.write_key.split('|')[-1]} is not there, "
            f"so no member was written ({state}: {said})"
        )


def _state(sweep: Sweep, deed: Deed) -> str:
    known = by_key(sweep.state, deed.write_key)
    return known.state if known else "not approved"


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
        late=partial(_learn, sweep),
    )


def _learn(sweep: Sweep, deed: Deed, remote_id: str, delay: float) -> None:
    """Give the account more time from the next run on, and tell the analyst by which write."""
    said = f"it was not there yet {delay:.0f} s after it was sent"
    horizons.learn(
        sweep.state, deed.account, configured=sweep.horizons[deed.account], delay=delay,
        said=f"{deed.write_key}: {said}",
    )  # fmt: skip
    found = {"write_key": deed.write_key, "account": deed.account, "object": deed.object,
             "subject": deed.subject, "remote_id": remote_id, "run_id": sweep.run_id,
             "said": said}  # fmt: skip
    note_late(sweep.db, found, sweep.state.now())
