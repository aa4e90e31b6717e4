"""Flows as an operator meets them on the command line: words, bad input, erasure."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import sandbox.server
from deployments.cli import main
from state import lease
from state.doors import listener_name
from tests.pipelines.mailchimp_pipedrive.flow_desk import INTO, NEW, OUT, STAGE, FlowDesk
from tests.pipelines.mailchimp_pipedrive.test_window import window

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


def test_a_flow_that_was_never_activated_is_not_resumed_but_approved(
    desk: FlowDesk, say: Say
) -> None:
    """MC-02, MC-09: and who tries is told how it begins."""
    desk.start(OUT, people=20, guards={"first_activation": "ask"})
    assert desk.run().outcome == "guarded"
    code, told = say("resume", "acme", "--flow", "out")
    assert code == 2
    assert "out is new (not activated yet) and cannot be resumed: `syncline run acme` asks" in told
    assert "`syncline approve acme` lets the next run begin it" in told


def test_a_flow_nobody_knows_is_refused_while_another_run_holds_the_sync(
    flown: tuple[FlowDesk, Say],
) -> None:
    """MC-02: with 2, before anybody is waited for; of a known one 0, since it stays due."""
    desk, say = flown
    with desk.state() as state:
        lease.acquire(state, "acme", run_id="another")
    code, told = say("run", "acme", "--flow", "oat")
    assert (code, "acme has no flow 'oat' (did you mean out?)" in told) == (2, True), told
    code, told = say("run", "acme", "--flow", "nothing-like-it")
    assert (code, "acme has no flow 'nothing-like-it' (it has out)" in told) == (2, True), told
    assert desk.run(flow="oat").exit_code == 2
    assert say("run", "acme", "--flow", "out")[0] == 0


@pytest.mark.parametrize("wrong", [
    {"trigger": {"filters": ["Nobody"]}}, {"trigger": {"tags": ["Nobody"]}, "consent": None},
    {"trigger": {"segments": ["Nobody"]}, "consent": None}, {"mapping": {"first_name": "NOTHING"}},
])  # fmt: skip
def test_a_flow_with_a_mistake_gets_no_line_that_all_is_well(
    desk: FlowDesk, say: Say, wrong: dict[str, Any]
) -> None:
    """MC-02: whom it brings nobody knows yet; of the others it is told."""
    desk.start(OUT | wrong, LATER, people=20)
    code, told = say("check", "acme", "--json")
    lines = [(one["level"], one["thing"].partition(",")[0], one["sentence"])
             for report in json.loads(told) for one in report["findings"]]  # fmt: skip
    assert code == 2
    assert [level for level, thing, said in lines if thing == "flow out" and SLOW not in said] == [
        "error"
    ]
    assert [level for level, thing, _ in lines if thing == "flow later"] == ["ok"]


SLOW = "its schedule alone begins the first sync later than ten minutes after activation"


def test_a_slow_schedule_is_warned_of_until_the_flow_was_served_or_is_listened_for(
    desk: FlowDesk, say: Say
) -> None:
    """MC-04, MC-10: a listener runs at once whatever was activated."""
    desk.start(OUT, people=20, guards={"first_activation": "ask"})
    assert SLOW in say("check", "acme")[1]
    assert desk.run().outcome == "guarded"
    assert SLOW in say("check", "acme")[1]
    with desk.state() as state:
        listener = lease.acquire(state, listener_name("acme"), run_id="listening")
        assert SLOW not in say("check", "acme")[1]
        lease.release(listener)
    desk.approve()
    assert desk.run().outcome == "done"
    assert SLOW not in say("check", "acme")[1]


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
    named = "flow_id\tcontact_id\tfield\tmerge_tag\tcrm_value\tcrm_changed_at"
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


@pytest.mark.parametrize("key", ["member foo", "deal 999999", "person foo", "foo bar", "deal", ""])
def test_a_key_that_names_nothing_is_told_as_unknown(desk: FlowDesk, say: Say, key: str) -> None:
    """ALL-10: with 2; another's passage, which has no member, is not taken for it."""
    desk.start(STAGE, people=20)
    passage(desk)
    code, told = say("explain", "acme", key)
    assert (code, "fact:" in told) == (2, False), told
    assert "acme has written nothing that is called" in told


def passage(desk: FlowDesk) -> tuple[int, int, str]:
    """Somebody's deal that a flow about a stage brought across: the deal, person and address."""
    assert desk.run().outcome == "done"
    desk.control("clock", advance_s=5)  # an activation is known to the second
    person, email = desk.untouched()
    deal = desk.deal(person, "Lead In")
    desk.move(deal, "Qualified")
    assert desk.run().outcome == "done"
    return deal, person, email


def test_explain_tells_what_became_of_a_deal_that_entered_a_stage(desk: FlowDesk, say: Say) -> None:
    """ALL-10, MC-14: a deal that no sync made is the cause of a write."""
    desk.start(STAGE, people=20)
    deal, person, _ = passage(desk)
    code, told = say("explain", "acme", f"deal {deal}")
    assert code == 0
    assert f"fact: deal {deal} at " in told
    assert f"person {person}, " in told
    assert "flow stage: written" in told


def test_explain_takes_a_member_by_the_name_of_its_audience(desk: FlowDesk, say: Say) -> None:
    """ALL-10: in any capitals; an audience that nobody knows is none."""
    desk.start(NEW, people=20)
    assert desk.run().outcome == "done"
    desk.act("add", "tess@new.example", fields={"FNAME": "Tess", "LNAME": "Ting"})
    assert desk.run().outcome == "done"
    contact = desk.member("tess@new.example")["contact_id"]
    by_id = say("explain", "acme", f"member {desk.audience}/{contact}")
    assert "flow new: written" in by_id[1]
    assert say("explain", "acme", f"member newsletter/{contact}") == by_id
    assert say("explain", "acme", f"member Nowhere/{contact}")[0] == 2


def test_explain_finds_what_a_window_wrote(desk: FlowDesk, say: Say) -> None:
    """ALL-10: like what a sweep did, and as a window's."""
    desk.start(NEW, people=20)
    assert desk.run().outcome == "done"
    desk.act("add", "tess@new.example", fields={"FNAME": "Tess", "LNAME": "Ting"})
    window(desk, ("member", desk.audience, "tess@new.example"))
    assert desk.run().outcome == "done"
    code, told = say("explain", "acme", "tess@new.example")
    assert code == 0
    assert "write: " in told
    assert "intent: create_person audience_person in crm, window " in told


def test_what_analysts_are_given_to_ask_can_be_asked_of_flows(flown: tuple[FlowDesk, Say]) -> None:
    """ALL-10: but for what is marked as Mailigen's; the one for flows finds what was written."""
    page = (Path(__file__).parents[2] / "README.md").read_text().partition("## For analysts")[2]
    queries = page.partition("```sql\n")[2].partition("```")[0].strip().split("\n\n")
    assert len(queries) == 6
    for query in queries:
        code, told = flown[1]("sql", "acme", "--json", "--", query)
        if "(Mailigen)" not in query:
            assert code == 0, told
        if "(flows)" in query:
            assert {one["object"] for one in json.loads(told)} == {"audience_member"}
