"""A ledger full of planned writes, and the loop that carries them out: what the cost is taken of.

Every write belongs to a contact, as in a sync: settling it links what was written to a person.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.instant import DeedsTo, Instantly, SettingsTo
from pipelines.load import CREATE_WINDOW, OTHER_WINDOW, Loader, Vendor, load, load_settings
from state import identity, ledger
from state.database import State, open_state
from state.deeds import Deed
from state.lease import Lease, acquire
from state.settings import Setting

ACCOUNT, SYNC = "acme", "bench"
HORIZON = timedelta(seconds=120)


@dataclass(frozen=True)
class Work:
    """One kind of write. Deeds are claimed one at a time, settings in windows of their verb."""

    name: str
    verb: str  # empty for deeds
    size: int  # how many go out in one claim
    at_once: int  # how many travel in one request

    def deeds(self, count: int) -> list[Deed]:
        if self.verb:
            return []
        return [
            Deed(
                f"note|{ACCOUNT}|{SYNC}|{_contact(n)}|7|open", ACCOUNT, "create_note", "note",
                _contact(n), {"person_id": n, "text": f"opened campaign 7, {n}"},
            )
            for n in range(count)
        ]  # fmt: skip

    def settings(self, count: int) -> list[Setting]:
        if not self.verb:
            return []
        return [
            Setting(
                ACCOUNT, "member", _contact(n), "list:1",
                {"email": f"person{n}@acme.example", "merges": {"PHONE": str(n)}}, self.verb,
            )
            for n in range(count)
        ]  # fmt: skip


DEEDS = Work("deeds", "", 1, 1)
UPDATES = Work("settings, updated", "update", OTHER_WINDOW, 1)
CREATES = Work("settings, created in a batch", "create", CREATE_WINDOW, CREATE_WINDOW)
ALL_WORK = (DEEDS, UPDATES, CREATES)


def without_ledger(work: Work, count: int, vendor: Instantly) -> None:
    """The same writes in the same requests, and nothing remembered."""
    deeds_to, settings_to = DeedsTo(vendor), SettingsTo(vendor)
    for deed in work.deeds(count):
        deeds_to.send(deed)
    for part in _parts(work.settings(count), work.at_once):
        settings_to.send(work.verb, part)


def carry_out(lease: Lease, vendor: Instantly) -> None:
    """Send all that is planned, as a run does, and settle it; raises unless all of it was done."""
    clock = Vendor(lease.state.now, HORIZON)
    loader = Loader(
        lease=lease,
        deed_writers={"create_note": DeedsTo(vendor)},
        setting_writer=SettingsTo(vendor),
        vendors={ACCOUNT: clock},
        setting_account=ACCOUNT,
        setting_vendor="instant",
        bots=(),
        told=lambda _count: None,
    )
    load(loader)
    load_settings(loader)
    counts = ledger.counts(lease)
    if counts.done != counts.intents:
        raise AssertionError(f"not everything was done: {counts}")


@contextmanager
def planned(work: Work, count: int, folder: Path) -> Iterator[Lease]:
    """A new state database on disk in which this work is sealed; it is removed afterwards."""
    path = folder / "state.db"
    state = open_state(f"sqlite:///{path}")
    try:
        yield _sealed(state, work, count)
    finally:
        state.close()
        for file in folder.glob("state.db*"):
            file.unlink()


def _sealed(state: State, work: Work, count: int) -> Lease:
    lease = acquire(state, SYNC, run_id=f"run of {datetime.now(UTC):%H:%M:%S.%f}")
    found = [(_contact(n), str(n), f"person{n}@acme.example") for n in range(count)]
    identity.remember(lease, ACCOUNT, identity.Changes(contacts=found))
    ledger.seal(lease, deeds=work.deeds(count), settings=work.settings(count))
    return lease


def _contact(n: int) -> str:
    return f"c{n:016x}"


def _parts(settings: Sequence[Setting], size: int) -> Iterator[Sequence[Setting]]:
    for start in range(0, len(settings), size):
        yield settings[start : start + size]
