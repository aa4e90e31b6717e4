"""A settled world that every schedule begins with: both vendors' books, the state database, the
history. It is made once a process, by the flow itself, and restored in a few milliseconds.
"""

import pickle
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import pyarrow as pa
from sqlalchemy import Engine

from sandbox import stage as stages
from sandbox.mailigen import seed
from sandbox.stage import Stage
from state import staging
from state.errors import FileHeld
from state.staging import Work
from tests.lab.level_b.clock import VirtualClock, nobody
from tests.lab.level_b.process import Process, WatchedFiles
from tests.lab.level_b.way import Outbox

SEED, PEOPLE = 7, 14
CAMPAIGNS = 3  # an autoresponder among them; each more is one call a run
MEMORY = Path("/dev/shm")  # where it exists, the keep file costs no disk


@dataclass(frozen=True)
class Snapshot:
    """Everything durable, at one moment."""

    stage: bytes
    state: bytes
    history: dict[str, pa.Table]
    keep: bytes


class Files:
    """The DuckDB files of one machine, in memory: a work file and a history, opened once.

    Work tables stay between schedules, as they do between runs: every run makes all it reads.
    """

    def __init__(self, generation: str = "") -> None:
        self.db = duckdb.connect(config={"threads": "1"})
        self.db.execute("SET TimeZone = 'UTC'")
        # A dozen rows a table: planning well takes longer than a bad plan.
        self.db.execute("PRAGMA disable_optimizer")
        self.db.execute("ATTACH ':memory:' AS work; USE work; ATTACH ':memory:' AS history")
        self.generation = staging._begin_work(self.db)
        self.history_generation = staging._begin_history(self.db)
        if generation:
            self.db.execute("UPDATE history.main.about SET generation = ?", [generation])
            self.history_generation = generation
        self._holder: Process | None = None

    @contextmanager
    def held_by(self, process: Process, home: Path, sync: str) -> Iterator[Work]:
        """The open files, as `state.staging.open_work` gives them; FileHeld while another lives."""
        if self._holder is not None and not self._holder.is_dead:
            raise FileHeld(f"{sync}.duckdb is open in process {self._holder.number}")
        self._holder = process
        self._roll_back()
        watched: Any = WatchedFiles(self.db, process)
        try:
            yield Work(watched, home, sync, self.generation, self.history_generation)
        finally:
            self._holder = None
            self._roll_back()

    def _roll_back(self) -> None:
        try:
            self.db.execute("ROLLBACK")
        except duckdb.TransactionException:
            return  # nothing was begun, which is the rule

    def history(self) -> dict[str, pa.Table]:
        """A copy of every table of the history."""
        db = self.db.cursor()  # a connection of its own sees what is committed
        names = db.execute(
            "SELECT table_name FROM duckdb_tables() "
            "WHERE database_name = 'history' AND table_name <> 'about'"
        ).fetchall()
        return {name: db.sql(f"FROM history.main.{name}").to_arrow_table() for (name,) in names}

    def restore(self, history: dict[str, pa.Table]) -> None:
        """Make the history what it was when it was copied."""
        for name, rows in history.items():
            self.db.execute(f"DELETE FROM history.{name}")
            if rows.num_rows:
                self.db.register("kept", rows)
                self.db.execute(f"INSERT INTO history.{name} FROM kept")
                self.db.unregister("kept")


def seed_stage() -> Stage:
    """Both vendors with a dozen people, on virtual time and with a plan that paces nothing."""
    few = seed.CAMPAIGNS[:CAMPAIGNS]
    with (
        patch.object(stages, "OffsetClock", VirtualClock),
        patch.object(stages, "Deliveries", Outbox),
        patch.object(seed, "CAMPAIGNS", few),
    ):
        stage = Stage(SEED, PEOPLE, None, nobody)
    stage.vendors["pipedrive"].assume("plan", "ultimate")
    stage.vendors["pipedrive"].assume("seats", 50)
    return stage


def take(stage: Stage, engine: Engine, files: Files, home: Path) -> Snapshot:
    """Copy everything durable; nobody may be running."""
    keep = home / "keep.jsonl"
    return Snapshot(
        stage=pickle.dumps(stage),
        state=_driver(engine).serialize(),
        history=files.history(),
        keep=keep.read_bytes() if keep.exists() else b"",
    )


def restore(snapshot: Snapshot, engine: Engine, files: Files, home: Path) -> Stage:
    """Go back to the moment of the snapshot; returns its vendors."""
    _driver(engine).deserialize(snapshot.state)
    files.restore(snapshot.history)
    (home / "keep.jsonl").write_bytes(snapshot.keep)
    stage = pickle.loads(snapshot.stage)
    assert isinstance(stage, Stage)
    return stage


def new_home() -> Path:
    """A folder that goes with the process, be it a worker of a pool or not."""
    home = Path(tempfile.mkdtemp(prefix="lab-", dir=MEMORY if MEMORY.is_dir() else None))
    # Not `atexit`: a worker that was forked leaves without it.
    Finalize(None, shutil.rmtree, args=(home,), kwargs={"ignore_errors": True}, exitpriority=0)
    return home


def _driver(engine: Engine) -> Any:
    """The one SQLite connection behind an engine of a database in memory."""
    with engine.connect() as db:
        return db.connection.driver_connection
