"""A PostgreSQL for a bench that needs one, thrown away afterwards."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.house import free_port


class NoPostgresError(Exception):
    """No PostgreSQL on this machine, or it does not start; says which."""


@contextmanager
def running_postgres() -> Iterator[int]:
    """The port of a fresh cluster on the loopback: user `bench`, no password, database postgres.

    PostgreSQL refuses to run as root; then it runs as `postgres` or `nobody`.
    """
    programs = [shutil.which(name) for name in ("initdb", "pg_ctl")]
    if None in programs:
        raise NoPostgresError("initdb and pg_ctl are not on the path")
    initdb, pg_ctl = (str(program) for program in programs)
    with tempfile.TemporaryDirectory(prefix="bench-postgres-") as made:
        folder = Path(made)
        owner = _owner()
        if owner is not None:
            os.chown(folder, owner, -1)
        cluster, port = folder / "cluster", free_port()
        _call([initdb, "-D", str(cluster), "-U", "bench", "--auth=trust"], owner)
        options = f"-c listen_addresses=127.0.0.1 -p {port} -c unix_socket_directories=''"
        log = str(folder / "log")
        _call([pg_ctl, "-D", str(cluster), "-w", "-l", log, "-o", options, "start"], owner)
        try:
            yield port
        finally:
            _call([pg_ctl, "-D", str(cluster), "-m", "immediate", "stop"], owner)


def _owner() -> int | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    return known.get("postgres", known.get("nobody"))


def _call(command: list[str], owner: int | None) -> None:
    done = subprocess.run(
        command, user=owner, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:]
        raise NoPostgresError(f"{Path(command[0]).name} failed: {''.join(said)}")
