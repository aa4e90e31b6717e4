"""What `syncline listen` refuses before it opens a port, and with which words."""

from pathlib import Path

import pytest

from deployments.cli import main
from deployments.commands_listen import ListenUsageError, _seconds

SECRET = "a secret of 26 characters"
CONNECTIONS = """
p: {{vendor: pipedrive, base_url: "http://127.0.0.1:9", secret: {{token: T}}}}
m: {{vendor: mailigen, base_url: "{url}", secret: {secret}}}
"""
SYNC = """
kind: mailigen_pipedrive
name: acme
schedule: {every: 1h}
connections: {crm: p, engagement: m}
list: {title: N}
"""
NEAR, FAR = "http://127.0.0.1:9", "https://api.mailigen.com"


@pytest.fixture
def listen(tmp_path, monkeypatch, capsys):
    """Try to listen with these words; the exit code and what was said."""
    (tmp_path / "syncs").mkdir()
    monkeypatch.setenv("SYNCLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("T", "token")
    monkeypatch.setenv("HOOK", SECRET)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)

    def attempt(*words, url=NEAR, secret="{key: T, webhook: HOOK}"):
        (tmp_path / "connections.yaml").write_text(CONNECTIONS.format(url=url, secret=secret))
        (tmp_path / "syncs" / "acme.yaml").write_text(SYNC)
        code = main(["listen", *words, "--syncs", str(tmp_path / "syncs")])
        assert not (tmp_path / "home" / "inbox.db").exists()
        return code, capsys.readouterr().err

    return attempt


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "0.0.0.0"], "would open the port to everybody who reaches this machine"),
        (["--host", "192.168.1.5"], "reverse proxy with TLS"),
        (["--host", "0.0.0.0", "--expose"], "needs --public-url"),
        (["--public-url", "http://hooks.example.com"], "has no TLS"),
        (["--public-url", "hooks.example.com"], "is not an address"),
        (["--public-url", "https://a:b@hooks.example.com"], "neither a query nor a password"),
        (["--wake-after", "soon"], "is no length of time: write 60s, 5m or 1h"),
        (["nobody"], "no sync is called nobody"),
    ],
)
def test_a_door_that_would_stand_open_or_lead_nowhere_is_refused(listen, words, said):
    """ALL-12: exit code 2, and nothing was opened or written"""
    code, told = listen(*words)
    assert (code, said in told) == (2, True), told


def test_without_a_secret_nobody_listens(listen, monkeypatch):
    """ALL-12: none named, none set, one that can be guessed"""
    code, told = listen(secret="{key: T}")
    assert code == 2
    assert "m has no secret for webhooks: write `secret: {key: T, webhook: M_WEBHOOK}`" in told
    monkeypatch.setenv("HOOK", "short")
    code, told = listen()
    assert (code, "the secret HOOK can be guessed" in told) == (2, True)
    assert "short" not in told
    monkeypatch.delenv("HOOK")
    code, told = listen()
    assert (code, "the secret HOOK is not set" in told) == (2, True)


@pytest.mark.parametrize("words", [[], ["--public-url", "http://localhost:8500"]])
def test_a_vendor_that_cannot_reach_this_machine_is_not_waited_for(listen, words):
    """ALL-12"""
    code, told = listen(*words, url=FAR)
    assert (code, "Mailigen cannot reach a loopback address" in told) == (2, True)


def test_a_port_that_is_taken_ends_with_a_sentence(listen):
    """ALL-12"""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, told = listen("--port", str(taken.getsockname()[1]))
    assert (code, "Choose another with --port" in told) == (1, True)


def test_a_prefect_server_that_is_not_there_is_told_at_the_start(listen, monkeypatch):
    """ALL-12: not by the first wake"""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    code, told = listen()
    assert (code, "no Prefect server answers" in told) == (1, True)


def test_lengths_of_time_are_read_as_in_the_files():
    """ALL-12"""
    assert [_seconds(text) for text in ("60s", "5m", "1h", "0s")] == [60, 300, 3600, 0]
    for text in ("", "5", "m", "-1s", "1.5m", "\u0665s"):
        with pytest.raises(ListenUsageError):
            _seconds(text)


def test_a_folder_without_syncs_has_nobody_to_listen_for(tmp_path: Path, capsys):
    """ALL-12"""
    (tmp_path / "syncs").mkdir()
    (tmp_path / "connections.yaml").write_text("{}\n")
    assert main(["listen", "--syncs", str(tmp_path / "syncs")]) == 2
    assert "there is nobody to listen for" in capsys.readouterr().err
