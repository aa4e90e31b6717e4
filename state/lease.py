"""One writer per sync: the run lease, and the fence that stops a stale one.

    acquire --> held by run R, fence 7 --renew--> ... --release--> free
                  |-- expired, or its process is dead --> taken over, fence 8
                        R's next change of state raises LeaseLost

The fence is the sweep number. It rises with every acquisition and never goes
back, so "newer" needs no clock. Every change of state checks it in the same
transaction; nothing else keeps two runs apart.
"""

import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psutil  # type: ignore[import-untyped]
from sqlalchemy import Connection, Row, bindparam, func, select, update

from state.database import State, Upsert, take_turns
from state.errors import LeaseHeld, LeaseLost, StateSilent
from state.schema import leases, syncs

TTL = timedelta(seconds=60)
SAME_START_SECONDS = 1.0  # a process start is kept in clock ticks; a reused pid is further off

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lease:
    """Proof that one run may change the state of one sync. Pass it to every change."""

    state: State = field(repr=False)
    sync: str
    run_id: str
    fence: int
    ttl: timedelta = TTL

    @property
    def sweep(self) -> int:
        """The sweep number: another name for the fence, for questions of "since"."""
        return self.fence

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """Give a writing connection on which this lease was found to be current."""
        with self.state.write() as db:
            check_fence(db, self)
            yield db


@dataclass(frozen=True)
class Owner:
    """A process, told apart from a later one that got its number."""

    host: str
    boot_id: str
    pid: int
    process_started_at: float


def acquire(
    state: State,
    sync: str,
    *,
    run_id: str,
    account: str = "",
    ttl: timedelta = TTL,
    above: int = 0,
) -> Lease:
    """Take the sync for one run, or raise LeaseHeld saying who has it.

    A holder that died on this host is taken over at once; one on another host
    when its time is up. Two syncs of one name in different accounts do not
    meet: the second one's name everywhere is `name@account`. `above` is the
    highest sweep the history file knows, for a state database that was lost.
    """
    name = f"{sync}@{account}" if account else sync
    with state.write() as db:
        now, me = state.now(), vars(this_process())
        _THERE.run(db, [{
            "name": _key(name), "holder": "", **me, "fence": 0, "taken_at": now, "expires_at": now,
        }])  # fmt: skip
        row = db.execute(_MINE_ALONE, {"my_name": _key(name)}).one()
        if row.holder and row.expires_at > now and not is_dead(row):
            raise LeaseHeld(row.holder, row.host, row.pid, row.taken_at, row.expires_at)
        fence = max(_last_sweep(db, name), row.fence, above) + 1
        _TAKE.run(db, [{
            "name": _key(name), "holder": run_id, **me, "fence": fence,
            "taken_at": now, "expires_at": now + ttl,
        }])  # fmt: skip
        db.execute(_COUNT_ON, {"my_name": name, "fence": fence})
    if row.holder:
        log.warning("took sync %s over from run %s (process %s)", name, row.holder, row.pid)
    return Lease(state, name, run_id, fence, ttl)


_OF_SYNC = leases.c.name == bindparam("my_name")
_FOUND = select(leases).where(_OF_SYNC)
_MINE_ALONE = _FOUND.with_for_update()
# Passes by a renewal, waits for a take-over, and is waited for by it.
_HELD_BY = select(leases.c.fence, leases.c.holder).where(_OF_SYNC)
_CURRENT = _HELD_BY.with_for_update(read=True, key_share=True)
_RENEW = update(leases).where(_OF_SYNC).values(expires_at=bindparam("until"))
_RELEASE = _RENEW.where(leases.c.fence == bindparam("my_fence")).values(holder="")


def check_fence(db: Connection, lease: Lease) -> None:
    """Raise LeaseLost unless the lease is still the current one.

    An expired lease nobody took is still good: the holder was slow, not
    replaced. Reads under a share lock, so that a take-over waits for the
    change that is being made on this connection; a renewal does not.
    """
    row = db.execute(_CURRENT, {"my_name": _key(lease.sync)}).one_or_none()
    if row is None or row.fence != lease.fence or row.holder != lease.run_id:
        now_with = f"run {row.holder}" if row is not None and row.holder else "nobody"
        raise LeaseLost(
            f"run {lease.run_id} no longer holds sync {lease.sync} (sweep {lease.fence}): "
            f"it is with {now_with}. Nothing was written; start the sync again."
        )


def check(lease: Lease) -> None:
    """Raise LeaseLost unless this run still is the one: before a change outside the database."""
    with lease.changing():
        pass


def renew(lease: Lease) -> None:
    """Move the end of the lease to one ttl from now."""
    with lease.changing() as db:
        until = lease.state.now() + lease.ttl
        db.execute(_RENEW, {"my_name": _key(lease.sync), "until": until})


class Holding(NamedTuple):
    """Who holds a sync, and since when."""

    run_id: str
    host: str
    pid: int
    since: datetime


def holding(state: State, sync: str) -> Holding | None:
    """Return who holds a sync just now; None for nobody, or one that died on this machine.

    For looking before asking. It may be another's a moment later: only `acquire` decides.
    """
    with state.read() as db:
        row = db.execute(_FOUND, {"my_name": _key(sync)}).one_or_none()
    if row is None or not row.holder or row.expires_at <= state.now() or is_dead(row):
        return None
    return Holding(row.holder, row.host, row.pid, row.taken_at)


def holder(state: State, sync: str) -> str:
    """Return the run that holds a sync just now; '' for none. As `holding`, by name alone."""
    held = holding(state, sync)
    return held.run_id if held else ""


def release(lease: Lease) -> None:
    """Give the sync back. Harmless when somebody else has it by now."""
    with lease.state.write() as db:
        mine = {"my_name": _key(lease.sync), "my_fence": lease.fence}
        db.execute(_RELEASE, {**mine, "until": lease.state.now()})


@contextmanager
def keeping(lease: Lease) -> Iterator[Lease]:
    """Renew in the background while the block runs, and release after it.

    A lost lease does not interrupt the block: its next guarded change raises
    LeaseLost, which is soon enough, since nothing can be written before.
    """
    ended = threading.Event()
    keeper = threading.Thread(target=_keep, args=(lease, ended), daemon=True, name="lease")
    keeper.start()
    try:
        yield lease
    finally:
        ended.set()
        keeper.join()
        release(lease)


def this_process() -> Owner:
    """Say which process this is, on which boot of which machine."""
    pid = os.getpid()
    return Owner(_host(), _boot_id(), pid, _started_at(pid) or 0.0)


def _keep(lease: Lease, ended: threading.Event) -> None:
    while not ended.wait(lease.ttl.total_seconds() / 3):
        try:
            renew(lease)
        except LeaseLost as lost:
            log.error("%s", lost)
            return
        except StateSilent as error:
            # Two more turns remain before the lease runs out.
            log.warning("could not renew the lease of %s: %s", lease.sync, error)


def is_dead(row: Row[Any]) -> bool:
    """True only when the holder ran on this machine and provably does so no more.

    Another boot proves nothing: two machines made from one image may bear one name.
    """
    if row.host != _host() or row.boot_id != _boot_id():
        return False
    started_at = _started_at(row.pid)
    if started_at is None:
        return True
    return bool(abs(started_at - row.process_started_at) > SAME_START_SECONDS)


def _started_at(pid: int) -> float | None:
    """When a process began, in seconds since boot where that is told; None: it is no more.

    Since boot, because the time of day is set anew now and then and every start would seem to
    move with it. A zombie has ended: only its parent has not looked yet.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
    except ProcessLookupError:
        return None
    else:
        return None if fields[0] in "ZX" else int(fields[19]) / os.sysconf("SC_CLK_TCK")
    with suppress(psutil.NoSuchProcess):  # not Linux
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    return None


def _host() -> str:
    """Name this machine; two containers that share a name but not their processes differ."""
    processes = ""
    with suppress(OSError):  # only Linux tells
        processes = "/" + str(Path("/proc/self/ns/pid").readlink())
    return socket.gethostname() + processes


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return str(int(psutil.boot_time()))


def sync_of(name: str) -> str:
    """Whose lease a row of that name is: of a sync, or of its listener.

    >>> sync_of("sync:acme")
    'acme'
    """
    return name.removeprefix(_key(""))


def _key(sync: str) -> str:
    return f"sync:{sync}"


def _last_sweep(db: Connection, sync: str) -> int:
    """Return the last sweep number of any sync; until the commit nobody else can take the next.

    One sequence for all: syncs of one account share the identity map, whose "since when" is told
    in sweeps.
    """
    take_turns(db, "the sweep number")
    _KNOWN.run(db, [{"sync": sync, "last_sweep": 0}])
    return int(db.execute(_HIGHEST).scalar_one())


def _unless_there(insert: Any) -> Any:
    return insert.on_conflict_do_nothing()


_LEASE = leases.c.keys()


def _take(insert: Any) -> Any:
    changed = {name: insert.excluded[name] for name in _LEASE if name != "name"}
    return insert.on_conflict_do_update(index_elements=["name"], set_=changed)


_KNOWN = Upsert(syncs, ["sync", "last_sweep"], _unless_there)
_THERE = Upsert(leases, _LEASE, _unless_there)
_TAKE = Upsert(leases, _LEASE, _take)
_HIGHEST = select(func.max(syncs.c.last_sweep))
_COUNT_ON = (
    update(syncs).where(syncs.c.sync == bindparam("my_name")).values(last_sweep=bindparam("fence"))
)
