"""What the command line says to somebody who has only the README: true, whole, with a remedy."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from deployments.cli import main
from state import lease
from state.database import open_state

SYNC = """\
kind: mailigen_pipedrive
name: acme
schedule: {every: 1h}
list: {title: N}
connections: {crm: p, engagement: m}
bots:
  - id: warm
    contacts: all
    consent: {confirmed_by: ann, on: 2026-11-01}
"""
CONNECTIONS = """\
p: {vendor: pipedrive, secret: {token: T}}
m: {vendor: mailigen, secret: {key: T}}
"""
Told = Callable[..., tuple[int, str, str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with one sync that never ran."""
    (tmp_path / "syncs").mkdir()
    (tmp_path / "syncs" / "acme.yaml").write_text(SYNC)
    (tmp_path / "connections.yaml").write_text(CONNECTIONS)
    monkeypatch.setenv("SYNCLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SYNCLINE_SYNCS", str(tmp_path / "syncs"))
    monkeypatch.setenv("T", "token")
    for name in ("PREFECT_API_URL", "SYNCLINE_STATE_URL", "SYNCLINE_CONNECTIONS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def told(here: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    """Give a command; returns its exit code and what it said on both channels."""

    def ask(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return ask


def publish(here: Path) -> None:
    file = here / "home" / "published" / "acme.duckdb"
    file.parent.mkdir(parents=True)
    with duckdb.connect(str(file)) as db:
        db.execute("CREATE TABLE skipped AS SELECT 7 AS id, 'no address' AS reason")


# -- exit codes


def test_a_folder_of_definitions_that_is_not_there_is_a_mistake(told: Told) -> None:
    """ALL-04: exit code 2, as every command that was given something to correct."""
    code, out, said = told("list", "--syncs", "nowhere")
    assert (code, out) == (2, "")
    assert "nowhere:1: no such folder; name it with --syncs" in said


def test_list_shows_what_it_can_and_ends_with_2_while_a_file_has_a_mistake(
    here: Path, told: Told
) -> None:
    """ALL-04, MG-19"""
    (here / "syncs" / "bad.yaml").write_text("kind: mailigen_pipedrive\nnam: bad\n")
    code, out, said = told("list")
    assert code == 2
    assert "acme" in out
    assert "bad.yaml:2: nam: unknown key" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sql", "acmee", "SELECT 1"], "no sync is called acmee; did you mean `acme`?"),
        (["explain", "acmee", "SL-AAAAAAAA"], "no sync is called acmee"),
        (["approve", "acme"], "there is nothing to approve"),
        (["pause", "acme", "--bot", "cold"], "acme has no bot 'cold'"),
    ],
)
def test_what_names_nothing_ends_with_2(told: Told, words: list[str], said: str) -> None:
    """ALL-04: whatever the command, as the table of exit codes in README has it."""
    code, _, complaint = told(*words)
    assert code == 2
    assert said in complaint


@pytest.mark.parametrize("query", ["SELECT reson FROM skipped", "SELEC 1", "DROP TABLE skipped"])
def test_a_query_that_must_be_corrected_ends_with_2(here: Path, told: Told, query: str) -> None:
    """ALL-03, ALL-04"""
    publish(here)
    assert told("sql", "acme", query)[0] == 2


def test_a_sync_that_never_ran_has_nothing_to_ask_and_ends_with_1(told: Told) -> None:
    """ALL-03, ALL-04: the command is right, only too early."""
    code, _, said = told("sql", "acme", "SELECT 1")
    assert code == 1
    assert "nothing is published for acme yet" in said


# -- sentences


def test_a_wrong_query_is_shown_with_the_caret_under_the_word(here: Path, told: Told) -> None:
    """ALL-03: also in the third line of several."""
    publish(here)
    _, _, said = told("sql", "acme", "SELECT id,\n  1,\n  reson FROM skipped")
    lines = said.splitlines()
    shown = next(line for line in lines if "LINE 3:" in line)
    caret = lines[lines.index(shown) + 1]
    assert 'Candidate bindings: "reason"' in lines[0]
    assert caret.index("^") == shown.index("reson")
    assert [line.count("^") for line in lines] == [0, 0, len("reson")]


@pytest.mark.parametrize(
    ("was", "written", "said"),
    [
        ("after: 3", "after: 0", "should be at least 1: write a number from 1 to 1000"),
        ("after: 3", "after: 2000", "should be at most 1000: write a number from 1 to 1000"),
        ("{every: 1h}", "{cron: '0 6 30 2 *'}", "name a day that the month has, 1 to 28"),
    ],
)
def test_a_value_that_cannot_be_is_told_with_what_can(
    here: Path, told: Told, was: str, written: str, said: str
) -> None:
    """ALL-04"""
    text = SYNC + "    activities: [{id: hot, event: open, after: 3, type: call}]\n"
    (here / "syncs" / "acme.yaml").write_text(text.replace(was, written))
    code, _, complaint = told("check", "--offline")
    assert code == 2
    assert said in complaint


@pytest.mark.parametrize(
    ("was", "written", "said"),
    [
        ("vendor: mailigen", "vendor: mailigen, version: 1.8",
         "m.version: without quotes YAML reads a number: write a version in quotes, like \"1.8\""),
        ("{token: T}", "{token: 12345}",
         "p.secret.token: without quotes YAML reads a number: give the NAME of a secret"),
    ],
)  # fmt: skip
def test_a_number_where_text_belongs_is_told_to_be_quoted(
    here: Path, told: Told, was: str, written: str, said: str
) -> None:
    """ALL-04, ALL-11: the value itself is not repeated, it may be a secret."""
    (here / "connections.yaml").write_text(CONNECTIONS.replace(was, written))
    _, _, complaint = told("check", "--offline")
    assert said in complaint
    assert "12345" not in complaint


@pytest.mark.slow
def test_one_is_one_and_not_several(here: Path, told: Told) -> None:
    """ALL-04"""
    assert "1 definition read; nothing wrong in the files." in told("check", "--offline")[1]
    assert "definitions: 1 sync, nothing wrong" in told("doctor")[1]
    (here / "syncs" / "other.yaml").write_text(SYNC.replace("name: acme", "name: other"))
    assert "2 definitions read" in told("check", "--offline")[1]


@pytest.mark.slow
def test_doctor_speaks_of_a_listener_that_died_as_of_a_listener(here: Path, told: Told) -> None:
    """ALL-12: its lease is no run's, and running the sync would not take it over."""
    (here / "home").mkdir()
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    state = open_state(f"sqlite:///{here}/home/state.db", now=lambda: long_ago)
    lease.acquire(state, "acme:listen", run_id="listen-1")
    lease.acquire(state, "acme", run_id="run-1")
    state.close()

    _, out, _ = told("doctor")

    assert "listener of acme: listen-1 on " in out
    assert (
        "-> if nobody listens any more: syncline listen acme, or for good: syncline unlisten" in out
    )
    assert "lease of acme: run run-1 on " in out
    assert "acme:listen" not in out
    assert "sync:acme" not in out


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SYNCLINE_HOME", "/proc/x", "SYNCLINE_HOME is /proc/x, and no folder can be made there"),
        ("SYNCLINE_STATE_URL", "foo://x", "SYNCLINE_STATE_URL begins with 'foo', which no driver"),
        ("SYNCLINE_STATE_URL", "nonsense", "SYNCLINE_STATE_URL begins with 'nonsense'"),
    ],
)
def test_a_place_that_cannot_be_is_told_by_its_variable(
    here: Path, told: Told, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    """ALL-04: a slip of the user, and no fault of ours"""
    monkeypatch.setenv(name, value)
    code, _, complaint = told("doubts")
    assert code == 2
    assert said in complaint
    assert "unexpected" not in complaint


def test_a_port_that_cannot_be_is_a_mistake_of_the_file(here: Path, told: Told) -> None:
    """ALL-04: and not of the first run"""
    text = CONNECTIONS.replace("vendor: mailigen", "vendor: mailigen, base_url: 'http://x:99999/'")
    (here / "connections.yaml").write_text(text)
    code, _, complaint = told("check", "--offline")
    assert code == 2
    assert "m.base_url: its port must be a number from 1 to 65535" in complaint
