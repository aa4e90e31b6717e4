"""Bots deleted and created again, and connections exchanged while they live."""

from state import bots
from tests.pipelines.mailigen_pipedrive.desk import CUSTOMERS, Desk


def test_a_bot_created_again_notes_nothing_of_a_pause_of_its_earlier_life(fresh: Desk) -> None:
    """MG-16, MG-20: `all_time` counts the event now, but nobody asked for the note then."""
    noting = CUSTOMERS | {"count_from": "all_time"}
    fresh.start(noting)
    fresh.settle()
    person, email = fresh.person(on_list=True)
    with fresh.state() as state:
        bots.pause(state, "acme", "customers", by="user", reason="a test")
    fresh.play("open", email)
    with fresh.state() as state:
        bots.resume(state, "acme", "customers")
    fresh.settle()
    fresh.wanted["bots"] = []
    fresh.settle()
    fresh.wanted["bots"] = [noting]
    fresh.settle()

    assert fresh.ours("notes", person) == []


def test_a_bot_created_again_adopts_what_exists_and_fires_nothing_twice(fresh: Desk) -> None:
    """MG-20: with no bot left nothing flows."""
    fresh.start(CUSTOMERS)
    fresh.settle()
    person, email = fresh.person(on_list=True)
    fresh.play("open", email)
    assert fresh.run().outcome == "done"
    kinds = ("activities", "deals", "notes")
    before = [len(fresh.ours(kind, person)) for kind in kinds]
    assert before == [1, 0, 1]
    members = {m["email"] for m in fresh.members()}

    fresh.wanted["bots"] = []
    assert fresh.run().outcome == "done"
    fresh.edit(person, first_name="Renamed")
    fresh.effects()
    assert fresh.run().outcome == "done"
    assert fresh.effects() == []
    fresh.wanted["bots"] = [CUSTOMERS]
    assert fresh.run().outcome == "done"

    with fresh.state() as state:
        assert [bot.state for bot in bots.bots(state, "acme")] == ["active"]
    assert {m["email"] for m in fresh.members()} == members
    assert [len(fresh.ours(kind, person)) for kind in kinds] == before
    member = fresh.member(email)
    assert member is not None
    assert (member["merges"]["FNAME"], bool(member["merges"]["SOURCE"])) == ("Renamed", True)
