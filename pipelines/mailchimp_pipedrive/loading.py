"""Send what is sealed: new persons, fields of persons, contacts of audiences, tags."""

from collections.abc import Callable, Iterable
from datetime import timedelta

from connectors.mailchimp.wire import VENDOR as MAILCHIMP
from connectors.pipedrive.wire import VENDOR as PIPEDRIVE
from pipelines.audit import note_late
from pipelines.load import Loader, SettingWriter, Vendor, load, load_settings, settle_doubts
from pipelines.mailchimp_pipedrive import life
from pipelines.mailchimp_pipedrive.seal import settle_written
from pipelines.mailchimp_pipedrive.sweep import Sweep
from pipelines.mailchimp_pipedrive.writes import Members, NewPersons, PersonFields
from state import consent, horizons, lease, ledger
from state.deeds import Deed
from state.errors import LeaseHeld
from state.lease import Lease
from state.writers import window_name

FIRST_SLEEP, LONGEST_SLEEP = 1.0, 60.0  # seconds; doubled each time: every look costs calls


def settle(sweep: Sweep) -> None:
    """Look up what an earlier run left in doubt. What needs the horizon stays open for now."""
    if sweep.lease is None:
        return
    _look_up(_loaders(sweep, sweep.lease))
    if sweep.is_window:
        return
    try:  # a window that died in the middle has left some as well
        held = lease.acquire(
            sweep.state, window_name(sweep.definition.name), run_id=f"{sweep.run_id}-window"
        )
    except LeaseHeld:
        return
    with lease.keeping(held):
        _look_up(_loaders(sweep, held))


def carry_out(sweep: Sweep) -> None:
    """Send everything due, then wait for doubts as long as the run may, and send what they free."""
    if sweep.lease is None:
        return
    loaders = _loaders(sweep, sweep.lease)
    try:
        _send(loaders)
        _wait_for_doubts(sweep, loaders)
    finally:
        settle_written(sweep, sweep.lease)


def _send(loaders: Iterable[Loader]) -> None:
    for number, loader in enumerate(loaders):
        if number == 0:
            load(loader)
        load_settings(loader)


def _look_up(loaders: Iterable[Loader]) -> float | None:
    """Seconds until a doubt can be decided; None when nothing is open that time would settle."""
    waits = [settle_doubts(loader) for loader in loaders]
    known = [wait for wait in waits if wait is not None]
    return min(known) if known else None


def _wait_for_doubts(sweep: Sweep, loaders: list[Loader]) -> None:
    patience = sweep.settle_within
    if patience is None:
        patience = max(sweep.horizons.values()) + 1
    longest = FIRST_SLEEP
    while True:
        wait = _look_up(loaders)
        waiting = ledger.counts(loaders[0].lease).waiting
        if waiting:
            _send(loaders)
            # What was sent just now may be in doubt itself and hold up the next of its subject.
            if ledger.counts(loaders[0].lease).waiting < waiting:
                continue
        if wait is None or wait > patience:
            return
        pause = min(max(wait, 0.05), longest)
        longest = min(2 * longest, LONGEST_SLEEP)
        sweep.tell("load", f"waiting {wait:.0f} s for the vendor to show or deny a doubtful write")
        sweep.sleep(pause)
        patience -= pause
        # Ask something cheap, so that the vendors' own clocks are known anew.
        sweep.crm.me()
        sweep.engagement.account()


def _loaders(sweep: Sweep, held: Lease) -> list[Loader]:
    """One for the settings of each account; deeds go out with the first."""
    now = sweep.state.now
    members = Members(
        sweep.engagement, now, lambda emails: life.barred_by_now(sweep, emails),
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
        deed_writers={"create_person": NewPersons(sweep.crm)},
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
        told=told,
        late=lambda deed, remote_id, delay: _learn(sweep, deed, remote_id, delay),
    )


def _counting(sweep: Sweep) -> Callable[[int], None]:
    sent = 0

    def told(count: int) -> None:
        nonlocal sent
        sent += count
        sweep.tell("load", "writes sent", sent)

    return told


def _bar(sweep: Sweep, email: str, kind: consent.Kind) -> None:
    life.bar(sweep, email, kind, "Mailchimp refused to subscribe it")


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
