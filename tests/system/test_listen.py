"""`syncline listen` as a process: woken over HTTP, ended by a signal, started again."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml
from prefect_server import PrefectServer, prefect_server

from pipelines.settings import KeySecret, MailigenConnection
from tests.pipelines.mailigen_pipedrive.desk import SECRETS, Desk

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SECRET = "a secret of 26 characters"
__all__ = ["prefect_server"]


def write_files(desk: Desk) -> list[str]:
    """The desk's sync and accounts as files; the words that name them on the command line."""
    known = desk.connections["engagement"]
    assert isinstance(known, MailigenConnection)
    secret = KeySecret(key=known.secret.key, webhook="HOOK_SECRET")
    desk.facts["engagement"] = {"secret": secret}
    folder = desk.home.parent
    return ["--syncs", desk.write_files(folder)["SYNCLINE_SYNCS"]]


@contextmanager
def listening(
    desk: Desk, *words: str, base: Mapping[str, str] = os.environ
) -> Iterator[subprocess.Popen[str]]:
    """A listener in a process of its own, of Prefect only where `base` names a server."""
    is_ours = base is not os.environ
    kept = {
        name: value for name, value in base.items()
        if is_ours or not name.startswith(("PREFECT_", "SYNCLINE_"))
    }  # fmt: skip
    environ = kept | SECRETS | {"HOOK_SECRET": SECRET, "SYNCLINE_HOME": str(desk.home)}
    command = [sys.executable, "-m", "deployments", *write_files(desk), "listen", "--port", "0"]
    process = subprocess.Popen(
        [*command, *words], cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def line_of(process: subprocess.Popen[str], pattern: str) -> str:
    """Read on to the line that fits; fails when the process ends without it."""
    assert process.stdout is not None
    read = []
    for line in process.stdout:
        read.append(line)
        if re.search(pattern, line):
            return line
    raise AssertionError(f"never said {pattern!r}: {''.join(read)}")


def test_an_opened_mail_becomes_an_activity_while_the_process_listens(desk: Desk) -> None:
    """ALL-12: and the process ends in order when told to, finishing the run it is in"""
    desk.start(people=30).settle()
    person, email = desk.person(on_list=True)
    with listening(desk) as process:
        line_of(process, "Mailigen rings at")
        desk.play("open", email)
        told = line_of(process, "1 delivery; run-")
        assert "done in" in told
        assert len(desk.ours("activities", person)) == 1
        desk.play("click", email)
        process.send_signal(signal.SIGTERM)
        line_of(process, "SIGTERM: ending")
        assert process.wait(60) == 0


def test_a_killed_listener_goes_on_with_what_it_had_stored(desk: Desk) -> None:
    """ALL-12, ALL-04: killed while the run that a delivery woke is reading"""
    desk.start(people=30).settle()
    person, email = desk.person(on_list=True)
    with listening(desk) as process:
        line_of(process, "Mailigen rings at")
        desk.fault("delay", "mailigen", "/1.8/listMembers", delay_s=60)
        desk.play("open", email)
        with httpx.Client(trust_env=False) as http:
            while not any(f["fired"] for f in http.get(f"{desk.url}/_sandbox/faults").json()):
                assert process.poll() is None
    desk.clear_faults()
    with listening(desk) as process:
        line_of(process, "1 delivery left from before")
        line_of(process, "1 delivery; run-.*done in")
        assert len(desk.ours("activities", person)) == 1
        second = listening(desk)
        with second as other:
            assert other.wait(60) == 1, "one listener a sync"


def test_a_sync_that_is_added_meanwhile_is_listened_for(desk: Desk) -> None:
    """ALL-12: the port of the process takes in for it, and nothing was started again"""
    desk.start(people=30).settle()
    with listening(desk) as process:
        line_of(process, "Mailigen rings at")
        added = desk.wanted | {"name": "beta", "bots": []}
        (desk.home.parent / "syncs" / "beta.yaml").write_text(yaml.safe_dump(added))
        desk.play("open", desk.person(on_list=True)[1])  # any turn of the loop sees the file
        told = line_of(process, "beta: listening on")
        path = told.split(" for ")[1].strip()
        assert httpx.get(path, trust_env=False).text == "ok"
        assert httpx.post(path, content=b"{}", trust_env=False).status_code == 401
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_each_wake_is_one_flow_run_where_a_prefect_server_is_configured(
    desk: Desk, prefect_server: PrefectServer
) -> None:
    """ALL-01, ALL-12: in the warm process, recorded like a scheduled run"""
    desk.start(people=30).settle()
    person, email = desk.person(on_list=True)
    with listening(desk, "--wake-after", "0s", base=prefect_server.environ) as process:
        line_of(process, "Mailigen rings at")
        desk.play("open", email)
        line_of(process, "1 delivery; run-.*done in")
        desk.play("click", email, times=2)
        line_of(process, "1 delivery; run-.*done in")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert len(desk.ours("activities", person)) == len(desk.ours("deals", person)) == 1
    found = httpx.post(f"{prefect_server.api_url}/flow_runs/filter", json={}, trust_env=False)
    told = [(run["name"], run["state_name"], run["tags"]) for run in found.json()]
    assert told == [("acme", "Completed", ["syncline"])] * 2
