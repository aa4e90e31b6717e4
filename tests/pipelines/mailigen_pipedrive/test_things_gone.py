"""Filters, fields and lists that went away, plans that are full: nothing is taken for an order."""

import httpx
import pytest

from pipelines.mailigen_pipedrive import life
from state import bots
from tests.pipelines.mailigen_pipedrive.desk import LIST_KEY, QUIET, CrashedError, Desk, crash_after

FIELDS = {"person": ["Region"]}


def test_a_dead_filter_pauses_the_bot_whatever_the_vendor_answers_for_it(fresh: Desk) -> None:
    """MG-25 and design: a vendor may answer a dead filter with everybody, nobody or an error."""
    fresh.start(QUIET)
    fresh.settle()
    before = on_list(fresh)
    filters = fresh.crm.get("/v1/filters").json()["data"]
    dead = next(f["id"] for f in filters if f["name"] == "Customers EU")
    fresh.crm.delete(f"/v1/filters/{dead}").raise_for_status()
    fresh.effects()

    for answer in ("everybody", "empty", "error"):
        fresh.assume("pipedrive", "dead_filter", answer)
        outcome = fresh.run()
        assert outcome.outcome == "done", f"{answer}: {outcome.said}"
        assert fresh.effects() == [], answer
        assert ["filter no longer exists" in f.sentence for f in outcome.findings] == [True]

    assert on_list(fresh) == before
    with fresh.state() as state, state.read() as db:
        found = db.exec_driver_sql("SELECT state, paused_by, reason FROM bots").all()
    assert [tuple(row[:2]) for row in found] == [("paused", "syncline")]


def test_a_field_deleted_in_the_crm_keeps_its_values_on_the_list(fresh: Desk) -> None:
    """MG-05"""
    fresh.start(QUIET, fields=FIELDS)
    fresh.settle()
    regions = {m["email"]: m["merges"].get("REGION") for m in fresh.members()}
    assert any(regions.values()), "somebody has a region"
    fields = fresh.book("pipedrive", "personFields")
    code = next(f["field_code"] for f in fields if f["field_name"] == "Region")
    fresh.crm.delete(f"/api/v2/personFields/{code}").raise_for_status()
    person, email = fresh.person(on_list=True)
    fresh.edit(person, first_name="Renamed")

    outcome = fresh.run()

    assert outcome.outcome == "done", outcome.said
    assert any("was deleted in Pipedrive" in f.sentence for f in outcome.findings)
    assert {m["email"]: m["merges"].get("REGION") for m in fresh.members()} == regions
    member = fresh.member(email)
    assert member is not None
    assert member["merges"]["FNAME"] == "Renamed"


def test_a_list_that_is_gone_is_not_made_again_and_nothing_is_written(fresh: Desk) -> None:
    """MG-03: the list can only be changed while no bot exists."""
    fresh.start(QUIET, list={"title": "Newsletter", "create": True})
    fresh.settle()
    the_list = next(o["id"] for o in fresh.book("mailigen", "lists") if o["name"] == "Newsletter")
    httpx.post(
        f"{fresh.url}/mailigen/1.8/", params={"output": "json", "method": "listDelete"},
        data={"apikey": LIST_KEY, "id": the_list}, trust_env=False,
    ).raise_for_status()  # fmt: skip
    fresh.effects()

    outcome = fresh.run()

    assert outcome.outcome == "invalid", outcome.said
    assert "no longer exists" in outcome.said
    assert fresh.effects() == []


def test_a_full_mailigen_plan_pauses_every_bot_until_somebody_resumes(fresh: Desk) -> None:
    """MG-21: `resume` looks again, and pauses again while the limit still stands."""
    fresh.start(QUIET)
    fresh.settle()
    before = on_list(fresh)
    total = sum(m["status"] == "subscribed" for m in fresh.book("mailigen", "members"))
    fresh.assume("mailigen", "subscribers_limit", total)
    fresh.add_person("One Toomany", "one.toomany@acme.example")
    fresh.effects()

    for attempt in ("first", "resumed"):
        stopped = fresh.run()
        assert stopped.outcome == "failed", attempt
        assert "syncline resume acme" in stopped.next_step
        assert bot_states(fresh) == [("paused", life.FULL_PLAN)]
        waiting = fresh.run()
        assert waiting.outcome == "done"
        assert any("upgrade" in f.sentence for f in waiting.findings)
        assert fresh.effects() == []
        resume(fresh)

    fresh.assume("mailigen", "subscribers_limit", None)
    assert fresh.run().outcome == "done"
    assert bot_states(fresh) == [("active", "")]
    assert len(on_list(fresh)) == len(before) + 1


def test_nobody_writes_to_a_person_who_went_before_a_note_could_be_sent(fresh: Desk) -> None:
    """ALL-04, MG-16: nothing keeps such a subscriber on the list, so no reading missed the person,
    and no note is tried seven days long."""
    fresh.start(people=40)
    person, email = fresh.person(on_list=True)
    fresh.act("unsubscribe", email)
    fresh.settle()
    fresh.play("open", email)
    with pytest.raises(CrashedError):
        fresh.run(step=crash_after("Ask the guards"))
    other, _ = fresh.person(on_list=True)
    body = {"merge_with_id": other}
    fresh.crm.put(f"/v1/persons/{person}/merge", json=body).raise_for_status()
    fresh.effects()

    outcome = fresh.run()

    assert outcome.outcome == "done", outcome.said
    assert {effect["object"] for effect in fresh.effects()} <= {"members"}


def bot_states(desk: Desk) -> list[tuple[str, str]]:
    with desk.state() as state:
        return [(bot.state, bot.reason) for bot in bots.bots(state, "acme")]


def resume(desk: Desk) -> None:
    with desk.state() as state:
        bots.resume(state, "acme", "customers")


def on_list(desk: Desk) -> list[tuple[str, str, str]]:
    return sorted((m["email"], m["status"], str(m["merges"])) for m in desk.members())
