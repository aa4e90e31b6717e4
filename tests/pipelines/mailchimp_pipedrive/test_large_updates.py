"""Large updates go through batches of PATCHes without a status; each operation is one effect."""

import pytest

from pipelines.report import Outcome
from tests.pipelines.mailchimp_pipedrive.flow_desk import OUT, FlowDesk

EVERYBODY = OUT | {"trigger": {"filters": ["Everyone with a phone"]}}


def done(desk: FlowDesk) -> Outcome:
    outcome = desk.run()
    assert outcome.outcome == "done", (outcome.said, outcome.next_step)
    return outcome


@pytest.fixture
def many(desk: FlowDesk, monkeypatch: pytest.MonkeyPatch) -> tuple[FlowDesk, list[int]]:
    """An audience in step, and twelve persons whose names have changed since."""
    monkeypatch.setattr("pipelines.mailchimp_pipedrive.bulk.FEWEST", 10)
    monkeypatch.setattr("pipelines.mailchimp_pipedrive.bulk.FIRST_LOOK", 0.05)
    desk.start(EVERYBODY)
    done(desk)
    known = {m["email_address"].lower() for m in desk.members() if m["status"] == "subscribed"}
    people = [
        int(p["id"]) for p in desk.book("pipedrive", "persons")
        if len(p["emails"]) == 1 and p["emails"][0]["value"].lower() in known and p["phones"]
        and desk.is_alone(p["emails"][0]["value"])
    ][:12]  # fmt: skip
    for person in people:
        desk.edit(person, first_name=f"Renamed {person}")
    desk.journal()
    return desk, people


def calls(desk: FlowDesk, method: str, part: str) -> int:
    return sum(line["method"] == method and part in line["path"] for line in desk.journal())


def names(desk: FlowDesk) -> set[str]:
    return {str(m["merge_fields"].get("FNAME")) for m in desk.members()}


def test_many_updates_are_one_batch_and_no_single_call(many: tuple[FlowDesk, list[int]]) -> None:
    """MC-10: and nobody's status is touched."""
    desk, people = many
    before = {m["email_address"]: m["status"] for m in desk.members()}
    done(desk)
    lines = desk.journal()
    paths = [(line["method"], line["path"].split("/")[-1]) for line in lines]
    assert paths.count(("POST", "batches")) == 1
    assert not [path for method, path in paths if method == "PATCH"]
    assert {f"Renamed {one}" for one in people} <= names(desk)
    assert {m["email_address"]: m["status"] for m in desk.members()} == before
    done(desk)
    assert calls(desk, "POST", "batches") == 0


@pytest.mark.parametrize("kind", ["lost_answer", "lost_request"])
def test_a_batch_without_an_answer_is_looked_up_and_not_repeated_blindly(
    many: tuple[FlowDesk, list[int]], kind: str
) -> None:
    """ALL-06."""
    desk, people = many
    desk.fault(kind, "mailchimp", "*/batches", method="POST")
    desk.run(settle_within=0)
    assert desk.faults_fired() == 1
    desk.clear_faults()
    desk.control("clock", advance_s=30)
    done(desk)
    assert {f"Renamed {one}" for one in people} <= names(desk)


def test_one_refused_operation_leaves_the_others_done(many: tuple[FlowDesk, list[int]]) -> None:
    """ALL-06: each operation is an effect of its own."""
    desk, people = many
    first = next(p for p in desk.book("pipedrive", "persons") if p["id"] == people[0])
    email = first["emails"][0]["value"]
    desk.control("events/mailchimp", kind="forget", email=email, list="Newsletter")
    desk.run(settle_within=0)
    assert {f"Renamed {one}" for one in people[1:]} <= names(desk)
