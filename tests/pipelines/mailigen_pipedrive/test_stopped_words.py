"""What a stopped run and its approval say: whose writes, how many, and what was written before."""

import re

import pytest

from pipelines.report import Outcome
from tests.pipelines.mailigen_pipedrive.desk import CONSENT, QUIET, Desk

ASK = {"first_activation": "ask", "max_creates": 1000}
GOLD = {"name": "Gold tier", "conditions": {"all": [{"field": "Customer tier", "is": "Gold"}]}}
VIP = {"id": "vip", "contacts": {"filter": GOLD}, "consent": CONSENT}


def approved_writes(said: str) -> int:
    return int(re.search(r": (\d+) writes? that run", said)[1])  # type: ignore[index]


def stopped(desk: Desk) -> Outcome:
    outcome = desk.run()
    assert outcome.outcome == "guarded", outcome.said
    return outcome


def test_a_first_run_asks_for_as_many_writes_as_the_plan_shows_and_the_approval_names(
    fresh: Desk,
) -> None:
    """ALL-05, ALL-07: the bot's activation is no write."""
    fresh.start(QUIET, guards=ASK, people=60)
    shown = fresh.plan()
    rows = sum(
        count
        for table, actions in shown.totals.items()
        for action, count in actions.items()
        if action not in ("skip", "forget", "link")
    )
    stopped(fresh)
    assert approved_writes(fresh.approve()) == shown.writes == rows


def test_a_new_bot_is_not_charged_with_the_updates_of_a_field_added_beside_it(fresh: Desk) -> None:
    """ALL-07, ALL-10: the sentence says whose writes they are, and that all of them wait."""
    fresh.start(QUIET, guards=ASK, people=60, fields={"person": ["phone"]})
    fresh.run()
    fresh.approve()
    assert fresh.run().outcome == "done"
    members = fresh.ask("SELECT count(*) FROM staging.syncline__members")[0][0]
    fresh.add_person("New Gold", "new.gold@acme.example")
    all_of_them = {"id": "everybody", "contacts": "all", "consent": CONSENT}
    fresh.wanted |= {
        "bots": [QUIET, all_of_them], "fields": {"person": ["phone", "Customer tier"]},
    }  # fmt: skip

    outcome = stopped(fresh)

    (said,) = outcome.guards
    rows = fresh.ask("SELECT action, reason FROM plan.members")
    both = [reason for action, reason in rows if action == "update"]
    assert all(reason.startswith("field added: ") for reason in both if "added everybody" in reason)
    created = sum(1 for action, reason in rows if action == "create" and "customers" not in reason)
    others = len([1 for action, _ in rows if action not in ("skip", "forget")]) - created
    adopted = [reason for reason in both if reason.startswith("already on the list")]
    assert said == (
        f"first activation of everybody: {created} contacts would be put on the list, "
        f"{len(adopted)} updated; {others - len(adopted)} other writes of this sync wait until then"
    )
    assert others - len(adopted) > members / 2


def test_a_new_bot_beside_another_is_asked_about_by_the_sources_it_changes(fresh: Desk) -> None:
    """MG-11, ALL-07: an update of nothing but the source is the new bot's own."""
    fresh.start(QUIET, guards=ASK, people=60)
    fresh.run()
    fresh.approve()
    assert fresh.run().outcome == "done"
    twin = QUIET | {"id": "twin"}
    fresh.wanted |= {"bots": [QUIET, twin]}

    (said,) = stopped(fresh).guards

    rows = fresh.ask("SELECT action, reason FROM plan.members WHERE action <> 'skip'")
    assert {reason for _, reason in rows} == {"source changed: added twin"}
    assert said == (
        f"first activation of twin: 0 contacts would be put on the list, {len(rows)} updated"
    )


def test_a_run_that_made_a_filter_before_it_was_stopped_says_so(fresh: Desk) -> None:
    """MG-09, ALL-04, ALL-07"""
    fresh.start(VIP, guards=ASK, people=40)
    shown = fresh.plan()
    assert shown.rows["setup"][0]["name"] == "Gold tier"
    assert shown.tokens["crm"] >= 50
    assert shown.calls["crm"] >= 3

    first, second = stopped(fresh), stopped(fresh)

    made = next(f for f in fresh.book("pipedrive", "filters") if f["name"] == "Gold tier")
    assert first.said.startswith("Stopped before the first write of the plan: first activation")
    assert f"In Pipedrive is now the filter 'Gold tier' (id {made['id']})" in first.said
    assert second.said.startswith("Stopped before the first write: first activation")


def test_a_plan_prices_what_it_would_set_up_and_is_silent_where_nothing_is(fresh: Desk) -> None:
    """ALL-05: a list and its merge vars, in Mailigen's calls."""
    fresh.start(QUIET, people=30, list={"title": "Brand new", "create": True})
    before = fresh.plan()
    setup = before.rows["setup"]
    assert setup[0]["object"] == "list"
    assert before.totals["setup"] == {"create": len(setup)}
    members = before.totals["members"]["create"] * 0.01
    assert before.calls["engagement"] == pytest.approx(1 + 2 * (len(setup) - 1) + members)
    assert fresh.run().outcome == "done"

    assert "setup" not in fresh.plan().totals


def test_what_a_plan_would_make_is_shown_with_whom_it_is_for(fresh: Desk) -> None:
    """ALL-05: as members are, by address and name; the run's own page names nobody."""
    rules = {
        "activities": [{"id": "warm", "after": 1, "event": "open", "type": "call"}],
        "notes": ["open"],
    }
    fresh.start(QUIET | rules, people=40)
    fresh.settle()
    person, email = fresh.person(on_list=True)
    fresh.play("open", email)
    shown = fresh.plan()
    name = next(p["name"] for p in fresh.book("pipedrive", "persons") if p["id"] == person)
    for table in ("activities", "notes"):
        (row,) = shown.rows[table]
        assert (row["email"], row["name"]) == (email.lower(), name)
    outcome = fresh.run()
    assert email.lower() not in str(outcome).lower()
