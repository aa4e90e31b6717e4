"""The import of new subscribers switched on, off and on again: who was there before (MG-22)."""

import httpx
import pytest

from tests.pipelines.mailigen_pipedrive.desk import AT_ONCE, LIST_KEY, QUIET, Desk
from tests.pipelines.mailigen_pipedrive.joining import ON, join, joined_persons, quiet


@pytest.fixture
def world(fresh: Desk) -> Desk:
    """A settled sync that imports, with one bot."""
    fresh.start(QUIET, people=30, **ON)
    fresh.settle()
    return fresh


def test_switching_on_imports_nobody_who_is_there(fresh: Desk) -> None:
    """MG-22: the list as it is when the import is switched on was there before."""
    fresh.start(QUIET, people=30)
    fresh.settle()
    join(fresh)
    fresh.act("subscribe", "left@joined.example")
    fresh.act("unsubscribe", "left@joined.example")
    before = len(fresh.book("pipedrive", "persons"))
    fresh.wanted |= ON

    quiet(fresh)

    assert len(fresh.book("pipedrive", "persons")) == before


@pytest.mark.parametrize("had_left_before", [True, False])
def test_who_left_and_subscribes_again_joins(fresh: Desk, *, had_left_before: bool) -> None:
    """MG-22: also somebody who was on the list when the import was switched on."""
    email = "back@joined.example"
    fresh.start(QUIET, people=30)
    fresh.act("subscribe", email)
    if had_left_before:
        fresh.act("unsubscribe", email)
    fresh.wanted |= ON
    fresh.settle()
    if not had_left_before:
        fresh.act("unsubscribe", email)
        fresh.settle()
    assert joined_persons(fresh, email) == []

    fresh.act("subscribe", email)
    fresh.horizon = 3600
    fresh.settle()
    assert joined_persons(fresh, email) == []  # the listing may be an old one
    fresh.horizon = AT_ONCE
    fresh.settle()

    assert len(joined_persons(fresh, email)) == 1


def test_a_first_run_that_waits_for_approval_switches_the_import_on(fresh: Desk) -> None:
    """MG-22: who joins while somebody thinks about the approval joined after it."""
    fresh.start(QUIET, people=30, guards={"first_activation": "ask"}, **ON)
    assert fresh.run().outcome == "guarded"
    join(fresh)
    assert fresh.run().outcome == "guarded"
    fresh.approve()

    outcome = fresh.run()

    assert outcome.outcome == "done", outcome.said
    assert len(joined_persons(fresh)) == 1


def test_who_joins_while_the_import_is_off_was_there_before(world: Desk) -> None:
    """MG-22: putting the setting back is a new beginning."""
    del world.wanted["new_subscribers"]
    world.settle()
    join(world)
    world.settle()
    world.wanted |= ON
    world.settle()
    join(world, "later@joined.example")
    world.settle()

    assert joined_persons(world) == []
    assert len(joined_persons(world, "later@joined.example")) == 1


def test_without_any_bot_people_are_imported_all_the_same(fresh: Desk) -> None:
    """MG-22: it needs a list and no bot."""
    fresh.start(people=30, bots=[], **ON)
    fresh.settle()
    join(fresh)
    fresh.settle()

    assert len(joined_persons(fresh)) == 1


def test_who_joins_a_list_made_by_the_run_before_is_imported(fresh: Desk) -> None:
    """MG-22, MG-03: such a list began empty."""
    fresh.start(QUIET, people=30, list={"title": "Brand new", "create": True}, **ON)
    fresh.settle()
    join(fresh, title="Brand new")
    fresh.settle()

    assert len(joined_persons(fresh)) == 1


def test_another_list_is_a_new_beginning(fresh: Desk) -> None:
    """MG-22, MG-03: everybody on the other list was on it before."""
    fresh.start(people=30, bots=[], **ON)
    fresh.settle()
    httpx.post(
        f"{fresh.url}/mailigen/1.8/?output=json&method=listCreate",
        data={"apikey": LIST_KEY, "title": "Another"}, trust_env=False,
    ).raise_for_status()  # fmt: skip
    join(fresh, title="Another")
    fresh.wanted["list"] = {"title": "Another"}

    quiet(fresh)
    assert joined_persons(fresh) == []
    join(fresh, "later@joined.example", title="Another")
    fresh.settle()

    assert len(joined_persons(fresh, "later@joined.example")) == 1
