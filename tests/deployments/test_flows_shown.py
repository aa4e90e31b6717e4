"""Flows as an operator meets them on the command line: words, bad input, erasure."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import sandbox.server
from deployments.cli import main
from tests.pipelines.mailchimp_pipedrive.flow_desk import INTO, OUT, FlowDesk

Say = Callable[..., tuple[int, str]]
LATER = {"id": "later", "trigger": {"new_contacts": True}, "audience": "Newsletter"}
GOLD = {
    "name": "Gold tier", "conditions": {"all": [{"field": "Customer tier", "is": "Gold"}]},
}  # fmt: skip


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with sandbox.server.start(port=0, people=10) as running:
        yield running.url


@pytest.fixture
def desk(url: str, tmp_path: Path) -> Iterator[FlowDesk]:
    one = FlowDesk(url, tmp_path)
    yield one
    one.close()


@pytest.fixture
def say(
    desk: FlowDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Say:  # fmt: skip
    """Say something to the command line; its exit code and all its words."""

    def said(*words: str) -> tuple[int, str]:
        desk.export_files(tmp_path, monkeypatch)
        code = main(list(words))
        told = capsys.readouterr()
        return code, told.out if "--json" in words else told.out + told.err

    return said


def test_the_list_shows_each_flow_with_its_own_last_sync(desk: FlowDesk, say: Say) -> None:
    """MC-02: and says of a saved one that it is saved."""
    desk.start(OUT, LATER, people=20)
    assert desk.run().outcome == "done"
    code, told = say("list", "--json")
    lines = {one["bot"]: one for one in json.loads(told)}
    assert code == 0
    assert lines["out"]["active"] == "active"
    assert lines["out"]["last_sync"] != "never"
    assert lines["later"]["last_sync"] == "never"
    assert lines["later"]["active"] == "saved, not active in the file"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["pause", "acme", "--flow", "oat"], 2, "acme has no flow 'oat' that ever ran"),
        (["pause", "acme", "--bot", "out"], 0, "flow out is paused from the next run of acme on"),
        (["resume", "acme", "--flow", "out"], 2, "out is active and cannot be resumed"),
        (["delete", "acme", "--flow", "out"], 2, "out is still listed in the definition"),
        (["preview", "acme", "--flow", "oat"], 2, "did you mean out?"),
        (["run", "acme", "--flow", "oat"], 2, "acme has no flow 'oat' (did you mean out?)"),
        (["run", "acme", "--since", "2026-11-01"], 2, "reads no engagement: leave out --since"),
        (["retry", "acme", "--flow", "oat"], 2, "acme has no flow oat"),
        (["audit", "acme"], 0, "nothing double and nothing lost"),
        (["adopt", "acme"], 2, "has nothing to adopt"),
        (["listen", "acme"], 2, "engagement has no secret for webhooks: add `webhook: ENGAGEMENT_"),
        (["unlisten", "acme"], 0, "there is no webhook at engagement"),
    ],
)
def test_commands_speak_of_flows_and_name_what_is_wrong(
    flown: tuple[FlowDesk, Callable[..., tuple[int, str]]], words: list[str], code: int, said: str
) -> None:
    """MC-02: nothing is done, and the sentence says what to do."""
    ended, told = flown[1](*words)
    assert (ended, said in told) == (code, True), told


@pytest.fixture
def flown(desk: FlowDesk, say: Say) -> tuple[FlowDesk, Say]:
    """A sync whose one flow ran."""
    desk.start(OUT, people=20)
    assert desk.run().outcome == "done"
    return desk, say


@pytest.mark.parametrize("words", [("pause", "acme", "--flow", "out"), ("pause", "acme")])
def test_a_pause_that_no_run_has_seen_outlives_a_lost_state(
    flown: tuple[FlowDesk, Say], words: tuple[str, ...]
) -> None:
    """ALL-14, MC-02: and so does the end of one."""
    desk, say = flown
    assert say(*words)[0] == 0
    assert adopted_anew(desk, say) == "paused"
    assert say("resume", "acme")[0] == 0
    assert adopted_anew(desk, say) == "active"


def adopted_anew(desk: FlowDesk, say: Say) -> str:
    """Lose the state database and adopt; how the flow stands then."""
    for file in desk.home.glob("state.db*"):
        file.unlink()
    assert say("adopt", "acme")[0] == 0
    return str(json.loads(say("list", "--json")[1])[0]["active"]).partition(":")[0]


def test_a_preview_says_whom_a_flow_brings_and_writes_nothing(desk: FlowDesk, say: Say) -> None:
    """MC-09, ALL-05: of a saved flow too, before anybody activates it."""
    desk.start(OUT | {"active": False}, people=20)
    desk.effects()
    code, told = say("preview", "acme", "--flow", "out", "--json")
    found = json.loads(told)
    assert code == 0
    assert found["selected"] == len(found["rows"]) == sum(found["becomes"].values())
    assert found["becomes"]["create"] > 0
    assert (
        f"flow out brings {found['selected']} contacts" in say("preview", "acme", "--bot", "out")[1]
    )
    assert desk.effects() == []


def test_a_described_filter_is_shown_by_the_plan_and_made_by_the_run(
    desk: FlowDesk, say: Say
) -> None:
    """MC-09: once; who matches comes across in the same run."""
    desk.start(OUT | {"trigger": {"filters": [GOLD]}}, people=20)
    told: dict[str, Any] = json.loads(say("plan", "acme", "--json")[1])
    assert [(one["object"], one["name"]) for one in told["rows"]["setup"]] == [
        ("filter", "Gold tier")
    ]
    assert told["rows"]["members"] == []
    assert [f["sentence"] for f in told["findings"]] == [
        "its filter 'Gold tier' is not made yet: the next run makes it, and counts whom it has"
    ]
    made = desk.run()
    assert made.outcome == "done"
    assert made.counts["planned_members_create"] > 0
    desk.effects()
    assert desk.run().outcome == "done"
    assert desk.effects() == []
    names = [one["name"] for one in desk.book("pipedrive", "filters")]
    assert names.count("Gold tier") == 1


def test_a_plan_shows_a_conflict_with_both_values_and_who_wins(desk: FlowDesk, say: Say) -> None:
    """MC-02, ALL-05: both times, and why; nothing is written by looking."""
    desk.start(OUT, INTO, people=20)
    person, email = desk.untouched()
    assert desk.run().outcome == "done"
    desk.act("tag", email, tag="Nobody yet")
    assert desk.run().outcome == "done"
    desk.edit(person, first_name="Crmside")
    desk.control("clock", advance_s=5)
    desk.act("edit", email, fields={"FNAME": "Mailside"})
    code, told = say("plan", "acme")
    assert code == 0
    named = "flow_id\tcontact_id\tfield\tin_pipedrive\tchanged_there\tin_mailchimp"
    assert named in told
    (row,) = {line for line in told.splitlines() if line.startswith("out") and "Mailside" in line
              and "Crmside" in line and "changed later in" in line}  # fmt: skip
    assert "first_name" in row


def test_explain_tells_of_both_sides_and_of_whoever_was_left_out(
    flown: tuple[FlowDesk, Say],
) -> None:
    """ALL-10: by address, person, member, and the key that `doubts` shows."""
    desk, say = flown
    written = desk.ask(
        "SELECT subject, write_key FROM history.writes WHERE object = 'audience_member' LIMIT 1"
    )
    ((contact, key),) = written
    for name in (contact, key):
        code, told = say("explain", "acme", name)
        assert code == 0
        assert f"setting: audience_member {contact}, acme/out/" in told
        assert "flow out brings the person to the audience" in told
    ((person,),) = desk.ask(
        "SELECT subject FROM history.skipped WHERE object = 'person' ORDER BY 1 LIMIT 1"
    )
    code, told = say("explain", "acme", "person", person)
    assert code == 0
    assert f"skipped: person {person}" in told
    assert say("explain", "acme", "nobody@nowhere.example")[0] == 2


def test_whoever_is_erased_is_gone_from_here_and_is_not_taken_in_again(
    desk: FlowDesk, say: Say
) -> None:
    """ALL-11: members, links, agreements and what was held; the account stays barred."""
    desk.start(OUT, people=20)
    person, email = desk.untouched()
    assert desk.run().outcome == "done"
    code, told = say("forget", email, "--yes")
    assert code == 0
    assert "barred for good in engagement" in told
    assert f"still at crm: audience_person {person}" in told
    assert "still at engagement: audience_member" in told
    desk.edit(person, first_name="Zelda")
    desk.effects()
    assert desk.run().outcome == "done"
    assert desk.effects() == []
    found = [file.name for file in desk.home.rglob("*")
             if file.is_file() and email.encode() in file.read_bytes()]  # fmt: skip
    assert found == []
