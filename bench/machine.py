"""On what the figures were taken: processor, memory, disk, versions; and a folder on that disk."""

import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

BUILD = Path(__file__).resolve().parents[1] / "build"
PACKAGES = (
    "sqlalchemy", "httpx", "duckdb", "pyarrow", "pandas", "great-expectations", "prefect",
)  # fmt: skip
IN_MEMORY = frozenset({"tmpfs", "ramfs"})
SYNCS = 200


class NotADiskError(Exception):
    """The folder lives in memory: a durable commit costs nothing there, and is none."""


def described(folder: Path) -> list[str]:
    """A line each on the machine, the disk below `folder` and the versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    software = [f"{name} {version(name)}" for name in PACKAGES]
    return [
        f"{_cpu()}, {os.cpu_count()} cores, {memory:.0f} GB, "
        f"{platform.system()} {platform.release()}",
        f"{os.getloadavg()[0]:.1f} processes wanted those cores in the minute before",
        f"disk: {disk_below(folder)}",
        f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}, " + ", ".join(software),
    ]


@contextmanager
def on_disk(name: str) -> Iterator[Path]:
    """An empty folder below build/, gone with the block; NotADiskError where that is in memory.

    The folder for temporary files often is: there nobody's state would cost or risk anything.
    """
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=BUILD) as made:
        disk_below(Path(made))
        yield Path(made)


def disk_below(folder: Path) -> str:
    """The file system a folder is on, with its options; NotADiskError for one in memory."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return "unknown (this system does not tell)"
    kind, options = mount_of(folder.resolve(), mounts.read_text())
    if kind in IN_MEMORY:
        raise NotADiskError(f"{folder} is on {kind}; name a folder on a disk")
    return f"{kind} ({options})"


def mount_of(path: Path, mounts: str) -> tuple[str, str]:
    """Kind and options of the mount nearest above a path, from the text of /proc/mounts.

    >>> mounts = "a / ext4 rw,relatime 0 0\\nb /tmp tmpfs rw 0 0\\nc /tmpfiles xfs rw 0 0"
    >>> mount_of(Path("/tmp/x"), mounts), mount_of(Path("/tmpf"), mounts)
    (('tmpfs', 'rw'), ('ext4', 'rw,relatime'))
    """
    best, found = -1, ("unknown", "")
    for line in mounts.splitlines():
        _, point, kind, options, *_ = line.split()
        # The later of two mounts on one place hides the earlier.
        if path.is_relative_to(point) and len(point) >= best:
            best, found = len(point), (kind, options)
    return found


def sync_latencies(folder: Path) -> list[float]:
    """Milliseconds for each of 200 appends of a page (4 KiB) with fsync: a commit's floor."""
    place, taken = folder / "sync", []
    with place.open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            file.write(bytes(4096))
            began = perf_counter()
            os.fsync(file.fileno())
            taken.append((perf_counter() - began) * 1000)
    place.unlink()
    return taken


def bare_commits(folder: Path) -> list[float]:
    """Seconds for each of 400 commits of one row, in a file set up as the state database is."""
    place, taken = folder / "bare.db", []
    with closing(sqlite3.connect(place, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE effects (id INTEGER PRIMARY KEY, state TEXT)")
        for n in range(2 * SYNCS):
            began = perf_counter()
            db.execute("INSERT INTO effects VALUES (?, 'planned')", [n])
            taken.append(perf_counter() - began)
    for file in folder.glob("bare.db*"):
        file.unlink()
    return taken


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
