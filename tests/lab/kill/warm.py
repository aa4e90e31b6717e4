"""Imported by the fork server: what every run loads and builds once, so that no trial pays for it.

Starts no thread and opens no file: the runs are forks of this process.
"""

import logging
import os
from typing import Any, cast

os.environ["GX_ANALYTICS_ENABLED"] = "false"
os.environ["TQDM_DISABLE"] = "1"

import great_expectations
import pandas

import state.migrations
import tests.lab.flows
import tests.lab.kill.boundaries
import tests.lab.kill.world
from pipelines.checks import expect, unique

LOADED = (great_expectations, pandas, state.migrations, tests.lab.flows, tests.lab.kill.world,
          tests.lab.kill.boundaries)  # fmt: skip


class _NoRows:
    """Answers every count with zero."""

    def execute(self, *_: Any) -> "_NoRows":
        return self

    def fetchall(self) -> list[tuple[int]]:
        return [(0,)]


logging.disable(logging.INFO)
expect(cast(Any, _NoRows()), "warming", [unique("nothing", "id")])
