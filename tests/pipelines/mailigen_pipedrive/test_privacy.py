"""What a run tells and logs names no person and no secret (ALL-11), and opt-outs hold (ALL-08)."""

import logging
from dataclasses import asdict

import pytest

from tests.pipelines.mailigen_pipedrive.desk import AT_ONCE, CRM_TOKEN, LIST_KEY, QUIET, Desk
from tests.pipelines.mailigen_pipedrive.joining import ON


def private_texts(desk: Desk) -> set[str]:
    """Every address at either vendor that is no user's, and what opens doors."""
    persons = desk.book("pipedrive", "persons")
    found = {e["value"].lower() for p in persons for e in p["emails"] if "@" in e["value"]}
    return found | {m["email"].lower() for m in desk.members()} | {CRM_TOKEN, LIST_KEY}


def test_neither_the_outcome_nor_logs_nor_run_history_name_a_person_or_a_secret(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """ALL-11: though the vendor's refusal quotes both."""
    caplog.set_level(logging.DEBUG)
    _, email = desk.person(on_list=True)
    desk.play("open", email)
    body = {"success": False, "error": f"{email} may not be noted by {CRM_TOKEN}"}
    desk.fault("status", "pipedrive", "/v1/notes", method="POST", status=400, body=body)

    outcome = desk.run()

    assert outcome.counts["refused"] == 1
    columns = "SELECT r::VARCHAR FROM history.runs AS r UNION ALL SELECT c::VARCHAR FROM history.checks AS c"
    kept = desk.ask(columns) + desk.ask("SELECT said FROM history.writes WHERE said <> ''")
    told = "\n".join([str(asdict(outcome)), caplog.text, *(str(row[0]) for row in kept)]).lower()
    assert [text for text in private_texts(desk) if text in told] == []


def test_a_wrong_secret_is_not_repeated_in_what_the_run_says(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """ALL-11"""
    caplog.set_level(logging.DEBUG)
    desk.secrets["LIST_KEY"] = "a-key-that-was-revoked"

    outcome = desk.run()

    desk.secrets["LIST_KEY"] = LIST_KEY
    assert outcome.needs_reauthorization
    told = (
        str(asdict(outcome))
        + caplog.text
        + str(desk.ask("SELECT r::VARCHAR FROM history.runs AS r"))
    )
    assert "a-key-that-was-revoked" not in told


def test_who_left_the_list_is_never_subscribed_again_under_any_address(desk: Desk) -> None:
    """ALL-08: held per contact and per address, also after the row itself is gone."""
    person, email = desk.person(on_list=True)
    desk.act("unsubscribe", email)
    desk.settle()
    desk.act("remove", email)
    desk.readdress(person, "another.address@acme.example")

    outcome = desk.run()

    assert outcome.outcome == "done", outcome.said
    assert desk.member("another.address@acme.example") is None
    assert desk.member(email) is None
    desk.readdress(person, email)
    desk.settle()
    assert desk.member(email) is None


def test_who_left_right_after_we_subscribed_them_and_is_taken_off_stays_out(fresh: Desk) -> None:
    """ALL-08: a member written a moment ago counts as listed, but not as one who came back."""
    fresh.start(people=40)
    fresh.horizon = 3600
    fresh.settle()
    created = {m["email"] for m in fresh.members() if m["merges"].get("SOURCE")}
    person, email = fresh.person(on_list=True)
    assert email in created
    fresh.act("unsubscribe", email)
    fresh.settle()
    fresh.act("remove", email)
    fresh.settle()
    fresh.readdress(person, "another.address@acme.example")

    fresh.settle()

    assert fresh.member("another.address@acme.example") is None
    assert fresh.member(email) is None


def test_a_listing_that_lags_does_not_bring_back_who_left(fresh: Desk) -> None:
    """ALL-08: within the horizon the list may still show somebody as they were before."""
    fresh.start(people=40)
    fresh.horizon = 3600
    fresh.settle()
    _, email = fresh.person(on_list=True)
    fresh.act("unsubscribe", email)
    fresh.settle()
    fresh.act("subscribe", email)  # what an old listing would show, too
    fresh.settle()

    barred = "SELECT count(*) FROM resolve.consent INNER JOIN resolve.contacts USING (contact_id)"
    assert fresh.ask(f"{barred} WHERE email = '{email}'") == [(1,)]

    fresh.horizon = AT_ONCE
    fresh.settle()
    assert fresh.ask(f"{barred} WHERE email = '{email}'") == [(0,)]


def test_who_subscribes_again_by_an_own_act_is_synced_again(desk: Desk) -> None:
    """ALL-08"""
    person, email = desk.person(on_list=True)
    desk.act("unsubscribe", email)
    desk.settle()
    desk.act("subscribe", email)
    desk.edit(person, first_name="Returned")

    assert desk.run().outcome == "done"

    member = desk.member(email)
    assert member is not None
    assert (member["status"], member["merges"]["FNAME"]) == ("subscribed", "Returned")


def test_who_comes_back_under_a_former_address_stays_out_under_the_present_one(desk: Desk) -> None:
    """ALL-08: a sync subscribes nobody who once left, under an old or a new address."""
    person, email = desk.person(on_list=True)
    desk.act("unsubscribe", email)
    desk.settle()
    desk.readdress(person, "present.address@acme.example")
    desk.settle()
    desk.act("subscribe", email)

    for _ in range(2):
        outcome = desk.run()
        assert outcome.outcome == "done", outcome.said
        assert desk.member("present.address@acme.example") is None

    member = desk.member(email)
    assert member is not None
    assert member["status"] == "subscribed"


def test_who_comes_back_and_moves_between_two_runs_stays_out_under_the_new_address(
    desk: Desk,
) -> None:
    """ALL-08: nobody can tell which of both they did first."""
    person, email = desk.person(on_list=True)
    desk.act("unsubscribe", email)
    desk.settle()
    desk.horizon = AT_ONCE
    desk.act("subscribe", email)
    desk.readdress(person, "moved.on@acme.example")

    for _ in range(3):
        desk.settle()

    assert desk.member("moved.on@acme.example") is None
    member = desk.member(email)
    assert member is not None
    assert member["status"] == "subscribed"


def test_who_was_taken_off_the_list_by_hand_is_not_put_back(desk: Desk) -> None:
    """ALL-08, MG-12: and a skip has its reason."""
    _, email = desk.person(on_list=True)
    desk.act("remove", email)
    desk.control("clock", advance_s=5)

    outcome = desk.run()

    assert desk.member(email) is None
    assert any("removed" in reason for reason in outcome.skipped), outcome.skipped
    assert desk.run().outcome == "done"
    assert desk.member(email) is None


def test_a_doubt_about_somebody_deleted_meanwhile_ends(desk: Desk) -> None:
    """ALL-04: a look-up that meets nobody must not stop every later run."""
    person, email = desk.person(on_list=True)
    desk.play("open", email)
    desk.fault("lost_request", "pipedrive", "/api/v2/activities", method="POST")
    assert desk.run(settle_within=0).outcome == "open"
    desk.delete_person(person)
    desk.control("clock", advance_s=5)

    outcomes = [desk.run(settle_within=10) for _ in range(2)]

    assert all(outcome.outcome in ("done", "open") for outcome in outcomes), outcomes[0].said
    assert desk.member(email) is None


def test_who_comes_back_by_themselves_and_is_nobody_by_now_becomes_a_person(fresh: Desk) -> None:
    """MG-22, ALL-08: the CRM took the address off the person that had it (history 3082)."""
    fresh.start(QUIET | {"contacts": "all"}, people=60, **ON)
    fresh.settle()
    left = {m["email"].lower() for m in fresh.members() if m["status"] == "unsubscribed"}
    had = {
        entry["value"].strip().lower(): person["id"]
        for person in fresh.book("pipedrive", "persons") for entry in person["emails"]
        if len(person["emails"]) == 1
    }  # fmt: skip
    email = min(left & had.keys())
    fresh.horizon = AT_ONCE
    fresh.act("subscribe", email)
    fresh.edit(had[email], emails=[])

    for _ in range(2):
        fresh.settle()

    holders = [
        person["id"] for person in fresh.book("pipedrive", "persons")
        if email in {entry["value"].strip().lower() for entry in person["emails"]}
    ]  # fmt: skip
    assert len(holders) == 1
    assert holders[0] != had[email]
