"""The job through the product's own ledger, loader and Notes writer: one run, then the end.

Ends with 0 when every note is settled, with 4 when some are open. A wait for the vendor's
horizon passes on the sandbox's clock: it is moved on instead of waited for.
"""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

import httpx

from bench.peers.job import JobRow, read_source
from connectors.meter import Tally
from connectors.pipedrive import Pipedrive
from pipelines.load import Loader, Vendor, load, settle_doubts
from pipelines.mailigen_pipedrive.writes import Notes
from pipelines.settings import PipedriveHorizon
from state import ledger
from state.database import open_state
from state.deeds import Deed
from state.lease import Lease, acquire, keeping
from state.settings import Setting

SYNC, ACCOUNT = "bench", "crm"
MOST_TURNS = 5  # of looking and waiting; two are enough when the vendor keeps its promise


class MovedClock:
    """Our time, moved on together with the sandbox's."""

    def __init__(self, url: str) -> None:
        self._url, self._moved = url, timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._moved

    def advance(self, seconds: float) -> None:
        asked = {"advance_s": seconds}
        httpx.post(f"{self._url}/_sandbox/clock", json=asked, trust_env=False).raise_for_status()
        self._moved += timedelta(seconds=seconds)


class NoSettings:
    """This job has deeds only."""

    def parts(self, window: Sequence[Setting]) -> NoReturn:
        raise NotImplementedError(f"settings {window} in a job of notes")

    def send(self, verb: str, window: Sequence[Setting]) -> NoReturn:
        raise NotImplementedError(f"{verb} of settings {window} in a job of notes")

    def observe(self, setting: Setting) -> NoReturn:
        raise NotImplementedError(f"setting {setting} in a job of notes")


def deed_of(row: JobRow) -> Deed:
    """One row as a note that happens once: named by the row, not by the run."""
    return Deed(
        write_key=f"note|{ACCOUNT}|{SYNC}|{row.id}",
        account=ACCOUNT,
        operation="create_note",
        object="note",
        subject=f"row {row.id}",
        body={"person_id": row.person_id, "text": row.text},
    )


def loader_of(lease: Lease, crm: Pipedrive, horizon_s: float) -> Loader:
    vendor = Vendor(crm.vendor_now, timedelta(seconds=horizon_s))
    return Loader(
        lease=lease,
        deed_writers={"create_note": Notes(crm)},
        setting_writer=NoSettings(),
        vendors={ACCOUNT: vendor},
        setting_account=ACCOUNT,
        setting_vendor="none",
        bots=(),
        told=lambda _count: None,
    )


def carry_out(loader: Loader, crm: Pipedrive, clock: MovedClock) -> bool:
    """Doubts first, then what is planned; waits pass on the clock. True when nothing is left."""
    for _turn in range(MOST_TURNS):
        crm.me()  # the vendor's own time is known by its last answer
        wait = settle_doubts(loader)
        load(loader)
        counts = ledger.counts(loader.lease)
        if not counts.open and not counts.waiting:
            return True
        if wait is not None:
            clock.advance(wait + 1)  # its Date header counts whole seconds
    return False


def main(environment: Any = os.environ) -> int:
    url, home = environment["JOB_URL"], Path(environment["JOB_HOME"])
    clock = MovedClock(url)
    state = open_state(f"sqlite:///{home / 'state.db'}", now=clock)
    lease = acquire(state, SYNC, run_id=uuid4().hex)
    base_url, token = f"{url}/pipedrive", environment["JOB_TOKEN"]
    with keeping(lease), Pipedrive(base_url, token=token, meter=Tally(), now=clock) as crm:
        ledger.seal(lease, deeds=map(deed_of, read_source(home / "rows.sqlite")))
        is_settled = carry_out(loader_of(lease, crm, PipedriveHorizon().list), crm, clock)
    return 0 if is_settled else 4


if __name__ == "__main__":
    sys.exit(main())
