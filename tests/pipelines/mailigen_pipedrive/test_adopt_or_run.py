"""When an adoption is due and when it is refused, and what its command says (ALL-14)."""

import json

import pytest

from connectors.errors import ConnectorError
from deployments.cli import main
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.preview import preview_bot
from pipelines.preview import Preview
from state.errors import HistoryDamaged, NotAllowed
from tests.pipelines.mailigen_pipedrive.desk import CUSTOMERS, Desk, connections
from tests.pipelines.mailigen_pipedrive.losses import (
    KINDS,
    adopt,
    adopt_half_way,
    busy,
    lose,
    quiet,
    remembered,
)
from tests.pipelines.mailigen_pipedrive.test_privacy import private_texts


def test_adopting_twice_changes_nothing_and_a_living_state_is_not_touched(fresh: Desk) -> None:
    """ALL-14"""
    busy(fresh)
    lose(fresh, "history", "keep")
    adopt(fresh)
    kept, stands = (fresh.home / "keep.jsonl").read_text(), remembered(fresh)

    second = adopt(fresh)

    assert (second.restored_deeds, second.counted_as_done, second.barred) == (0, 0, 0)
    assert remembered(fresh) == stands
    assert (fresh.home / "keep.jsonl").read_text() == kept
    quiet(fresh)
    with pytest.raises(NotAllowed, match="has nothing to adopt"):
        adopt(fresh)
    quiet(fresh)


def test_a_run_before_the_adoption_is_refused_whatever_is_left(fresh: Desk) -> None:
    """ALL-14: by the history, and without one by the source that the list already carries."""
    busy(fresh)
    lose(fresh)
    by_history = [fresh.run() for _ in range(2)]
    assert {o.outcome for o in by_history} == {"failed"}
    assert "syncline adopt acme" in by_history[-1].said

    lose(fresh, "history")
    by_list = [fresh.run() for _ in range(3)]

    assert {o.outcome for o in by_list} == {"failed"}
    assert "the list already carries the source of customers" in by_list[-1].said
    assert fresh.effects() == []
    adopt(fresh)
    quiet(fresh)


@pytest.mark.parametrize("kept", ["history and copy", "history alone", "copy alone"])
def test_a_plan_is_refused_like_the_run_when_the_state_is_lost(fresh: Desk, kept: str) -> None:
    """ALL-14: what it would show is what a state that knows nothing wants."""
    busy(fresh)
    published = fresh.home / "published" / "acme.duckdb"
    copy = published.read_bytes()
    lose(fresh, *(["history"] if kept == "copy alone" else []))
    if kept != "history alone":
        published.write_bytes(copy)

    for refused in (Desk.plan, preview):
        with pytest.raises(HistoryDamaged) as caught:
            refused(fresh)
        assert "the history of acme has run" in str(caught.value)
        assert "the state database has not" in str(caught.value)
        assert "syncline adopt acme" in str(caught.value)
    assert fresh.effects() == []


def test_a_plan_after_an_adoption_that_died_is_refused_like_the_run(fresh: Desk) -> None:
    """ALL-14"""
    adopt_half_way(fresh)

    for refused in (Desk.plan, preview):
        with pytest.raises(HistoryDamaged, match="was begun and did not end"):
            refused(fresh)

    adopt(fresh)
    assert fresh.plan().writes == 0


def preview(desk: Desk) -> Preview:
    return preview_bot(
        Definition.model_validate(desk.wanted), desk.connections, "customers",
        report=lambda _: None, settings=desk.settings,
    )  # fmt: skip


def test_an_adoption_that_died_is_done_again_before_any_run(
    fresh: Desk,
) -> None:
    """ALL-14"""
    person, _ = busy(fresh)
    lose(fresh, "history")
    fresh.fault("status", "pipedrive", "/v1/notes", status=400, times=50)
    with pytest.raises(ConnectorError):
        adopt(fresh)
    fresh.clear_faults()

    refused = fresh.run()

    assert "was begun and did not end" in refused.said
    adopt(fresh)
    quiet(fresh)
    assert [len(fresh.ours(kind, person)) for kind in KINDS] == [1, 1, 1]


def test_a_first_run_beside_another_installation_is_no_loss(fresh: Desk) -> None:
    """ALL-14: its deal field, its references and its source on the list are there already."""
    busy(fresh)
    elsewhere = fresh.home.with_name("another-installation")
    elsewhere.mkdir()
    fresh.home = elsewhere
    fresh.wanted = fresh.wanted | {"name": "beside", "bots": [CUSTOMERS | {"id": "theirs"}]}

    assert fresh.run().outcome == "done"


def test_references_nobody_explains_are_listed_and_left_alone(fresh: Desk) -> None:
    """ALL-14: counted, named, kept in the history, never guessed."""
    person, _ = busy(fresh)
    body = {"content": "<p>Mine</p><p>ref SL-AAAAAAAA</p>", "person_id": person}
    fresh.crm.post("/v1/notes", json=body).raise_for_status()
    (ours,) = [n for n in fresh.ours("notes", person) if "AAAAAAAA" not in n["content"]]
    twin = {"content": ours["content"], "person_id": person}
    fresh.crm.post("/v1/notes", json=twin).raise_for_status()
    lose(fresh)

    adopted = adopt(fresh)

    assert [one.marker for one in adopted.unexplained] == ["SL-AAAAAAAA"]
    assert [one.object for one in adopted.doubles] == ["note"]
    kept = fresh.ask("SELECT object, reason FROM history.skipped WHERE stage = 'adopt'")
    assert kept == [("note", "no key of this sync makes its reference SL-AAAAAAAA")]
    quiet(fresh)


def test_the_command_tells_what_it_found_and_refuses_with_a_sentence(
    fresh: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """ALL-14, ALL-12"""
    busy(fresh)
    lose(fresh, "history", "keep")
    folder = fresh.home / "syncs"
    folder.mkdir()
    (folder / "acme.yaml").write_text(json.dumps(fresh.wanted))
    accounts = {n: one.model_dump(mode="json") for n, one in connections(fresh.url, 0).items()}
    (fresh.home / "connections.yaml").write_text(json.dumps(accounts))
    monkeypatch.setenv("SYNCLINE_HOME", str(fresh.home))
    monkeypatch.delenv("SYNCLINE_STATE_URL", raising=False)
    for name, value in fresh.secrets.items():
        monkeypatch.setenv(name, value)

    assert main(["adopt", "acme", "--syncs", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "history lost, keep file lost" in said
    assert "3 references found in Pipedrive, 3 recognised, 0 unexplained" in said
    assert "next: syncline plan acme" in said

    assert main(["adopt", "acme", "--json", "--syncs", str(folder)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["recognised"], told["bots"]) == (3, {"customers": "new"})
    assert not [text for text in private_texts(fresh) if text in json.dumps(told).lower()]

    fresh.settle()
    assert main(["adopt", "acme", "--syncs", str(folder)]) == 2
    assert "has nothing to adopt" in capsys.readouterr().err
