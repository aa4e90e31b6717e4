"""A vendor that answers nonsense at one place of a run, whichever: said, and nothing doubled.

Each trial spoils one answer of a run that has a member to update, an activity, a deal and a note
to make: a request is carried out, and what comes back is noise, a page, an error, cut or of
another shape. Then a run without faults.
"""

from typing import Any

import pytest

from tests.pipelines.mailigen_pipedrive.desk import Desk

CRM, LIST = "pipedrive", "mailigen"
NOISE: dict[str, Any] = {"kind": "noise", "seed": 1}
PAGE: dict[str, Any] = {
    "kind": "status",
    "status": 200,
    "body": "<html>later</html>",
    "after_commit": True,
}
NO: dict[str, Any] = {"kind": "status", "status": 200, "after_commit": True,
                      "body": {"success": False, "error": "no", "code": 7}}  # fmt: skip
CUT: dict[str, Any] = {"kind": "truncate"}


def spoilt(member: str, value: Any) -> dict[str, Any]:
    """One member of the answer is another thing."""
    return {"kind": "garble", "member": member, "body": value}


PLACES: list[tuple[str, str, str, dict[str, Any]]] = [
    (CRM, "GET", "/v1/users/me", spoilt("data.company_id", [1])),
    (CRM, "GET", "/v1/users", spoilt("data.*.id", "seven")),
    (CRM, "GET", "/v1/filters/", spoilt("data", [])),
    (CRM, "GET", "/v1/filters", spoilt("data.*", {})),
    (CRM, "GET", "/v1/activityTypes", spoilt("data.*.key_string", None)),
    (CRM, "GET", "/api/v2/pipelines", NOISE),
    (CRM, "GET", "/api/v2/stages", spoilt("data.*.pipeline_id", {"a": 1})),
    (CRM, "GET", "/api/v2/personFields", spoilt("data.*.options", "none")),
    (CRM, "GET", "/api/v2/dealFields", spoilt("", [[1]])),
    (CRM, "GET", "/api/v2/persons", spoilt("data.*.emails", "ann@x.lv")),
    (CRM, "GET", "/api/v2/persons", spoilt("data.*.id", 2**62 * 4)),
    (CRM, "GET", "/api/v2/persons", spoilt("data.*.update_time", "2026-99-99")),
    (CRM, "GET", "/api/v2/persons", spoilt("additional_data.next_cursor", 7)),
    (CRM, "GET", "/api/v2/organizations", PAGE),
    (CRM, "POST", "/api/v2/activities", NO),
    (CRM, "POST", "/api/v2/deals", spoilt("data.id", "x")),
    (CRM, "POST", "/v1/notes", NOISE),
    (LIST, "POST", "/1.8/getAccountDetails", spoilt("emails_left", "many")),
    (LIST, "POST", "/1.8/lists", spoilt("*.member_count", "many")),
    (LIST, "POST", "/1.8/listMergeVars", spoilt("*.tag", 7)),
    (LIST, "POST", "/1.8/listMembers", spoilt("*.email", None)),
    (LIST, "POST", "/1.8/listMemberInfo", spoilt("merges", "x")),
    (LIST, "POST", "/1.8/campaigns", spoilt("*.id", [])),
    (LIST, "POST", "/1.8/campaignStats", spoilt("opens", "many")),
    (LIST, "POST", "/1.8/campaignOpened", spoilt("data.*.count", "x")),
    (LIST, "POST", "/1.8/campaignClickStats", CUT),
    (LIST, "POST", "/1.8/campaignClickStatsDetails", spoilt("*.date", "yesterday")),
    (LIST, "POST", "/1.8/listUpdateMember", spoilt("", "perhaps")),
]


@pytest.mark.slow
@pytest.mark.parametrize(("vendor", "method", "path", "fault"), PLACES)
def test_nonsense_at_one_place_ends_in_a_sentence_and_the_next_run_completes(
    desk: Desk, vendor: str, method: str, path: str, fault: dict[str, Any]
) -> None:
    """ALL-04, ALL-06"""
    person, email = desk.person(on_list=True)
    desk.edit(person, first_name=f"Spoilt {person}")
    desk.play("open", email)
    desk.play("click", email, times=2)
    desk.control("faults", vendor=vendor, method=method, path=path, **fault)

    outcome = desk.run()

    assert desk.faults_fired() == 1, "the run makes this request"
    assert outcome.said
    assert outcome.outcome in ("done", "open", "failed")
    assert acknowledged_and_missing(desk) == []
    desk.clear_faults()
    assert desk.run().outcome == "done"
    made = [len(desk.ours(name, person)) for name in ("activities", "deals", "notes")]
    assert made == [1, 1, 1]
    member = desk.member(email)
    assert member is not None
    assert member["merges"]["FNAME"] == f"Spoilt {person}"
    assert acknowledged_and_missing(desk) == []


def acknowledged_and_missing(desk: Desk) -> list[str]:
    """Deeds the ledger calls done and whose record the vendor does not have."""
    books = {"activity": "activities", "deal": "deals", "note": "notes"}
    there = {(noun, str(row["id"])) for noun, book in books.items() for row in desk.book(CRM, book)}
    query = "SELECT write_key, object, remote_id FROM deeds WHERE state = 'done'"
    with desk.state() as state, state.read() as db:
        deeds = db.exec_driver_sql(query).fetchall()
    return [key for key, noun, remote in deeds if noun in books and (noun, remote) not in there]
