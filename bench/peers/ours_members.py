"""The job of members through the product's own ledger, loader and Members writer.

Ends with 0 when every member is settled, with 4 when some are open.
"""

import os
import sys
from collections.abc import Collection, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench.peers.job import KEY, JobRow, read_source
from bench.peers.members import DOMAIN, LIST
from connectors.mailigen import Mailigen
from connectors.mailigen.paging import Pace
from connectors.meter import Tally
from pipelines.load import Loader, Vendor, load_settings
from pipelines.mailigen_pipedrive.writes import Members
from pipelines.settings import MailigenHorizon
from state import consent, ledger
from state.database import State, open_state
from state.lease import Lease, acquire, keeping
from state.settings import Setting

SYNC, ACCOUNT = "bench", "list"


def setting_of(row: JobRow, list_id: str) -> Setting:
    """One row as a place on the list."""
    desired = {"email": f"{row.text}@{DOMAIN}", "merges": {}}
    return Setting(ACCOUNT, "member", f"row {row.id}", f"list:{list_id}", desired, "create")


def loader_of(lease: Lease, engagement: Mailigen, list_id: str, key: bytes) -> Loader:
    horizon = timedelta(seconds=MailigenHorizon().list)
    members = Members(
        engagement, lambda: list_id, lambda _email, _kind: None, partial(barred, lease.state, key)
    )
    return Loader(
        lease=lease,
        deed_writers={},
        setting_writer=members,
        vendors={ACCOUNT: Vendor(engagement.vendor_now, horizon)},
        setting_account=ACCOUNT,
        setting_vendor="mailigen",
        bots=(),
        told=lambda _count: None,
    )


def barred(state: State, key: bytes, addresses: Sequence[str]) -> Collection[str]:
    """Looked up before each request, as a run does."""
    return {one.address for one in consent.in_force(state, ACCOUNT, addresses, key=key)}


def main(environment: Any = os.environ) -> int:
    url, home = environment["JOB_URL"], Path(environment["JOB_HOME"])
    list_id = (home / LIST).read_text()
    state = open_state(f"sqlite:///{home / 'state.db'}")
    lease = acquire(state, SYNC, run_id=uuid4().hex)
    with (
        keeping(lease),
        Mailigen(f"{url}/mailigen", key=KEY, meter=Tally(), pace=Pace(10_000.0)) as engagement,
    ):
        rows = read_source(home / "rows.sqlite")
        ledger.seal(lease, settings=[setting_of(row, list_id) for row in rows])
        load_settings(loader_of(lease, engagement, list_id, b"bench"))
        counts = ledger.counts(lease)
    return 4 if counts.open or counts.waiting else 0


if __name__ == "__main__":
    sys.exit(main())
