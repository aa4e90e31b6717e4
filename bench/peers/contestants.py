"""Who takes part, and how each is set up: at its safest, as its own pages advise.

drt, as shown      "REST API Destination" and the pages' own examples for messages: incremental
                   by a cursor, local state, retries as they come (three attempts).
drt, own ledger    what drt itself offers against doubled sends: `state.idempotency` in
                   PostgreSQL (its issue 1099), one row a batch so that a row is marked before
                   the next is sent, and no retries ("Quick fail" in "Retry policy"). Its other
                   protection, an idempotency header, is one that Pipedrive does not know.
dlt                "Custom destination": batches of one, "for systems that are not transactional
                   and do not tolerate duplicated data"; one worker; incremental by a cursor, so
                   that a repeated run takes nothing again.
"""

import json
import os
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.peers.environments import environment, version
from bench.peers.job import KEY, TOKEN
from bench.peers.vendor import ROOT

QUIET = {"DO_NOT_TRACK": "1", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


@dataclass(frozen=True)
class Contestant:
    """One tool in one setting. `set_up(home, url)` writes its files before a trial."""

    name: str
    version: str
    command: list[str]
    set_up: Callable[[Path, str], None]
    environment: dict[str, str] = field(default_factory=dict)

    def variables(self, home: Path, url: str) -> dict[str, str]:
        """All the environment its process gets: nobody's own settings reach a trial."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        job = {"HOME": str(home), "JOB_HOME": str(home), "JOB_URL": url}
        return kept | QUIET | job | {"JOB_TOKEN": TOKEN, "JOB_KEY": KEY} | self.environment


def ours() -> Contestant:
    """The product's ledger, loader and Notes writer, in a process of their own."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return Contestant(
        "Syncline", project["version"],
        [sys.executable, "-m", "bench.peers.ours"], nothing_to_set_up, {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def dlt() -> Contestant:
    careful = {"JOB_BATCH": "1", "LOAD__WORKERS": "1"}
    return at_dlt("dlt, custom destination, batches of one", "job.py", careful)


def dlt_at_its_fastest() -> Contestant:
    """As it comes, batches of ten and twenty at once, with files small enough for twenty."""
    fast = {"JOB_BATCH": "10", "DATA_WRITER__FILE_MAX_ITEMS": "50"}
    return at_dlt("dlt, custom destination, batches of ten, twenty workers", "job.py", fast)


def drt_as_shown() -> Contestant:
    def set_up(home: Path, url: str) -> None:
        write_drt(home, _notes_at(url), {"mode": "incremental", "cursor_field": "id"}, {})

    return at_drt("drt, as its pages show", set_up)


def drt_with_ledger(port: int) -> Contestant:
    """`port` is that of a PostgreSQL; every trial gets a schema of its own in it."""

    def set_up(home: Path, url: str) -> None:
        careful = {
            "mode": "incremental", "cursor_field": "id", "batch_size": 1,
            "idempotency_key": "{{ row.id }}", "retry": {"max_attempts": 1},
        }  # fmt: skip
        state = {"backend": "warehouse", "connection_profile": "ledger", "idempotency": True}
        ledger = {
            "type": "postgres", "host": "127.0.0.1", "port": port, "dbname": "postgres",
            "user": "bench", "managed_schema": f"drt_{home.name.replace('-', '_')}",
        }  # fmt: skip
        write_drt(home, _notes_at(url), careful, {"state": state}, {"ledger": ledger})

    return at_drt("drt, own ledger in PostgreSQL, batches of one, no retries", set_up)


def nothing_to_set_up(home: Path, url: str) -> None:
    """It is told all it needs by its environment."""
    del home, url


def at_dlt(
    name: str, script: str, settings: dict[str, str],
    set_up: Callable[[Path, str], None] = nothing_to_set_up,
) -> Contestant:  # fmt: skip
    """A script of ours in dlt's environment, with these settings of dlt's."""
    python = environment("dlt")
    path = Path(__file__).resolve().parent / "dlt" / script
    # Otherwise it would call home and look for a project of the developer's.
    quiet = {"RUNTIME__DLTHUB_TELEMETRY": "false"}
    command = [str(python), str(path)]
    return Contestant(name, version(python, "dlt"), command, set_up, quiet | settings)


def at_drt(name: str, set_up: Callable[[Path, str], None]) -> Contestant:
    python = environment("drt")
    command = [str(python.with_name("drt")), "run", "--select", "job"]
    return Contestant(name, version(python, "drt-core"), command, set_up)


def _notes_at(url: str) -> dict[str, Any]:
    """A request of its own for each row."""
    return {
        "type": "rest_api",
        "url": f"{url}/pipedrive/v1/notes",
        "method": "POST",
        "headers": {"Content-Type": "application/json"},
        "body_template": '{"content": "<p>{{ row.text }}</p>", "person_id": {{ row.person_id }}}',
        "auth": {"type": "api_key", "header": "x-api-token", "value_env": "JOB_TOKEN"},
    }


def write_drt(
    home: Path,
    destination: dict[str, Any],
    sync: dict[str, Any],
    project: dict[str, Any],
    profiles: dict[str, Any] | None = None,
) -> None:
    """Its three files. They are YAML by name; JSON is YAML, and needs no library."""
    source = {"type": "sqlite", "database": str(home / "rows.sqlite")}
    paced = {"rate_limit": {"requests_per_second": 0}}  # the vendor's limits are out of the way
    job = {
        "name": "job", "model": "ref('events')", "destination": destination, "sync": sync | paced,
    }  # fmt: skip
    _write(home / ".drt" / "profiles.yml", {"default": source} | (profiles or {}))
    _write(home / "drt_project.yml", {"name": "bench", "profile": "default"} | project)
    _write(home / "syncs" / "job.yml", job)


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=2))
