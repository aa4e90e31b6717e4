"""The product's whole life with seeded secrets and people, and then a search for them everywhere.

Secrets may stand nowhere at all. Where people's addresses and phone numbers belong is said here,
by file and column; anywhere else they are a leak. What `plan`, `sql`, `preview` and `explain` print
for whoever asked is not looked at: to show values is what they are for.
"""

import hashlib
import hmac
import json
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect_server import PrefectServer, prefect_server

from tests.pipelines.mailigen_pipedrive.desk import CUSTOMERS, SECRETS, Desk
from tests.system.leaks import Hunter, Leak, clothes, hunt, raw

pytestmark = pytest.mark.slow

__all__ = ["prefect_server"]
ROOT = Path(__file__).parents[2]
HOOK = "hook-secret-9b1f7c2e5a"
WRONG = "wrong-token-4d8e1a6b3c"
ALERTS = "alert-path-7e2c9d4f1b"
SEEDED = (*SECRETS.values(), HOOK, WRONG, ALERTS)
ANN, EVE = "ann.seeded.5f3a@private-life.example", "eve.seeded.8c1d@private-life.example"
MOVED, GONE = "ann.moved.2b7e@private-life.example", "gone.seeded.6a9f@private-life.example"
PHONE = "+371 2955 0173"
PEOPLE = (ANN, EVE, MOVED, GONE, PHONE, PHONE.replace(" ", ""))
# Where people belong. DuckDB holds what was read, planned and done; the state who is who, and the
# bodies of writes; the inbox a delivery until it is taken in.
HOMES = (
    "home/*.duckdb: *", "home/state.db: contacts.current_address",
    "home/state.db: contact_addresses.address", "home/state.db: row_claims.natural_key",
    "home/state.db: deeds.body", "home/state.db: deeds.natural_key", "home/state.db: deeds.cause",
    "home/state.db: settings.natural_key", "home/state.db: settings.desired", "home/state.db: settings.acknowledged",
    "home/inbox.db: deliveries.body",
)  # fmt: skip


class Life:
    """A sync on disk, its command line under a Prefect server, and all it ever said."""

    def __init__(self, desk: Desk, server: PrefectServer) -> None:
        self.desk, self.said = desk, desk.home.parent / "said"
        self.said.mkdir()
        folder = desk.home.parent / "files"
        folder.mkdir()
        files = desk.write_files(folder)
        accounts = json.loads((folder / "connections.yaml").read_text())
        accounts["engagement"]["secret"]["webhook"] = "HOOK_SECRET"
        (folder / "connections.yaml").write_text(json.dumps(accounts))
        more = {"HOOK_SECRET": HOOK, "OPS_WEBHOOK": f"{desk.url}/nowhere/{ALERTS}"}
        self.environ = server.environ | files | more
        self._count = 0

    def command(self, *words: str, shows: bool = False, **other: str) -> int:
        """Run `syncline ...`; what it said is kept, unless showing values is its purpose."""
        ended = subprocess.run(
            [sys.executable, "-m", "deployments", *words], cwd=ROOT, env=self.environ | other,
            capture_output=True, check=False, timeout=240,
        )  # fmt: skip
        self._count += 1
        told = ended.stderr if shows else ended.stdout + ended.stderr
        (self.said / f"{self._count:02} {' '.join(words)[:40].replace('/', '_')}").write_bytes(told)
        return ended.returncode

    def listen(self) -> None:
        """Deliver at the real receiver: unsigned, unreadable, somebody leaving; then end it."""
        command = [sys.executable, "-m", "deployments", "listen", "--port", "0"]
        with (self.said / "listen.err").open("wb") as complaints, subprocess.Popen(
            command, cwd=ROOT, env=self.environ, stdout=subprocess.PIPE, stderr=complaints, text=True
        ) as process:  # fmt: skip
            said = _read_until(process, "Mailigen rings at")
            address = re.search(r"for (http\S+)", said)
            assert address is not None
            left = {"hook": "contact.unsubscribe", "data": [{"email": EVE, "phone": PHONE}]}
            for body in (json.dumps(left).encode(), b"\xff" + ANN.encode()):
                signed = "sha1=" + hmac.new(HOOK.encode(), body, hashlib.sha1).hexdigest()
                for signature, status in ((signed, 200), (f"sha1={HOOK}", 401)):
                    answer = httpx.post(
                        address[1], content=body, headers={"x-mailigen-signature": signature},
                        trust_env=False, timeout=60,
                    )  # fmt: skip
                    assert answer.status_code == status
            said += _read_until(process, "deliveries; run-|delivery; run-")
            process.terminate()
            assert process.stdout is not None
            said += process.stdout.read()
        (self.said / "listen.out").write_text(said)

    def prefect(self, server: PrefectServer) -> None:
        """What Prefect shows of it: runs, logs and artifacts."""
        for what in ("flow_runs", "task_runs", "logs", "artifacts", "deployments", "flows"):
            answer = httpx.post(
                f"{server.api_url}/{what}/filter", json={"limit": 200}, trust_env=False, timeout=60
            )
            (self.said / f"prefect {what}.json").write_bytes(answer.content)


def _read_until(process: subprocess.Popen[str], pattern: str) -> str:
    assert process.stdout is not None
    read = ""
    for line in process.stdout:
        read += line
        if re.search(pattern, line):
            return read
    raise AssertionError(f"never said {pattern!r}: {read}")


def live(life: Life, server: PrefectServer) -> None:
    """Everything an account goes through, with what goes wrong in it."""
    desk = life.desk
    ann = desk.add_person("Ann Seeded", ANN)
    desk.edit(ann, phones=[{"value": PHONE, "primary": True, "label": "work"}])
    desk.add_person("Eve Seeded", EVE)
    gone = desk.add_person("Gone Seeded", GONE)
    assert life.command("check") == 0
    assert life.command("plan", "acme", shows=True) == 0
    assert life.command("deploy", "--yes") == 0
    assert life.command("run", "acme") == 3, "the first activation asks"
    assert life.command("approve", "acme", "--by", "ann") == 0
    assert life.command("run", "acme") == 0
    for email in (ANN, EVE):
        desk.play("open", email)
        desk.play("click", email, times=2)
    desk.readdress(ann, MOVED)
    desk.delete_person(gone)
    # A vendor that repeats what it refuses, and one that breaks.
    spoken = {
        "success": False,
        "error": f"{ANN} {PHONE} {MOVED} and {SECRETS['CRM_TOKEN']} refused",
    }
    desk.fault("status", "pipedrive", "/v1/notes", method="POST", status=400, body=spoken)
    echoed = {"error": f"{MOVED} {PHONE} with {SECRETS['LIST_KEY']}", "code": 1}
    desk.fault("status", "mailigen", "/1.8/listUpdateMember", status=200, body=echoed)
    assert life.command("run", "acme") == 4
    life.command("doubts", "acme")
    life.command("retry", "acme", "--all")
    desk.fault("garble", "pipedrive", "/api/v2/persons", member="data.*.emails", body=ANN)
    assert life.command("run", "acme") == 1
    assert life.command("run", "acme", LIST_KEY=WRONG, CRM_TOKEN=WRONG) == 1, "Mailigen repeats it"
    desk.clear_faults()
    life.listen()
    for words in (
        ("audit", "acme"),
        ("run", "acme", "--json"),
        ("list",),
        ("list", "--json"),
        ("doctor",),
    ):
        life.command(*words)
    life.command("sql", "acme", "SELECT * FROM raw.pipedrive__persons", shows=True)
    life.command("preview", "acme", "--bot", "customers", shows=True)
    life.command("explain", "acme", EVE, shows=True)
    life.command("sql", "acme", "SELECT 'no number'::INTEGER", shows=True)
    life.prefect(server)


def belongs(leak: Leak) -> bool:
    return any(fnmatchcase(leak.place, home) for home in HOMES)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_secret_stands_anywhere_and_people_only_where_they_belong(
    desk: Desk, prefect_server: PrefectServer
) -> None:
    """ALL-11: files, databases, output, logs and artifacts, whatever they are coded in"""
    alert = {"webhook": "OPS_WEBHOOK", "on": ["failed", "guarded", "needs_reauthorization"]}
    desk.start(CUSTOMERS, people=20, alert=alert, guards={})
    life = Life(desk, prefect_server)
    live(life, prefect_server)
    folders = {"home": desk.home, "said": life.said, "prefect": prefect_server.home}

    hunter = Hunter(SEEDED)
    open_secrets = {
        (word, name) for name, content in raw(folders) for word in hunter.inside(content)
    }
    found = hunt(PEOPLE, folders)

    assert open_secrets == set()
    assert hunt(SEEDED, folders) == set()
    assert sorted(one for one in found if not belongs(one)) == []
    kept = {home for one in found for home in HOMES if fnmatchcase(one.place, home)}
    assert "home/*.duckdb: *" in kept, "the search finds what is there"
    assert "home/state.db: settings.acknowledged" in kept


@pytest.mark.parametrize(
    "how", ["plain", "base64", "url", "json", "utf16", "gzip", "sqlite", "duckdb"]
)
def test_the_search_finds_a_word_in_all_its_clothes(how: str, tmp_path: Path) -> None:
    """ALL-11: else the search above proves nothing"""
    _hide(how, tmp_path / f"file.{how}")
    assert {leak.word for leak in hunt([ANN], {"there": tmp_path})} == {ANN}
    assert hunt([EVE], {"there": tmp_path}) == set()
    assert len(clothes(ANN)) >= 6


def _hide(how: str, file: Path) -> None:
    import base64
    import gzip
    import sqlite3
    from urllib.parse import quote

    import duckdb

    text = f"before {ANN} after"
    files: dict[str, Any] = {
        "plain": text.encode(), "base64": base64.b64encode(text.encode()), "utf16": text.encode("utf-16"),
        "url": quote(text).encode(), "json": json.dumps(text).replace("@", "\\u0040").encode(),
        "gzip": gzip.compress(text.encode()),
    }  # fmt: skip
    if how in files:
        file.write_bytes(files[how])
    elif how == "sqlite":
        with sqlite3.connect(file) as db:
            db.execute("CREATE TABLE t (v BLOB)")
            db.execute("INSERT INTO t VALUES (?)", [base64.b64encode(text.encode())])
    else:
        with duckdb.connect(str(file)) as db:
            db.execute("CREATE TABLE t AS SELECT ? AS v", [text])
