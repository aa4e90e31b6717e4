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
from bench.machine import on_disk

# Debian and Ubuntu keep a server's programs off the path.
ELSEWHERE = Path("/usr/lib/postgresql")


class NoPostgresError(Exception):
    """No PostgreSQL on this machine, or it does not start; says which."""


def programs(path: str | None = None, elsewhere: Path = ELSEWHERE) -> tuple[str, str]:
    """Where initdb and pg_ctl are: both on the path, or both of the newest version there is.

    NoPostgresError says what to install.
    """
    newest = sorted(elsewhere.glob("*/bin"), key=_version, reverse=True)
    for place in (path, *newest):
        initdb, pg_ctl = (shutil.which(name, path=place) for name in ("initdb", "pg_ctl"))
        if initdb and pg_ctl:
            return initdb, pg_ctl
    raise NoPostgresError(
        f"initdb and pg_ctl of PostgreSQL are neither on the path nor in {elsewhere}/*/bin: "
        "install its server (Debian, Ubuntu: apt-get install postgresql)"
    )


def _version(place: Path) -> tuple[int, ...]:
    """Of a folder <version>/bin, so that 17 comes after 9.6."""
    return tuple(int(part) for part in place.parent.name.split(".") if part.isdigit())


@contextmanager
def running_postgres() -> Iterator[int]:
    """The port of a fresh cluster on the loopback: user `bench`, no password, database postgres.

    PostgreSQL refuses to run as root; then it runs as `postgres` or `nobody`.
    """
    initdb, pg_ctl = programs()
    owner = _owner()
    with _cluster_home(owner) as folder:
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


@contextmanager
def _cluster_home(owner: int | None) -> Iterator[Path]:
    """On a disk, where a commit costs what it costs.

    Another user may have no way into our own folder; /var/tmp outlives a restart.
    """
    if owner is None:
        with on_disk("postgres") as folder:
            yield folder
    else:
        with tempfile.TemporaryDirectory(prefix="bench-postgres-", dir="/var/tmp") as made:
            yield Path(made)


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
