"""The first runs of a sync, and the guards that ask before anybody is surprised (ALL-07)."""

from typing import Any

from tests.pipelines.mailigen_pipedrive.desk import CUSTOMERS, QUIET, Desk

STRICT = {"max_deletes": 2, "max_delete_share": 0, "max_creates": 2, "max_create_share": 0,
          "first_activation": "allow"}  # fmt: skip


def test_a_first_run_asks_writes_what_was_approved_and_then_nothing(fresh: Desk) -> None:
    """ALL-07, ALL-06, MG-09: who came after the question waits for the run after the approved."""
    fresh.start(guards={"first_activation": "ask"}, people=80)
    asked = fresh.run()
    assert (asked.outcome, asked.exit_code) == ("guarded", 3)
    assert "first activation of customers" in asked.said
    assert "approve" in asked.next_step
    assert fresh.effects() == []

    assert "writes that run" in fresh.approve()
    fresh.add_person("Came After", "came.after@acme.example")
    approved = fresh.run()

    assert approved.outcome == "done", approved.said
    assert fresh.member("came.after@acme.example") is None
    assert approved.skipped["no e-mail address"] >= 1
    ours = [m for m in fresh.members() if m["merges"].get("SOURCE") == "Pipedrive|customers"]
    query = "SELECT count(*) FROM history.writes WHERE object = 'list_member' AND state = 'done'"
    assert fresh.ask(query) == [(len(ours),)]

    fresh.settle()
    assert fresh.member("came.after@acme.example") is not None
    quiet = fresh.run()
    assert (quiet.outcome, quiet.counts["intents"]) == ("done", 0)
    assert fresh.effects() == []
    assert sum(cost.requests for cost in quiet.cost) < 40, "a quiet run is a cheap run"
    assert fresh.book("mailigen", "mails") == [], "no welcome, opt-in or notification mail"


def test_a_guarded_run_is_asked_again_until_somebody_approves(fresh: Desk) -> None:
    """ALL-07: nothing waits, nothing is written, however often it is tried."""
    fresh.start(QUIET, guards={"first_activation": "ask"}, people=30)

    outcomes = [fresh.run().outcome for _ in range(2)]

    assert outcomes == ["guarded", "guarded"]
    assert fresh.effects() == []


def test_many_deletes_creates_and_deeds_each_wait_for_an_approval(fresh: Desk) -> None:
    """ALL-07, MG-12: three surprises in one plan; approved, they happen."""
    fresh.start(CUSTOMERS, guards=STRICT | {"max_creates": 200}, people=120)
    fresh.settle()
    fresh.wanted = fresh.wanted | {"guards": STRICT}
    gone = [fresh.person(on_list=True) for _ in range(3)]
    for person, _ in gone:
        fresh.delete_person(person)
    openers = [fresh.person(on_list=True) for _ in range(3)]
    for _, email in openers:
        fresh.play("open", email)
    for number in range(3):
        fresh.add_person(f"New {number}", f"new.{number}@acme.example")
    fresh.effects()

    stopped = fresh.run()

    assert stopped.outcome == "guarded", stopped.said
    for noun in ("3 deletes", "3 creates", "3 activities", "3 notes"):
        assert any(noun in reason for reason in stopped.guards), (noun, stopped.guards)
    assert fresh.effects() == []
    fresh.approve()
    fresh.settle()
    assert [fresh.member(email) for _, email in gone] == [None, None, None]
    assert [len(fresh.ours("activities", person)) for person, _ in openers] == [1, 1, 1]
    assert all(fresh.member(f"new.{n}@acme.example") for n in range(3))


def test_an_empty_source_deletes_nobody_without_an_approval(fresh: Desk) -> None:
    """ALL-07: everybody was deleted in the CRM, few enough for the other guard."""
    fresh.start(QUIET, people=20)
    fresh.settle()
    for person in fresh.selected():
        fresh.delete_person(person["id"])
    fresh.effects()

    stopped = fresh.run()

    assert stopped.outcome == "guarded"
    assert any("the source is empty" in reason for reason in stopped.guards)
    assert fresh.effects() == []


def test_people_a_filter_no_longer_selects_stay_on_the_list_without_a_source(
    fresh: Desk,
) -> None:
    """MG-11, MG-25: absence from a filter is never a deletion."""
    fresh.start(QUIET)
    fresh.settle()
    person, email = fresh.person(on_list=True)
    fields = fresh.book("pipedrive", "personFields")
    tier: dict[str, Any] = next(f for f in fields if f["field_name"] == "Customer tier")
    fresh.edit(person, custom_fields={tier["field_code"]: None})

    fresh.settle()

    left = fresh.member(email)
    assert left is not None
    assert (left["status"], left["merges"]["SOURCE"]) == ("subscribed", "")
