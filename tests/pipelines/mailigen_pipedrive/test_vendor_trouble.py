"""Vendors that break, refuse or are unreachable: what is safe stays safe, and it is said."""

import pytest
from sqlalchemy import text

from tests.pipelines.mailigen_pipedrive.desk import AT_ONCE, Desk

BROKEN_ANSWERS = (
    {"kind": "truncate"},
    {"kind": "status", "status": 500, "after_commit": True},
    {"kind": "status", "status": 502, "after_commit": True, "body": "<html>Bad Gateway</html>"},
)


@pytest.mark.parametrize("broken", BROKEN_ANSWERS, ids=["cut", "500", "html 502"])
def test_writes_whose_answers_are_unreadable_are_not_repeated(
    desk: Desk, broken: dict[str, object]
) -> None:
    """ALL-06: committed, then an answer that tells nothing."""
    desk.horizon = AT_ONCE  # within one, the name may not be what the member was given before
    person, email = desk.person(on_list=True)
    desk.edit(person, first_name="Renamed")
    desk.play("open", email)
    calls = (("pipedrive", "/api/v2/activities", "POST"), ("pipedrive", "/v1/notes", "POST"),
             ("mailigen", "/1.8/listUpdateMember", "POST"))  # fmt: skip
    for vendor, path, method in calls:
        desk.control("faults", vendor=vendor, path=path, method=method, **broken)

    outcome = desk.run()

    assert desk.faults_fired() == 3
    assert outcome.outcome == "done", outcome.said
    assert [len(desk.ours(name, person)) for name in ("activities", "notes")] == [1, 1]
    member = desk.member(email)
    assert member is not None
    assert member["merges"]["FNAME"] == "Renamed"
    assert len(desk.effects()) == len(made_by_test()) + 3


def made_by_test() -> tuple[str, ...]:
    """The one call of the test's own: the edit."""
    return ("update person",)


def test_a_throttled_write_goes_out_in_the_same_run(desk: Desk) -> None:
    person, email = desk.person(on_list=True)
    desk.play("open", email)
    desk.fault("rate_limit", "pipedrive", "/v1/notes", method="POST", times=1)

    outcome = desk.run()

    assert desk.faults_fired() == 1
    assert outcome.outcome == "done", outcome.said
    assert len(desk.ours("notes", person)) == 1


def test_one_refused_record_is_noted_and_the_others_go_on(desk: Desk) -> None:
    """ALL-04: the run says how many, and the history says what the vendor said."""
    (refused, refused_email), (other, other_email) = (desk.person(on_list=True) for _ in range(2))
    desk.play("open", refused_email)
    desk.play("open", other_email)
    body = {"success": False, "error": "content is not allowed"}
    desk.fault("status", "pipedrive", "/v1/notes", method="POST", status=400, body=body)

    outcome = desk.run()

    assert (outcome.outcome, outcome.counts["refused"]) == ("open", 1)
    notes = [len(desk.ours("notes", person)) for person in (refused, other)]
    assert sorted(notes) == [0, 1]
    assert [len(desk.ours("activities", person)) for person in (refused, other)] == [1, 1]
    said = desk.ask(
        f"SELECT said FROM history.writes WHERE run_id = '{outcome.run_id}' AND state = 'refused'"
    )
    assert "content is not allowed" in said[0][0]
    desk.effects()
    again = desk.run()
    assert desk.effects() == [], "a refused write is not sent again within the day"
    assert again.exit_code in (0, 4)


@pytest.mark.parametrize("kind", ["truncate", "html_403"])
def test_a_read_that_never_comes_through_fails_the_run_and_nothing_is_written(
    desk: Desk, kind: str
) -> None:
    """ALL-04, ALL-09"""
    desk.person(on_list=True)
    _, email = desk.person(on_list=True)
    desk.play("open", email)
    desk.fault(kind, "mailigen", "/1.8/listMembers", times=1000)

    outcome = desk.run()

    assert outcome.outcome == "failed"
    assert "mailigen: listMembers" in outcome.said
    assert outcome.next_step.startswith("Safe so far")
    assert desk.effects() == []
    lift_blocks(desk)


def test_a_block_page_ends_this_run_and_the_next_until_the_block_is_over(desk: Desk) -> None:
    """ALL-04: calling on prolongs a block, and waiting for its end would hold the lease."""
    person, email = desk.person(on_list=True)
    desk.play("open", email)
    desk.fault(
        "status", "pipedrive", "/api/v2/activities", method="POST", status=403,
        body="<html>you have been blocked</html>",
        headers={"content-type": "text/html", "retry-after": "600"},
    )  # fmt: skip

    stopped = desk.run()
    desk.journal()
    meanwhile = desk.run()

    assert (stopped.outcome, meanwhile.outcome) == ("failed", "failed")
    assert "block" in meanwhile.said
    assert not [line for line in desk.journal() if line["vendor"] == "pipedrive"]
    lift_blocks(desk)
    assert desk.run().outcome == "done"
    assert [len(desk.ours(name, person)) for name in ("activities", "notes")] == [1, 1]


def lift_blocks(desk: Desk) -> None:
    """The time of a block is over: budgets go by our clock, which no test can move."""
    with desk.state() as state, state.write() as db:
        db.exec_driver_sql("UPDATE budget_windows SET blocked_until = NULL")


def test_a_list_that_comes_short_of_its_own_count_fails_the_run(desk: Desk) -> None:
    """ALL-09: the vendor counts more subscribers than it lists."""
    _, email = desk.person(on_list=True)
    desk.play("open", email)
    desk.fault("status", "mailigen", "/1.8/listMembers", status=200, body=[], times=1000)

    outcome = desk.run()

    assert outcome.outcome == "failed"
    assert "listed 0" in outcome.said
    assert desk.effects() == []


def test_a_wrong_token_stops_the_sync_until_it_is_right_again(desk: Desk) -> None:
    """MG-02: nothing is lost; what happened meanwhile counts afterwards."""
    person, email = desk.person(on_list=True)
    desk.play("open", email)
    desk.secrets["CRM_TOKEN"] = "no-token-of-this-company"

    stopped = desk.run()

    assert (stopped.outcome, stopped.needs_reauthorization) == ("failed", True)
    assert "token" in stopped.next_step
    assert connection_state(desk, "crm") == "needs_reauthorization"
    assert desk.effects() == []
    desk.secrets["CRM_TOKEN"] = "sandbox-pipedrive-bob"
    assert desk.run().outcome == "done"
    assert connection_state(desk, "crm") == "ok"
    assert len(desk.ours("activities", person)) == 1
    desk.secrets["CRM_TOKEN"] = "sandbox-pipedrive-admin"


def test_a_demoted_admin_stops_the_sync_with_what_to_do(desk: Desk) -> None:
    """MG-01, MG-02"""
    ann = next(u["id"] for u in desk.book("pipedrive", "users") if u["email"].startswith("ann@"))
    desk.control("events/pipedrive", kind="demote", user=ann)

    stopped = desk.run()

    desk.control("events/pipedrive", kind="promote", user=ann)
    assert (stopped.outcome, stopped.needs_reauthorization) == ("failed", True)
    assert "administrator" in stopped.said
    assert "administrator" in stopped.next_step
    assert desk.effects() == []


def test_a_revoked_mailigen_key_stops_the_sync(desk: Desk) -> None:
    """MG-02"""
    desk.control("events/mailigen", kind="revoke_key")

    stopped = desk.run()

    desk.control("events/mailigen", kind="restore_key")
    assert (stopped.outcome, stopped.needs_reauthorization) == ("failed", True)
    assert connection_state(desk, "engagement") == "needs_reauthorization"
    assert desk.effects() == []
    assert desk.run().outcome in ("done", "open")


def connection_state(desk: Desk, account: str) -> str:
    with desk.state() as state, state.read() as db:
        query = text("SELECT state FROM connections WHERE account = :account")
        return str(db.execute(query, {"account": account}).scalar_one())
