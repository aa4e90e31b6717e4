"""The command line as an operator meets it: exit codes, sentences, never a traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from ruamel.yaml import YAML

import sandbox.server
from deployments.cli import main, options_first

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of its own: an empty home, a folder of syncs, no server."""
    (tmp_path / "syncs").mkdir()
    (tmp_path / "connections.yaml").write_text("{}\n")
    monkeypatch.setenv("SYNCLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SYNCLINE_SYNCS", str(tmp_path / "syncs"))
    for name in ("PREFECT_API_URL", "SYNCLINE_STATE_URL", "SYNCLINE_CONNECTIONS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def publish(home: Path, sync: str) -> None:
    file = home / "home" / "published" / f"{sync}.duckdb"
    file.parent.mkdir(parents=True)
    with duckdb.connect(str(file)) as db:
        db.execute("CREATE TABLE skipped AS SELECT 7 AS id, 'no address' AS reason")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "Usage: syncline"),
        (["--help"], 0, "Usage: syncline"),
        (["frobnicate"], 2, "No such command"),
        (["sql", "acme"], 2, "Missing argument"),
        (["run", "acme", "--since", "yesterday"], 2, "a date like 2026-11-01"),
        (["run", "acme", "--settle-within", "-1"], 2, "settle-within"),
        (["run", "acme"], 2, "no sync is called acme"),
        (["check", "--syncs", "nowhere"], 2, "no such folder"),
        (["sql", "acme", "SELECT 1"], 2, "no sync is called acme"),
        (["explain", "acme", "SL-AAAAAAAA"], 2, "no sync is called acme"),
        (["deploy"], 2, "PREFECT_API_URL is not set"),
        (["list"], 0, "no syncs in"),
        (["--version"], 0, "syncline 0."),
        (["retry", "acme", "--all"], 2, "no sync is called acme"),
        (["settle"], 2, "Missing argument 'KEY'"),
    ],
)
def test_every_ending_has_its_code_and_a_sentence(here, capsys, words, code, said):
    assert main(words) == code
    shown = capsys.readouterr()
    assert said in shown.out + shown.err
    assert "Traceback (most" not in shown.err


@pytest.mark.parametrize("words", [["deploy"], ["run", "acme"]])
def test_a_prefect_server_that_is_not_there_ends_with_1_and_a_sentence(
    here, capsys, monkeypatch, words
):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("T", "token")
    write_sync(here, "2026-11-01")
    assert main(words) == 1
    said = capsys.readouterr().err
    assert "no Prefect server answers at http://127.0.0.1:9/api" in said
    assert "unexpected" not in said


def write_sync(here: Path, consent_on: str) -> None:
    """A sync `acme` and its two connections, the consent in the last line."""
    (here / "connections.yaml").write_text(
        "p: {vendor: pipedrive, secret: {token: T}}\nm: {vendor: mailigen, secret: {key: T}}\n"
    )
    (here / "syncs" / "acme.yaml").write_text(
        "kind: mailigen_pipedrive\nname: acme\nschedule: {every: 1h}\nlist: {title: N}\n"
        "connections: {crm: p, engagement: m}\n"
        f"bots:\n  - id: warm\n    contacts: all\n    consent:\n      confirmed_by: a\n      on: {consent_on}\n"
    )


@pytest.mark.parametrize(
    ("consent_on", "said"),
    [
        ("2026-13-01", "an impossible date"),
        ("2026-02-30", "an impossible date"),
        ("2999-01-01", "2999-01-01 is in the future"),
    ],
)
def test_a_consent_on_no_day_or_a_day_to_come_is_told_at_its_line(here, capsys, consent_on, said):
    write_sync(here, consent_on)
    assert main(["check", "--offline"]) == 2
    told = capsys.readouterr().err
    assert f"{here}/syncs/acme.yaml:11: bots[0].consent.on: {said}" in told


def test_options_may_stand_before_or_after_the_command():
    before = ["--syncs", "d", "--connections=c", "run", "acme", "--full"]
    assert options_first(["run", "acme", "--syncs", "d", "--full", "--connections=c"]) == before
    assert options_first(before) == before


def test_a_mistake_in_a_file_ends_with_code_2_and_its_line(here, capsys):
    (here / "syncs" / "acme.yaml").write_text("kind: mailigen_pipedrive\nnam: acme\n")
    assert main(["check"]) == 2
    assert f"{here}/syncs/acme.yaml:2: nam: unknown key `nam`; did you mean `name`?" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        (["--format", "csv"], "id,reason\n7,no address\n"),
        ([], "id,reason\n7,no address\n"),  # piped: csv
    ],
)
def test_sql_prints_rows_for_scripts(here, capsys, form, shown):
    publish(here, "acme")
    assert main(["sql", "acme", "SELECT * FROM skipped", *form]) == 0
    assert capsys.readouterr().out == shown


def test_sql_prints_json_when_asked(here, capsys):
    publish(here, "acme")
    assert main(["sql", "acme", "SELECT * FROM skipped", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"id": 7, "reason": "no address"}]


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM skipped",
        "CREATE TABLE t AS SELECT 1",
        "COPY skipped TO 'out.csv'",
        "ATTACH 'other.duckdb' AS other",
        "SET enable_external_access = true",
        "SELECT 1; DROP TABLE skipped",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM 'connections.yaml'",
    ],
)
def test_sql_changes_nothing_and_reaches_nothing_else(here, capsys, query):
    publish(here, "acme")
    assert main(["sql", "acme", query]) == 2
    assert capsys.readouterr().out == ""
    assert main(["sql", "acme", "SELECT count(*) AS n FROM skipped"]) == 0
    assert capsys.readouterr().out == "n\n1\n"


def test_a_wrong_query_is_answered_with_duckdbs_sentence(here, capsys):
    publish(here, "acme")
    assert main(["sql", "acme", "SELECT reson FROM skipped"]) == 2
    assert 'Candidate bindings: "reason"' in capsys.readouterr().err


def test_list_shows_a_bot_that_never_ran(here, capsys):
    write_sync(here, "2026-11-01")
    (here / "syncs" / "acme.yaml").write_text(
        "kind: mailigen_pipedrive\nname: acme\nschedule: {every: 1h}\nlist: {title: N}\n"
        "connections: {crm: p, engagement: m}\n"
        "bots: [{id: warm, contacts: all, consent: {confirmed_by: a, on: 2026-11-01}}]\n"
    )
    assert main(["list", "--json"]) == 0
    (line,) = json.loads(capsys.readouterr().out)
    assert (line["bot"], line["last_sync"], line["active"]) == ("warm", "never", "new: not run yet")


def test_what_nobody_foresaw_ends_in_a_sentence_and_a_traceback_only_when_asked(here):
    (here / "home").write_text("a file where a folder should be")
    (here / "broken.db").write_bytes(b"not a database" * 100)
    environ = os.environ | {"SYNCLINE_STATE_URL": f"sqlite:///{here}/broken.db"}
    command = [sys.executable, "-m", "deployments", "list"]
    plain = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    asked = subprocess.run(
        [*command, "--debug"], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert (plain.returncode, plain.stderr.count("\n")) == (1, 1)
    assert plain.stderr.startswith("syncline: ")
    assert "Traceback" in asked.stderr


def test_doctor_names_what_is_wrong_with_a_remedy(here, capsys):
    assert main(["doctor", "--json"]) in (0, 1)
    found = {one["thing"]: one for one in json.loads(capsys.readouterr().out)}
    assert found["home"]["level"] == "ok"
    assert found["sqlalchemy"]["level"] == "ok"
    assert found["prefect server"]["level"] == "warn"
    assert "PREFECT_API_URL" in found["prefect server"]["remedy"]


def test_doctor_knocks_at_each_connection(here, capsys, monkeypatch):
    monkeypatch.setenv("TOKEN", "sandbox-pipedrive-admin")
    monkeypatch.setenv("KEY", "not-the-key")
    with sandbox.server.start(people=20) as running:
        (here / "connections.yaml").write_text(
            f"crm: {{vendor: pipedrive, base_url: {running.url}/pipedrive, secret: {{token: TOKEN}}}}\n"
            f"list: {{vendor: mailigen, base_url: {running.url}/mailigen, secret: {{key: KEY}}}}\n"
        )
        assert main(["doctor", "--json"]) == 1
    shown = capsys.readouterr().out
    found = {one["thing"]: one for one in json.loads(shown)}
    assert found["connection crm"]["level"] == "ok"
    assert found["connection list"]["level"] == "fail"
    assert (
        "administrator into the secret KEY of the connection list"
        in (found["connection list"]["remedy"])
    )
    assert "not-the-key" not in shown


def test_help_does_not_wait_for_heavy_packages():
    program = "import sys, deployments.cli as c; c.main(['--help']); print(sorted(sys.modules))"
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0
    loaded = shown.stdout.splitlines()[-1]
    for heavy in ("prefect", "duckdb", "sqlalchemy", "pandas", "pydantic", "httpx"):
        assert f"'{heavy}'" not in loaded


def test_prefect_reads_prefect_yaml_and_finds_nothing_it_would_ignore():
    from deployments.prefect_deploy import read_prefect_yaml

    file = ROOT / "prefect.yaml"
    written = YAML(typ="safe").load(file.read_text())
    kept = read_prefect_yaml(file).model_dump(exclude_unset=True, by_alias=True)
    # Prefect drops keys it does not know in silence: what is dropped was a mistake.
    assert kept == written
