"""A filter that the definition describes is made once, before anybody is walked (MG-09)."""

from typing import Any

import pytest

from pipelines.mailigen_pipedrive.check import check_sync
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.run import plan_sync
from pipelines.report import RunOptions
from state import bots
from tests.pipelines.mailigen_pipedrive.desk import CONSENT, QUIET, Desk, connections

NAME = "Gold or silver"
GOLD = {"field": "customer tier", "is": "gold"}
SILVER = {"field": "Customer tier", "is": "Silver"}


def bot(*every: dict[str, Any], some: tuple[dict[str, Any], ...] = (), name: str = NAME) -> Any:
    conditions = {"all": list(every), "any": list(some)}
    return QUIET | {"contacts": {"filter": {"name": name, "conditions": conditions}}}


def made(desk: Desk) -> list[dict[str, Any]]:
    return [f for f in desk.book("pipedrive", "filters") if f["name"] == NAME]


def by_vendor(desk: Desk, filter_id: int) -> set[str]:
    """Whom the vendor itself selects by a filter, by the address that is synced."""
    answer = desk.crm.get("/api/v2/persons", params={"filter_id": filter_id, "limit": 500})
    people = answer.json()["data"]
    first = [sorted(p["emails"], key=lambda e: not e["primary"])[:1] for p in people]
    return {e["value"].strip().lower() for some in first for e in some}


def sourced(desk: Desk) -> set[str]:
    return {m["email"].lower() for m in desk.members() if m["merges"].get("SOURCE")}


def test_the_filter_is_made_and_selects_whom_its_conditions_name(fresh: Desk) -> None:
    """MG-09"""
    fresh.start(bot(some=(GOLD, SILVER)), people=120)
    wanted, accounts = Definition.model_validate(fresh.wanted), connections(fresh.url)
    checked = check_sync(wanted, accounts, settings=fresh.settings)
    planned = plan_sync(
        wanted, accounts, options=RunOptions(), report=lambda _: None, settings=fresh.settings
    )
    assert checked.is_sound, checked.findings
    assert f"the first run makes its filter {NAME!r}" in str(checked.findings)
    assert "the next run makes it" in str(planned.findings)
    assert (made(fresh), planned.totals.get("members", {})) == ([], {})

    fresh.settle()

    (one,) = made(fresh)
    selected = by_vendor(fresh, one["id"])
    assert sourced(fresh) <= selected
    assert len(sourced(fresh)) > 10
    fresh.wanted["bots"][0]["contacts"]["filter"]["name"] = NAME
    assert fresh.run().outcome == "done"
    assert fresh.effects() == []
    assert len(made(fresh)) == 1


def test_a_condition_may_name_a_user_who_has_left(fresh: Desk) -> None:
    """MG-09: what is still theirs is what such a filter is for."""
    fresh.start(bot({"field": "Owner", "is": "eve@acme.example"}), people=120)
    person = fresh.add_person("Left Over", "left.over@acme.example")
    (eve,) = [u for u in fresh.book("pipedrive", "users") if u["email"] == "eve@acme.example"]
    assert not eve["active_flag"]
    fresh.edit(person, owner_id=eve["id"])

    fresh.settle()

    (one,) = made(fresh)
    assert sourced(fresh) == by_vendor(fresh, one["id"])
    assert "left.over@acme.example" in sourced(fresh)


@pytest.mark.parametrize("fault", ["lost_answer", "lost_request"])
def test_a_lost_answer_makes_one_filter_and_not_two(fresh: Desk, fault: str) -> None:
    """MG-09, ALL-06"""
    fresh.start(bot(GOLD))
    fresh.fault(fault, "pipedrive", "/v1/filters", method="POST")

    outcome = fresh.run()

    assert outcome.outcome == "done", outcome.said
    assert fresh.faults_fired() == 1
    assert len(made(fresh)) == 1
    assert sourced(fresh)


def test_a_doubt_that_may_not_be_waited_for_leaves_the_bot_waiting(fresh: Desk) -> None:
    """MG-09: nobody is taken for deselected, and the next run settles it."""
    fresh.start(bot(GOLD))
    fresh.fault("lost_request", "pipedrive", "/v1/filters", method="POST")

    outcome = fresh.run(settle_within=0)

    assert (outcome.outcome, sourced(fresh)) == ("open", set())
    assert "could not be made" in str(outcome.findings)
    assert fresh.run().outcome == "done"
    assert len(made(fresh)) == 1
    assert sourced(fresh)


def test_an_existing_filter_of_the_name_is_taken_as_it_is(fresh: Desk) -> None:
    """MG-09"""
    fresh.start(bot(GOLD, name="customers eu"))
    before = len(fresh.book("pipedrive", "filters"))

    fresh.settle()

    assert len(fresh.book("pipedrive", "filters")) == before
    everybody = {e["value"].strip().lower() for p in fresh.selected() for e in p["emails"]}
    assert sourced(fresh) <= everybody


def test_a_filter_somebody_deleted_is_not_made_again(fresh: Desk) -> None:
    """MG-09: that was on purpose; its bot is paused with the reason."""
    fresh.start(bot(GOLD))
    fresh.settle()
    fresh.crm.delete(f"/v1/filters/{made(fresh)[0]['id']}").raise_for_status()
    fresh.effects()

    outcome = fresh.run()

    assert outcome.outcome == "done", outcome.said
    assert fresh.effects() == []
    with fresh.state() as state:
        (one,) = bots.bots(state, "acme")
    assert (one.state, one.reason) == ("paused", "its Pipedrive filter no longer exists")


def test_a_refused_filter_leaves_its_bot_waiting_and_the_others_go_on(fresh: Desk) -> None:
    """MG-09"""
    fresh.start(bot(GOLD) | {"id": "gold"}, QUIET)
    fresh.fault("status", "pipedrive", "/v1/filters", method="POST", status=400,
                body={"success": False, "error": "Filter conditions are invalid."})  # fmt: skip

    outcome = fresh.run()

    assert outcome.outcome == "open", outcome.said
    assert any("could not be made (refused" in f.sentence for f in outcome.findings)
    assert sourced(fresh)
    assert fresh.run().outcome == "done"
    assert len(made(fresh)) == 1


def test_unclear_conditions_are_refused_all_at_once_with_candidates(fresh: Desk) -> None:
    """MG-09: nothing is written."""
    fresh.start(bot(
        {"field": "Customer teir", "is": "Gold"}, {"field": "Customer tier", "is": "Golden"},
        {"field": "Customer tier", "more than": 3}, {"field": "Contract value", "is": "much"},
        {"field": "Organization", "is": "Acme"},
    ))  # fmt: skip

    outcome = fresh.run()

    assert (outcome.outcome, outcome.exit_code) == ("invalid", 2)
    for said in (
        "there is no person field 'Customer teir' (known: Customer tier",
        "there is no option of the field 'Customer tier' 'Golden' (known: Gold",
        "`more than` does not fit the field 'Customer tier' of type enum (use one of: is, is not",
        "the field 'Contract value' holds numbers, not 'much'",
        "is of type org, which conditions here only know as empty or not",
    ):
        assert said in outcome.said
    assert fresh.effects() == []


def test_other_contacts_need_another_confirmation(fresh: Desk) -> None:
    """MG-13: by whatever name the same filter is given, it is the same selection."""
    fresh.start(QUIET)
    fresh.settle()
    same = next(f["id"] for f in fresh.book("pipedrive", "filters") if f["name"] == "Customers EU")
    fresh.wanted["bots"] = [QUIET | {"contacts": {"filter": same}}]
    assert fresh.run().outcome == "done"
    fresh.effects()

    for contacts in ("all", bot(GOLD)["contacts"]):
        fresh.wanted["bots"] = [QUIET | {"contacts": contacts}]
        refused = fresh.run()
        assert (refused.outcome, fresh.effects()) == ("invalid", [])
        assert "ann@acme.example confirmed on 2026-11-01" in refused.said
        assert "write who and when into `consent`" in refused.said

    confirmed = CONSENT | {"on": "2026-11-02"}
    fresh.wanted["bots"] = [QUIET | {"contacts": "all", "consent": confirmed}]
    assert fresh.run().outcome == "done"


def test_conditions_edited_after_the_filter_was_made_are_refused(fresh: Desk) -> None:
    """MG-09: the filter is Pipedrive's by now; ignoring the edit would be silent."""
    fresh.start(bot(GOLD))
    fresh.settle()
    fresh.wanted["bots"] = [bot(SILVER)]

    outcome = fresh.run()

    assert outcome.outcome == "invalid"
    assert f"the conditions of the filter {NAME!r} were edited in the file" in outcome.said
    assert fresh.effects() == []
    fresh.wanted["bots"] = [bot(GOLD)]
    assert fresh.run().outcome == "done"
