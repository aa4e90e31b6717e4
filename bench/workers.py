"""Forty syncs over ten accounts by one worker and by three; of three, one dies in the middle.

    python -m bench.workers                       one worker, then three with one killed
    python -m bench.workers --workers 3 --accounts 4 --each 2 --people 100

Everything is a process of its own: a sandbox for an account of each vendor, a Prefect server, and
workers of a process pool that carry two flow runs at a time each. Prefect's database and the state
are on one PostgreSQL, durable as it comes. Each sync fills a list of its own from the persons of
its account.
After the first runs every sync runs once more: what it writes is what reading back the first one's
values has shown, if anything. Killed is a whole worker while it carries a running sync: it and the
runs it had begun, as if its machine were gone; who then has no run alive is begun again on the
others. The judge reads the sandboxes' books and journals alone.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil  # type: ignore[import-untyped]
import psycopg

from bench.house import NO_PROXY, ROOT, THEIRS, Sleep, free_port, sandbox
from bench.machine import described, on_disk
from bench.postgres import NoPostgresError, programs, running_postgres
from bench.processes import LOOK_S, BrokenBenchError, answers, end_family, wait_until
from bench.tables import markdown
from bench.whole_runs import CONSENT, NEVER_HELD

SECRETS = {"CRM_TOKEN": "sandbox-pipedrive-admin", "LIST_KEY": "sandbox-mailigen-key"}
AT_A_TIME = "2"  # flow runs a worker carries at once: one for each core here
KILLED_AFTER = 0.25  # of the runs are done
OURS = "Workers"  # how the title of each list begins
PATIENCE_S = 900.0
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
COLUMNS = (
    "workers", "killed", "syncs", "first runs, s", "a minute", "second runs, s", "a minute",
    "writes in them", "begun again", "members made", "doubled", "missing", "turned away for pace",
)  # fmt: skip


class Judged(NamedTuple):
    """What the vendors' books and journals say of all lists together."""

    made: int
    doubled: int
    missing: int
    too_fast: int  # requests a vendor answered with 429


@contextmanager
def postgresql() -> Iterator[tuple[str, str]]:
    """Two databases of a durable server: for Prefect (which needs pg_trgm), for the state."""
    with running_postgres() as port:
        at = f"bench@127.0.0.1:{port}"
        with psycopg.connect(f"postgresql://{at}/postgres", autocommit=True) as db:
            db.execute("CREATE DATABASE prefect")
            db.execute("CREATE DATABASE syncline")
        yield f"postgresql+asyncpg://{at}/prefect", f"postgresql://{at}/syncline"


class Farm:
    """Server, workers, accounts and the files of all syncs."""

    def __init__(
        self, folder: Path, accounts: Sequence[str], each: int, sleep: Sleep = time.sleep
    ) -> None:
        self.folder, self.accounts, self._sleep = folder, accounts, sleep
        self.syncs = [f"sync-{a}-{n}" for a in range(len(accounts)) for n in range(each)]
        self._stack = ExitStack()
        self.workers: list[subprocess.Popen[bytes]] = []
        self._environ = self._files()

    def __enter__(self) -> "Farm":
        with self._stack:
            prefect, state = self._stack.enter_context(postgresql())
            port = free_port()
            self._environ |= {
                "SYNCLINE_STATE_URL": state, "PREFECT_API_DATABASE_CONNECTION_URL": prefect,
                "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            }  # fmt: skip
            self._start("server", "start", "--port", str(port))
            self.api = httpx.Client(base_url=self._environ["PREFECT_API_URL"], timeout=60)
            wait_until(lambda: answers(self.api), "the Prefect server answers")
            self._syncline("deploy")
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start_workers(self, count: int) -> None:
        self.workers += [
            self._start("worker", "start", "--pool", "syncline", "--limit", AT_A_TIME)
            for _ in range(count)
        ]

    def begin(self, syncs: Sequence[str]) -> dict[str, str]:
        """One flow run each, by id; the workers find them."""
        begun = {}
        for sync in syncs:
            found = self.api.get(f"/deployments/name/mailigen-pipedrive/{sync}")
            deployment = found.raise_for_status().json()["id"]
            made = self.api.post(f"/deployments/{deployment}/create_flow_run", json={})
            begun[made.raise_for_status().json()["id"]] = sync
        return begun

    def states(self, runs: Mapping[str, str]) -> dict[str, str]:
        asked = {"flow_runs": {"id": {"any_": list(runs)}}, "limit": 200}
        found = self.api.post("/flow_runs/filter", json=asked).raise_for_status().json()
        return {one["id"]: one["state"]["type"] for one in found}

    def carry_through(self, *, kill: bool = False) -> tuple[float, int]:
        """Run every sync until each has completed; seconds, and how many were begun again."""
        began, again = time.perf_counter(), 0
        runs, open_syncs = self.begin(self.syncs), set(self.syncs)
        dead: set[str] = set()
        while open_syncs:
            self._sleep(LOOK_S)
            if time.perf_counter() - began > PATIENCE_S:
                raise BrokenBenchError(f"still open: {sorted(open_syncs)}")
            states = self.states(runs)
            done = {runs[run] for run, state in states.items() if state == "COMPLETED"}
            open_syncs = set(self.syncs) - done
            if kill and len(done) >= KILLED_AFTER * len(self.syncs):
                dead = self.kill_one({r for r, state in states.items() if state == "RUNNING"})
                kill = not dead
            over = {run for run, state in states.items() if state in ENDED} | dead
            stuck = open_syncs - {sync for run, sync in runs.items() if run not in over}
            if stuck:
                runs |= self.begin(sorted(stuck))
                again += len(stuck)
        return time.perf_counter() - began, again

    def kill_one(self, running: set[str]) -> set[str]:
        """SIGKILL the first worker and all it started, the flow runs that died with it.

        Left alive where none of its flow runs is running at this moment.
        """
        gone = psutil.Process(self.workers[0].pid)
        family = [gone, *gone.children(recursive=True)]
        mine = {run for one in family if (run := flow_run(one))}
        if not mine & running:
            return set()
        for one in family:
            one.send_signal(signal.SIGKILL)
        self.workers.pop(0).wait()
        sys.stderr.write(f"killed: a worker with {len(mine)} runs, {len(mine & running)} running\n")
        return mine

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context((self.folder / f"{words[0]}.log").open("ab"))
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", *words], cwd=ROOT, env=self._environ,
            stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        self._stack.callback(end_family, process)
        return process

    def _syncline(self, *words: str) -> None:
        command = [sys.executable, "-m", "deployments", *words]
        subprocess.run(command, cwd=ROOT, env=self._environ, check=True, stdout=sys.stderr)

    def _files(self) -> dict[str, str]:
        """Definitions and connections (JSON is YAML), and the environment that points at them."""
        syncs, known = self.folder / "syncs", self.folder / "connections.yaml"
        syncs.mkdir()
        for sync in self.syncs:
            _, account, number = sync.split("-")
            wanted = definition(sync, int(account), int(number))
            (syncs / f"{sync}.yaml").write_text(json.dumps(wanted))
        known.write_text(json.dumps(connections(self.accounts)))
        ours = {name: value for name, value in os.environ.items() if not name.startswith(THEIRS)}
        return ours | SECRETS | NO_PROXY | {
            "SYNCLINE_HOME": str(self.folder / "home"), "SYNCLINE_SYNCS": str(syncs),
            "SYNCLINE_CONNECTIONS": str(known), "PYTHONPATH": str(ROOT),
            "PREFECT_HOME": str(self.folder / "prefect"), "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_LOGGING_LEVEL": "WARNING",
            "PREFECT_SERVER_EPHEMERAL_ENABLED": "false", "DO_NOT_TRACK": "1",
            "GX_ANALYTICS_ENABLED": "false",
        }  # fmt: skip


def definition(name: str, account: int, number: int) -> Mapping[str, Any]:
    return {
        "kind": "mailigen_pipedrive", "name": name, "schedule": {"every": "1d"},
        "connections": {"crm": f"crm-{account}", "engagement": f"list-{account}"},
        "list": {"title": f"{OURS} {number}", "create": True}, "fields": {}, "guards": NEVER_HELD,
        "bots": [{"id": "all", "contacts": "all", "notes": ["open"], "consent": CONSENT}],
    }  # fmt: skip


def connections(urls: Sequence[str]) -> Mapping[str, Any]:
    """As many accounts of each vendor as there are sandboxes."""
    made: dict[str, Any] = {}
    for n, url in enumerate(urls):
        made[f"crm-{n}"] = {
            "vendor": "pipedrive", "base_url": f"{url}/pipedrive", "plan": "ultimate",
            "secret": {"token": "CRM_TOKEN"}, "seats": 50,
        }  # fmt: skip
        made[f"list-{n}"] = {
            "vendor": "mailigen", "base_url": f"{url}/mailigen", "secret": {"key": "LIST_KEY"},
        }  # fmt: skip
    return made


def judge(urls: Sequence[str]) -> Judged:
    """Every list of ours against the persons of its account, and what the journals tell.

    Wanted on a list is every address that is some person's first; left out are those that the
    account's lists all lack: the sync skips them with a reason (no valid address).
    """
    made = doubled = missing = too_fast = 0
    for url in urls:
        with httpx.Client(base_url=f"{url}/_sandbox", timeout=60) as control:
            journal = [json.loads(line) for line in control.get("/journal").text.splitlines()]
            members = control.get("/books/mailigen/members").json()
            lists = control.get("/books/mailigen/lists").json()
        ours = {one["id"] for one in lists if one["name"].startswith(OURS)}
        held = Counter(
            (m["list"], m["email"].lower())
            for m in members
            if m["list"] in ours and not m["_deleted"]
        )
        everybody = {email for _, email in held}
        made += len(held)
        doubled += sum(times - 1 for times in held.values())
        missing += len(ours) * len(everybody) - len(held)
        too_fast += sum(line["status"] == 429 for line in journal)
    return Judged(made, doubled, missing, too_fast)


def play(workers: int, accounts: int, each: int, people: int, *, kill: bool) -> list[str]:
    """One row: fresh vendors, fresh databases; first runs, then second ones that write nothing."""
    with ExitStack() as stack:
        folder = stack.enter_context(on_disk("workers"))
        urls = [stack.enter_context(sandbox(people)) for _ in range(accounts)]
        farm = stack.enter_context(Farm(folder, urls, each))
        farm.start_workers(workers)
        first, again = farm.carry_through(kill=kill)
        if kill:
            farm.start_workers(1)
        before = [len(written(url)) for url in urls]
        second, _ = farm.carry_through()
        wrote = [one for n, url in zip(before, urls, strict=True) for one in written(url)[n:]]
        said = judge(urls)
    count = len(farm.syncs)
    return [
        str(workers), "1 worker" if kill else "", str(count), f"{first:.0f}",
        f"{60 * count / first:.1f}", f"{second:.0f}", f"{60 * count / second:.1f}",
        str(len(wrote)), str(again),
        f"{said.made:,}", str(said.doubled), str(said.missing), str(said.too_fast),
    ]  # fmt: skip


def written(url: str) -> list[str]:
    """The requests that changed something at a sandbox's vendors so far, in their order."""
    lines = httpx.get(f"{url}/_sandbox/journal", timeout=60).text.splitlines()
    return [line for line in lines if json.loads(line)["effects"]]


def flow_run(process: psutil.Process) -> str:
    """The id of the flow run a process carries; empty for any other process."""
    try:
        return str(process.environ().get("PREFECT__FLOW_RUN_ID", ""))
    except psutil.NoSuchProcess:
        return ""


def main(words: Sequence[str], find: Callable[[], object] = programs) -> int:
    """Print the machine and a line for each number of workers; 1 without a PostgreSQL, which `find`
    looks for."""
    parser = argparse.ArgumentParser(prog="bench.workers", description=__doc__)
    parser.add_argument("--workers", type=int, action="append", default=[])
    parser.add_argument("--accounts", type=int, default=10)
    parser.add_argument("--each", type=int, default=4, help="syncs of an account")
    parser.add_argument("--people", type=int, default=300, help="persons of an account")
    asked = parser.parse_args(words)
    rows = []
    try:
        find()
    except NoPostgresError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for count in asked.workers or [1, 3]:
        row = play(count, asked.accounts, asked.each, asked.people, kill=count > 1)
        sys.stderr.write(" | ".join(row) + "\n")
        rows.append(row)
    sys.stdout.write("\n".join([*described(ROOT), "", markdown(COLUMNS, rows)]) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
