"""The product's own reading: connector, metered; raw kept; staged typed and keyed; checked.

Great Expectations is imported before the clock starts, as everything else is.
"""

import gc
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import great_expectations  # noqa: F401

from bench.reading.clocked import tell
from bench.reading.pages import TOKEN
from connectors.pipedrive import Pipedrive
from pipelines import checks
from pipelines.mailigen_pipedrive.expectations import STAGING
from pipelines.mailigen_pipedrive.extract import KEYS
from pipelines.run import COLLECTED_AFTER
from state.budgets import Budget
from state.database import open_state
from state.raw import put_written
from state.staging import open_work
from transforms.build import build, number

TABLE = "staging.pipedrive__persons"


def read(url: str, folder: str) -> int:
    gc.set_threshold(*COLLECTED_AFTER)  # as every run does
    parts, home = urlsplit(url), Path(folder)
    state = open_state(f"sqlite:///{home / 'state.db'}")
    meter = Budget(state, "crm", day_allowance=10**9, burst=(10**6, 2.0), sleep=_never)
    base = f"{parts.scheme}://{parts.netloc}/pipedrive"
    with open_work(home, "bench") as work, Pipedrive(base, token=TOKEN, meter=meter) as crm:
        put_written(
            work.db, "pipedrive__persons", crm.persons_as_written(),
            keys=KEYS["pipedrive__persons"], run_id="bench", fetched_at=datetime.now(UTC),
        )  # fmt: skip
        build(work.db, "mailigen_pipedrive", TABLE, "staging.pipedrive__person_emails")
        checks.expect(work.db, "staging", [one for one in STAGING if one.table == TABLE])
        return int(number(work.db, f"SELECT count(*) FROM {TABLE}"))


def _never(seconds: float) -> None:
    raise RuntimeError(f"nothing here is paced, and {seconds} s were asked for")


if __name__ == "__main__":
    tell(read)
