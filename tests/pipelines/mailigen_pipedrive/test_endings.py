"""Every way a run can end without having synced, told where people look."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from pipelines.surroundings import REAL
from tests.pipelines.mailigen_pipedrive.desk import Desk

T = TypeVar("T")


def test_a_plan_that_breaks_an_audit_stops_the_run_before_the_first_write(desk: Desk) -> None:
    """ALL-02: and the broken check stands with the others in history.checks."""
    _, email = desk.person(on_list=True)
    desk.play("open", email)

    outcome = desk.run(step=doubling_contacts)

    assert outcome.outcome == "failed"
    assert "unique" in outcome.said
    assert desk.effects() == []
    broken = desk.ask(
        "SELECT severity, guilty_count > 0 FROM history.checks "
        f"WHERE run_id = '{outcome.run_id}' AND NOT is_passed"
    )
    assert ("stop", True) in broken
    assert desk.run().outcome == "done"


def doubling_contacts(name: str, stage: Callable[..., T], *args: Any) -> T:
    """A step that spoils the plan's input, as a fault of ours in SQL would."""
    if name == "Plan":
        args[0].db.execute("INSERT INTO resolve.contacts FROM resolve.contacts")
    return stage(*args)


def test_a_secret_that_is_not_set_is_named_and_the_run_is_kept(desk: Desk) -> None:
    """ALL-04"""
    token = desk.secrets.pop("CRM_TOKEN")

    outcome = desk.run()

    desk.secrets["CRM_TOKEN"] = token
    assert (outcome.outcome, outcome.exit_code) == ("failed", 1)
    assert "CRM_TOKEN is not set" in outcome.said
    assert last_run(desk) == ("failed", 1)


def test_a_connection_of_the_wrong_vendor_is_a_mistake_in_the_definition(desk: Desk) -> None:
    wanted = desk.wanted
    desk.wanted = wanted | {"connections": {"crm": "engagement", "engagement": "crm"}}

    outcome = desk.run()

    desk.wanted = wanted
    assert (outcome.outcome, outcome.exit_code) == ("invalid", 2)
    assert "connection engagement is mailigen" in outcome.said
    assert last_run(desk) == ("invalid", 2)


def test_names_that_fit_nothing_are_told_all_at_once(desk: Desk) -> None:
    wanted = desk.wanted
    bot = wanted["bots"][0] | {"contacts": {"filter": "No such filter"}}
    fields = {"person": ["No such field"]}
    desk.wanted = wanted | {"bots": [bot], "fields": fields}

    outcome = desk.run()

    desk.wanted = wanted
    assert (outcome.outcome, outcome.exit_code) == ("invalid", 2)
    assert "No such filter" in outcome.said
    assert "No such field" in outcome.said
    assert desk.effects() == []


def test_who_must_act_is_called_with_the_sentence_and_the_next_step(
    desk: Desk, called: tuple[str, list[dict[str, Any]]]
) -> None:
    """MG-02, ALL-04: a failed call of the alert fails nothing else."""
    address, arrived = called
    wanted, desk.wanted = desk.wanted, desk.wanted | {"alert": {"webhook": "OPS"}}
    desk.secrets |= {"OPS": address, "LIST_KEY": "wrong"}

    outcome = desk.run()
    desk.secrets["OPS"] = "http://127.0.0.1:9/nobody"
    unheard = desk.run()

    desk.wanted, desk.secrets["LIST_KEY"] = wanted, "sandbox-mailigen-key"
    (told,) = arrived
    assert (told["sync"], told["kind"]) == ("acme", "needs_reauthorization")
    assert (told["said"], told["next_step"]) == (outcome.said, outcome.next_step)
    assert unheard.said == outcome.said


def test_an_allowance_that_is_used_up_calls_once_a_day(
    fresh: Desk, called: tuple[str, list[dict[str, Any]]]
) -> None:
    """ALL-04: every run fails until the vendor's reset, and nobody can do anything before."""
    address, arrived = called
    fresh.start(people=20, alert={"webhook": "OPS"})
    fresh.secrets |= {"OPS": address}
    fresh.facts = {"crm": {"plan": "lite", "seats": 1, "quota_share": 0.0001}}
    said = []

    for day in (1, 1, 2, 2):
        fresh.around = replace(REAL, now=lambda days=day: datetime(2027, 1, days, 12, tzinfo=UTC))
        said.append(fresh.run().said)
        assert len(arrived) == day

    assert all("quota_share" in call["next_step"] for call in arrived), arrived
    assert len(said) == 4


def last_run(desk: Desk) -> tuple[str, int]:
    with desk.state() as state, state.read() as db:
        row = db.exec_driver_sql("SELECT outcome, exit_code FROM syncs").one()
    return str(row[0]), int(row[1])
