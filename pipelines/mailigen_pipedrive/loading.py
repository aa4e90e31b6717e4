"""Send what is sealed: first what members need to exist, then members, then deeds."""

from datetime import timedelta

from pipelines.load import Loader, Vendor, load, load_settings, settle_doubts
from pipelines.mailigen_pipedrive import life, naming
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
from state import ledger
from state.deeds import by_key
from state.lease import Lease

SETUP = ("create_list", "create_merge_var", "create_deal_field")
DEEDS = ("create_activity", "create_deal", "create_note")
LONGEST_SLEEP = 5.0  # seconds; the vendor's clock is asked again after each


class SetupIncompleteError(Exception):
    """What the members need on the list is not there; writing them would lose values."""


def settle(sweep: Sweep) -> None:
    """Look up what an earlier run left in doubt. What needs the horizon stays open for now."""
    if sweep.lease is not None:
        settle_doubts(_loader(sweep, sweep.lease))


def carry_out(sweep: Sweep) -> None:
    """Send everything due, then wait for doubts as long as the run may, and send what they free."""
    if sweep.lease is None:
        return
    loader = _loader(sweep, sweep.lease)
    load(loader, SETUP)
    _require_setup(sweep)
    load_settings(loader)
    load(loader, DEEDS)
    _wait_for_doubts(sweep, loader)


def _wait_for_doubts(sweep: Sweep, loader: Loader) -> None:
    patience = sweep.settle_within
    if patience is None:
        patience = max(sweep.horizons.values()) + 1
    while True:
        wait = settle_doubts(loader)
        if _is_waiting(loader.lease):
            load_settings(loader)
            load(loader, DEEDS)
            wait = settle_doubts(loader)
        if wait is None or wait > patience:
            return
        pause = min(max(wait, 0.05), LONGEST_SLEEP)
        sweep.tell("load", f"waiting {wait:.0f} s for the vendor to show or deny a doubtful write")
        sweep.sleep(pause)
        patience -= pause
        # Ask something cheap, so that the vendor's own clock is known anew.
        sweep.crm.me()
        sweep.engagement.ping()


def _is_waiting(lease: Lease) -> bool:
    return ledger.counts(lease).waiting > 0


def _require_setup(sweep: Sweep) -> None:
    needed = [naming.var_key(sweep, var.tag) for var in sweep.names.missing_vars]
    for key in needed:
        deed = by_key(sweep.state, key)
        if deed is not None and deed.state != "done":
            raise SetupIncompleteError(
                f"{key.split('|')[-1]} is missing on the list, so no member was written "
                f"({deed.state}: {deed.said or 'not sent'})"
            )
    if needed or sweep.names.list_id is None:
        naming.list_id(sweep)


def _loader(sweep: Sweep, lease: Lease) -> Loader:
    def list_id() -> str:
        return naming.list_id(sweep)

    running = [b for b, known in sweep.known_bots.items() if life.is_running(known)]
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
            "create_activity": Activities(sweep.crm),
            "create_deal": Deals(sweep.crm, lambda: naming.deal_field_code(sweep)),
            "create_note": Notes(sweep.crm),
        },
        setting_writer=Members(sweep.engagement, list_id),
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
        bots=running,
        told=told,
    )
