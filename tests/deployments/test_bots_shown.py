"""What `list`, `preview` and `explain` tell of bots and of what they did, at a running world."""

from collections.abc import Iterator

import pytest

import sandbox.server
from deployments.explain import explain_key, in_short
from deployments.listing import SHOWN, Line, list_bots
from deployments.published import CannotAskError
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.preview import preview_bot
from pipelines.preview import Preview
from pipelines.sweep import DefinitionError
from state import bots
from tests.pipelines.mailigen_pipedrive.desk import CAMPAIGN, CUSTOMERS, QUIET, Desk, connections

WIDE = QUIET | {"id": "everybody", "contacts": "all"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A world with a filter bot that runs and a bot for everybody that the user paused."""
    with sandbox.server.start(port=0, people=10) as running:
        desk = Desk(running.url, tmp_path_factory.mktemp("homes"))
        desk.start(CUSTOMERS, people=80)
        desk.settle()
        yield desk
        desk.close()


def listed(desk: Desk) -> list[Line]:
    return list_bots(desk.settings, [Definition.model_validate(desk.wanted)], connections(desk.url))


def previewed(desk: Desk, bot_id: str, shown: int = 1000) -> Preview:
    return preview_bot(
        Definition.model_validate(desk.wanted), connections(desk.url), bot_id,
        report=lambda _: None, settings=desk.settings, shown=shown,
    )  # fmt: skip


def test_the_list_says_last_sync_selection_actions_and_whether_it_runs(desk: Desk) -> None:
    """MG-19"""
    (line,) = listed(desk)
    shown = dict(zip(SHOWN, line.shown(), strict=True))
    assert shown["last sync"].endswith("UTC done")
    assert shown["selection"] == "filter Customers EU"
    assert shown["actions"] == "call after 1 open, deal after 2 click, notes on open/bounce"
    assert shown["active"] == "active"
    assert line.confirmed == "ann@acme.example on 2026-11-01"


def test_the_list_says_why_a_bot_does_not_run_and_what_a_connection_needs(desk: Desk) -> None:
    """MG-19, MG-02"""
    with desk.state() as state:
        bots.pause(state, "acme", "customers", by="user", reason="holidays")
    desk.control("events/mailigen", kind="revoke_key")
    desk.run()
    (line,) = listed(desk)
    desk.control("events/mailigen", kind="restore_key")
    with desk.state() as state:
        bots.resume(state, "acme", "customers")
    assert line.active == "paused: holidays"
    assert "connection engagement needs_reauthorization since" in line.shown()[-1]
    desk.run()
    assert listed(desk)[0].connection == ""


def test_a_preview_counts_whom_the_bot_selects_and_writes_nothing(desk: Desk) -> None:
    """MG-09, ALL-05: everybody with what would become of them and why."""
    desk.add_person("New Comer", "new.comer@acme.example")
    desk.effects()

    found = previewed(desk, "customers")

    assert found.selected == len(desk.selected())
    assert sum(found.becomes.values()) == found.selected == len(found.rows)
    (new,) = [row for row in found.rows if row["email"] == "new.comer@acme.example"]
    assert (new["becomes"], new["reason"]) == ("create", "selected by customers")
    assert all(row["reason"] for row in found.rows)
    assert found.becomes["stay"] > 10
    assert desk.effects() == []
    assert len(previewed(desk, "customers", shown=3).rows) == 3


def test_a_bot_that_is_new_or_paused_is_previewed_as_if_it_ran(desk: Desk) -> None:
    """MG-09"""
    wanted = desk.wanted
    desk.wanted = wanted | {"bots": [CUSTOMERS, WIDE]}
    with desk.state() as state:
        bots.pause(state, "acme", "customers", by="user", reason="holidays")
        before = [(b.bot_id, b.state) for b in bots.bots(state, "acme")]

    wide, paused = previewed(desk, "everybody"), previewed(desk, "customers")

    with desk.state() as state:
        assert [(b.bot_id, b.state) for b in bots.bots(state, "acme")] == before
        bots.resume(state, "acme", "customers")
    desk.wanted = wanted
    desk.run()  # what it sees first still belongs to the pause
    assert wide.selected == len(desk.book("pipedrive", "persons"))
    assert paused.selected == len(desk.selected())


def test_an_unknown_bot_is_named_with_what_was_meant(desk: Desk) -> None:
    """MG-09"""
    with pytest.raises(DefinitionError, match=r"no bot 'custmers' .did you mean customers"):
        previewed(desk, "custmers")


def test_a_deed_is_explained_by_any_of_its_names(desk: Desk) -> None:
    """ALL-10: kind and number, reference, write key, address, person; shorter unless asked."""
    person, email = desk.person(on_list=True)
    desk.play("open", email)
    assert desk.run().outcome == "done"
    (activity,) = desk.ours("activities", person)
    query = "SELECT write_key, remote_id FROM history.writes WHERE object = 'activity'"
    write_key = {r: k for k, r in desk.ask(query)}[str(activity["id"])]
    reference = activity["note"].split("ref ")[1][:11]

    for key in (f"activity {activity['id']}", reference, write_key, email, f"person {person}"):
        steps = explain_key(desk.settings, "acme", key)
        said = {step.what: step.said for step in steps if step.what != "event"}
        assert any(write_key == step.said for step in steps), key
        assert "rule" in said
        assert email not in str(steps) or key == email
        short = in_short(steps)
        assert 3 < len(short) < len(steps)
        assert write_key in [step.said for step in short]


def test_a_note_or_a_deal_of_the_same_number_is_not_taken_for_it(desk: Desk) -> None:
    """ALL-10"""
    with pytest.raises(CannotAskError, match="deal 99999"):
        explain_key(desk.settings, "acme", "deal 99999")


def test_whoever_was_left_out_is_told_why(desk: Desk) -> None:
    """ALL-10: a person without a usable address, and a subscriber who left."""
    _, email = desk.person(on_list=True)
    desk.act("unsubscribe", email)
    person = desk.add_person("No Address", "not an address")
    assert desk.run().outcome == "done"

    by_address = explain_key(desk.settings, "acme", email)
    by_person = explain_key(desk.settings, "acme", f"person {person}")

    assert [s.said for s in in_short(by_address) if s.what == "skipped"]
    (skipped,) = [s.said for s in by_person if s.what == "skipped"]
    assert skipped.startswith(f"person {person} in sweep ")


def test_a_note_is_explained_by_its_own_mail_and_link_by_name(desk: Desk) -> None:
    """ALL-10, MG-16: a rule counts every mail, a note stands for one."""
    desk.wanted["bots"] = [CUSTOMERS | {"notes": ["open", "bounce", "click"]}]
    assert desk.run().outcome == "done"
    person, email = desk.person(on_list=True)
    other = next(
        one for one in desk.book("mailigen", "campaigns")
        if one["title"] != CAMPAIGN and one["status"] == "sent"
    )  # fmt: skip
    desk.play("open", email)
    desk.play("click", email)
    desk.control("events/mailigen", kind="open", campaign=other["title"], email=email)
    assert desk.run().outcome == "done"

    for kind, shown in (("Opened", "open"), ("Clicked", "click")):
        note = next(
            one for one in desk.ours("notes", person)
            if kind in one["content"] and CAMPAIGN in one["content"]
        )  # fmt: skip
        steps = explain_key(desk.settings, "acme", f"note {note['id']}")
        events = [step.said for step in steps if step.what == "event"]
        (rule,) = [step.said for step in steps if step.what == "rule"]
        assert len(events) == 1, events
        assert events[0].startswith(f"{shown} of campaign “{CAMPAIGN}” (")
        assert "1 time, first seen" in events[0]
        assert f"campaign “{CAMPAIGN}” (" in rule
        assert ("https://" in events[0]) == (shown == "click")
