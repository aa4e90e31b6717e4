"""On-call's commands: what is in doubt, what was refused, and a person's word on it."""

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from state_rows import member, note

from deployments.cli import main
from state import bots, deeds, horizons, keep, lease, ledger, settings
from state.bots import BotDefinition
from tests.deployments.night import NOTE, SETTING, claimed, in_doubt, refused, told
from tests.deployments.night import held as held  # noqa: PLC0414
from tests.deployments.night import home as home  # noqa: PLC0414
from tests.deployments.night import state as state  # noqa: PLC0414

# -- doubts


def test_no_doubts_end_with_0_even_before_the_first_run(home, capsys):
    assert told(capsys, "doubts") == (0, "nothing is in doubt\n")
    assert told(capsys, "doubts", "--json") == (0, "[]\n")


def test_a_new_home_is_its_owners_alone(home, capsys):
    told(capsys, "doubts")
    assert (home / "state.db").exists()
    assert home.stat().st_mode & 0o777 == 0o700


def test_doubts_are_listed_for_scripts_without_definitions_or_vendors(held, capsys):
    in_doubt(held)
    code, shown = told(capsys, "doubts", "--json")
    first, second = json.loads(shown)
    assert code == 4
    assert (first["key"], first["operation"], first["account"]) == (NOTE, "note", "acme")
    assert (first["attempt"], first["run_id"], first["held_up"]) == (1, "run-1", 2)
    assert (first["said"], first["decides_at"]) == ("pipedrive: reset; (address)", None)
    assert (second["key"], second["kind"]) == (SETTING, "setting")
    assert "reads it back" in second["decides"]
    for private in ("ann@x.lv", "+371", "content"):
        assert private not in shown


def test_a_doubt_says_when_it_decides_itself_and_what_to_do(held, home, capsys):
    (home.parent / "connections.yaml").write_text(
        "acme: {vendor: pipedrive, secret: {token: T}, horizon: {list: 90, search: 90}}\n"
    )
    in_doubt(held)
    _, shown = told(capsys, "doubts", "news", "--json")
    one = json.loads(shown)[0]
    since = datetime.fromisoformat(one["since"])
    assert datetime.fromisoformat(one["decides_at"]) == since + timedelta(seconds=90)
    reference = deeds.marker_of(NOTE)
    assert f"look in acme for {reference}" in one["to_do"]
    assert f"syncline settle {reference} --happened | --send-again" in one["to_do"]


def test_a_horizon_that_late_answers_taught_counts(held, state, capsys):
    horizons.learn(state, "acme", configured=120, delay=100, said="note n0 came late")
    in_doubt(held)
    one = json.loads(told(capsys, "doubts", "--json")[1])[0]
    since = datetime.fromisoformat(one["since"])
    assert datetime.fromisoformat(one["decides_at"]) == since + timedelta(seconds=240)


def test_doubts_are_plain_lines_where_nobody_watches(held, capsys):
    in_doubt(held)
    code, shown = told(capsys, "doubts", "news")
    head, *lines = shown.splitlines()
    assert (code, head.split("\t")[:3], len(lines)) == (4, ["sync", "key", "what"], 2)
    assert lines[0].split("\t")[1] == NOTE


def test_doubts_are_paragraphs_on_a_terminal(held, capsys, monkeypatch):
    in_doubt(held)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    code, shown = told(capsys, "doubts")
    assert code == 4
    assert f"news: {NOTE}" in shown
    assert "held up: 2" in shown


def test_what_a_run_is_sending_is_no_doubt_but_is_told(held, capsys):
    claimed(held, NOTE)
    code, shown = told(capsys, "doubts")
    assert code == 0
    assert "news: 1 write on the way by run run-1" in shown


def test_doubts_of_a_sync_nobody_knows_end_with_2_and_what_was_meant(held, capsys):
    code, shown = told(capsys, "doubts", "nws")
    assert code == 2
    assert "no sync is called nws; did you mean news?" in shown


def test_list_counts_the_doubts_of_a_sync(held, state, capsys):
    bots.define(state, "news", [BotDefinition("warm", {})])
    in_doubt(held)
    assert main(["list", "--json"]) == 2
    (line,) = json.loads(capsys.readouterr().out)
    assert (line["bot"], line["doubts"]) == ("warm", 2)


# -- settle


def test_a_deed_that_happened_is_done_with_its_id_and_kept(held, home, state, capsys):
    in_doubt(held)
    words = ("settle", deeds.marker_of(NOTE), "--happened", "--id", "55", "--by", "ann")
    assert told(capsys, *words) == (0, f"{NOTE} is done, as note 55\n")
    deed = deeds.by_key(state, NOTE)
    assert (deed.state, deed.remote_id, deed.said) == ("done", "55", "settled by ann: happened")
    (line,) = keep.read(home)
    assert (line["subject"], line["write_key"], line["by"]) == ("settled", NOTE, "ann")
    assert told(capsys, "settle", NOTE, "--happened")[0] == 2
    assert lease.acquire(state, "news", run_id="run-2"), "the sync is free again"


@pytest.mark.parametrize("typed", ["abc", "-3", "0", "3.5", "SL-AAAAAAAA"])
def test_an_id_that_the_vendor_cannot_have_given_is_refused(held, home, state, capsys, typed):
    in_doubt(held)
    code, shown = told(capsys, "settle", NOTE, "--happened", f"--id={typed}")
    assert code == 2
    assert f"{typed!r} is the id of no note: ids of Pipedrive's are numbers" in shown
    assert "Nothing was changed" in shown
    assert deeds.by_key(state, NOTE).state == "unknown"
    assert list(keep.read(home)) == []


def test_another_id_replaces_the_one_that_a_person_said(held, home, state, capsys):
    in_doubt(held)
    told(capsys, "settle", NOTE, "--happened", "--id", "55", "--by", "ann")

    again = told(capsys, "settle", NOTE, "--happened", "--id", "56", "--by", "bob")

    assert again == (0, f"{NOTE} is done, as note 56\n")
    deed = deeds.by_key(state, NOTE)
    assert (deed.state, deed.remote_id, deed.said) == ("done", "56", "settled by bob: happened")
    assert [(line["remote_id"], line["by"]) for line in keep.read(home)] == [
        ("55", "ann"), ("56", "bob"),
    ]  # fmt: skip
    assert told(capsys, "settle", NOTE, "--happened", "--id", "x")[0] == 2


def test_what_a_run_wrote_itself_is_not_given_another_id(held, home, state, capsys):
    claimed(held, NOTE)
    deeds.done(held, [(NOTE, "5")])
    lease.release(held)
    code, shown = told(capsys, "settle", NOTE, "--happened", "--id", "6")
    assert (code, f"{NOTE} is done: only what is in doubt" in shown) == (2, True)
    assert deeds.by_key(state, NOTE).remote_id == "5"
    assert list(keep.read(home)) == []


def test_a_deed_is_planned_again_only_when_the_risk_was_agreed_to(held, home, state, capsys):
    in_doubt(held)
    code, shown = told(capsys, "settle", NOTE, "--send-again")
    assert code == 2
    assert "there may be two of it in acme" in shown
    assert deeds.by_key(state, NOTE).state == "unknown"
    assert told(capsys, "settle", NOTE, "--send-again", "--yes")[0] == 0
    assert deeds.by_key(state, NOTE).state == "planned"


@pytest.mark.parametrize(("answer", "after"), [("y", "planned"), ("n", "unknown")])
def test_a_person_at_a_terminal_is_asked(held, state, capsys, monkeypatch, answer, after):
    in_doubt(held)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("typer.confirm", confirm_with(answer))
    main(["settle", NOTE, "--send-again"])
    assert deeds.by_key(state, NOTE).state == after


def confirm_with(answer: str):
    """The terminal's part of a question."""
    import typer

    def confirm(text: str, *, abort: bool) -> bool:
        assert "Send it again?" in text
        if answer != "y" and abort:
            raise typer.Abort
        return True

    return confirm


def test_a_setting_is_settled_by_the_name_that_doubts_and_history_give_it(held, state, capsys):
    in_doubt(held)
    assert told(capsys, "settle", "subscriber|acme|fields|c1", "--happened")[0] == 0
    assert settings.by_key(state, member("c1").key).state == "done"


@pytest.mark.parametrize(
    "flags",
    [
        (),
        ("--happened", "--send-again"),
        ("--send-again", "--id", "5"),
    ],
)
def test_a_word_that_is_none_or_two_ends_with_2(held, state, capsys, flags):
    in_doubt(held)
    assert told(capsys, "settle", NOTE, *flags)[0] == 2
    assert deeds.by_key(state, NOTE).state == "unknown"


def test_what_is_not_in_doubt_is_refused_with_its_state(held, capsys):
    in_doubt(held)
    code, shown = told(capsys, "settle", "n2", "--happened")
    assert (code, "n2 is planned: only what is in doubt" in shown) == (2, True)
    code, shown = told(capsys, "settle", NOTE[:-1], "--happened")
    assert (code, f"did you mean {NOTE}?" in shown) == (2, True)
    code, shown = told(capsys, "settle", "never", "--happened")
    assert (code, "no sync has a write called never" in shown) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        ("settle", NOTE, "--happened"),
        ("retry", "news", "--all"),
    ],
)
def test_a_running_sync_is_named_and_nothing_is_changed(held, home, state, capsys, words):
    in_doubt(held)
    again = lease.acquire(state, "news", run_id="run-2")
    ledger.seal(again, deeds=[note("r1", subject="c9")])
    deeds.claim(again, ["r1"], state.now())
    deeds.refused(again, [("r1", "no")])
    code, shown = told(capsys, *words)
    assert code == 1
    assert "run run-2 holds the sync since" in shown
    assert "Nothing was changed" in shown
    assert deeds.by_key(state, NOTE).state == "unknown"
    assert deeds.by_key(state, "r1").tries == 1
    assert list(keep.read(home)) == []


def test_a_write_to_send_again_says_when_its_bot_does_not_run(held, state, capsys):
    bots.define(state, "news", [consenting("warm")])
    bots.activate(state, "news", "warm")
    in_doubt(held)
    bots.pause(state, "news", "warm", by="user", reason="holidays")
    code, shown = told(capsys, "settle", NOTE, "--send-again", "--yes")
    assert (code, "but its bot warm does not run: syncline resume news" in shown) == (0, True)
    assert "sends it" not in shown


# -- retry


def test_all_refused_are_due_with_all_their_tries(held, state, capsys):
    refused(held, "r1", "r2")
    code, shown = told(capsys, "retry", "news", "--all")
    assert code == 0
    assert "2 refused records of news due now" in shown
    assert "the next run sends them again" in shown
    assert [deeds.by_key(state, key).tries for key in ("r1", "r2")] == [0, 0]
    assert deeds.by_key(state, "r1").next_try_at <= datetime.now(UTC)


def test_only_the_named_ones_are_tried_again(held, state, capsys):
    refused(held, "r1", "r2")
    assert told(capsys, "retry", "news", deeds.marker_of("r2"))[0] == 0
    assert [deeds.by_key(state, key).tries for key in ("r1", "r2")] == [1, 0]


def test_refused_ones_are_narrowed_by_bot_and_operation(held, capsys):
    refused(held, "r1", "r2")
    assert "nothing of news is refused and fits" in told(capsys, "retry", "news", "--bot", "x")[1]
    code, shown = told(capsys, "retry", "news", "--operation", "note", "--bot", "warm", "--json")
    assert (code, json.loads(shown)["due"]) == (0, 2)


def test_a_bot_or_an_operation_nobody_knows_ends_with_2(held, state, capsys):
    """A slip of the pen is no success."""
    refused(held, "r1")
    bots.define(state, "news", [consenting("warm")])
    code, shown = told(capsys, "retry", "news", "--bot", "warn")
    assert (code, "news has no bot warn; did you mean `warm`?" in shown) == (2, True)
    code, shown = told(capsys, "retry", "news", "--operation", "create_notes")
    assert (code, "there is no operation create_notes; did you mean `create_note`?" in shown) == (
        2, True,
    )  # fmt: skip


def test_one_key_that_is_wrong_stops_all_of_them(held, state, capsys):
    refused(held, "refused-1", "refused-2")
    code, shown = told(capsys, "retry", "news", "refused-1", "refusd-2")
    assert (code, "did you mean refused-2 or refused-1?" in shown) == (2, True)
    assert deeds.by_key(state, "refused-1").tries == 1


def test_withdrawn_and_done_ones_are_not_tried_again(held, state, capsys):
    claimed(held, "r1", "d1")
    deeds.refused(held, [("r1", "no")])
    deeds.done(held, [("d1", "5")])
    deeds.withdraw(held, ["warm"], why="its bot is paused")
    lease.release(held)
    assert "nothing of news is refused" in told(capsys, "retry", "news", "--all")[1]
    for key, how in (("r1", "withdrawn"), ("d1", "done")):
        code, shown = told(capsys, "retry", "news", key)
        assert (code, f"{key} is {how}: only what is refused" in shown) == (2, True)


def test_a_bot_that_does_not_run_is_named(held, state, capsys):
    bots.define(state, "news", [consenting("warm")])
    bots.activate(state, "news", "warm")
    refused(held, "r1")
    bots.pause(state, "news", "warm", by="user", reason="holidays")
    code, shown = told(capsys, "retry", "news", "--all")
    assert (code, "but not those of bot warm" in shown) == (0, True)


def consenting(bot_id: str) -> BotDefinition:
    plain = BotDefinition(bot_id, {})
    return replace(plain, confirmed_by="ann", confirmed_on=datetime(2026, 11, 1).date())


@pytest.mark.parametrize("words", [(), ("--all", "r1"), ("r1", "--bot", "warm")])
def test_retrying_nothing_or_two_things_ends_with_2(held, capsys, words):
    refused(held, "r1")
    assert told(capsys, "retry", "news", *words)[0] == 2
