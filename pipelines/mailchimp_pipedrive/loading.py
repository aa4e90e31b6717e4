"""Send what is sealed: new persons, fields of persons, contacts of audiences, tags."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial

from connectors.mailchimp.wire import VENDOR as MAILCHIMP
from connectors.pipedrive.wire import VENDOR as PIPEDRIVE
from pipelines.doubts import learn, settle_all, wait_for_doubts
from pipelines.load import Bulk, Loader, SettingWriter, Vendor, load, load_settings
from pipelines.mailchimp_pipedrive import bulk, life, opt_outs
from pipelines.mailchimp_pipedrive.seal import settle_written
from pipelines.mailchimp_pipedrive.sweep import Sweep
from pipelines.mailchimp_pipedrive.writes import Members, NewPersons, PersonFields
from pipelines.pipedrive_side.filters import Filters as FilterWriter
from state import consent, lease, ledger
from state.errors import LeaseHeld
from state.lease import Lease
from state.writers import window_name


def settle(sweep: Sweep) -> None:
    """Look up what an earlier run left in doubt. What needs the horizon stays open for now."""
    if sweep.lease is None:
        return
    settle_all(_loaders(sweep, sweep.lease))
    if sweep.is_window:
        return
    try:  # a window that died in the middle has left some as well
        held = lease.acquire(
            sweep.state, window_name(sweep.definition.name), run_id=f"{sweep.run_id}-window"
        )
    except LeaseHeld:
        return
    with lease.keeping(held):
        settle_all(_loaders(sweep, held))
        sweep.doubts_beside = ledger.counts(held).open


def carry_out(sweep: Sweep) -> None:
    """Send everything due, then wait for doubts as long as the run may, and send what they free."""
    if sweep.lease is None:
        return
    loaders = _loaders(sweep, sweep.lease)
    try:
        _send(loaders)
        wait_for_doubts(sweep, loaders, partial(_send, loaders), partial(ask_cheaply, sweep))
    finally:
        settle_written(sweep, sweep.lease)


def _send(loaders: Iterable[Loader]) -> None:
    for number, loader in enumerate(loaders):
        if number == 0:
            load(loader)
        load_settings(loader)


def ask_cheaply(sweep: Sweep) -> None:
    """Ask each vendor something cheap, so that its own clock is known anew."""
    sweep.crm.me()
    sweep.engagement.account()


def crm_loader(sweep: Sweep, held: Lease) -> Loader:
    """The one that makes things in the CRM."""
    return _loaders(sweep, held)[0]


def _loaders(sweep: Sweep, held: Lease) -> list[Loader]:
    """One for the settings of each account; deeds go out with the first."""
    now = sweep.state.now
    members = Members(
        sweep.engagement, now, sweep.sleep, lambda emails: opt_outs.barred_by_now(sweep, emails),
        lambda email, kind: _bar(sweep, email, kind),
    )  # fmt: skip
    told = _counting(sweep)
    return [
        _loader(sweep, held, sweep.crm_account, PIPEDRIVE, PersonFields(sweep.crm, now), told),
        _loader(sweep, held, sweep.engagement_account, MAILCHIMP, members, told),
    ]


def _loader(
    sweep: Sweep, held: Lease, account: str, vendor: str, writer: SettingWriter,
    told: Callable[[int], None],
) -> Loader:  # fmt: skip
    return Loader(
        lease=held,
        deed_writers={
            "create_person": NewPersons(sweep.crm, sweep.definition.name, sweep.state.now),
            "create_filter": FilterWriter(sweep.crm),
        },
        setting_writer=writer,
        vendors={
            sweep.crm_account: Vendor(
                sweep.crm.vendor_now, timedelta(seconds=sweep.horizons[sweep.crm_account])
            ),
            sweep.engagement_account: Vendor(
                sweep.engagement.vendor_now,
                timedelta(seconds=sweep.horizons[sweep.engagement_account]),
            ),
        },
        setting_account=account,
        setting_vendor=vendor,
        bots=life.running(sweep),
        bulk=Bulk(bulk.MOST, bulk.FEWEST) if vendor == MAILCHIMP else None,
        told=told,
        late=partial(learn, sweep),
    )


def _counting(sweep: Sweep) -> Callable[[int], None]:
    sent = 0

    def told(count: int) -> None:
        nonlocal sent
        sent += count
        sweep.tell("load", "writes sent", sent)

    return told


def _bar(sweep: Sweep, email: str, kind: consent.Kind) -> None:
    opt_outs.bar(sweep, email, kind, "Mailchimp refused to subscribe it")
