"""The state database is lost: flows are rebuilt from the vendors' books before anything is written."""

from typing import Any

import pytest

from pipelines.adopted import Adopted
from pipelines.mailchimp_pipedrive.adopt import adopt_sync
from pipelines.mailchimp_pipedrive.config import Definition
from tests.pipelines.mailchimp_pipedrive.flow_desk import INTO, NEW, OUT, STAGE, FlowDesk

FLOWS = (OUT | {"tag": "From Pipedrive"}, INTO, NEW, STAGE)


def run(desk: FlowDesk, wanted: str = "done") -> None:
    outcome = desk.run()
    assert outcome.outcome == wanted, (outcome.said, outcome.next_step)


def adopt(desk: FlowDesk) -> Adopted:
    return adopt_sync(
        Definition.model_validate(desk.wanted), desk.connections, settings=desk.settings,
        report=lambda _: None, around=desk.around,
    )  # fmt: skip


@pytest.fixture
def lost(desk: FlowDesk) -> tuple[FlowDesk, dict[str, Any]]:
    """Four flows in step; then the state database is gone. Who is who, by name."""
    desk.start(*FLOWS)
    desk.horizon = 0.001
    desk.act("add", "tess@new.example", fields={"FNAME": "Tess", "LNAME": "Ting"})
    desk.act("tag", "tess@new.example", tag="Nobody yet")
    someone, erased = desk.untouched(), desk.untouched()
    run(desk)
    desk.act("forget", erased[1])
    desk.act("add", "ned@new.example", fields={"FNAME": "Ned", "LNAME": "Nye"})
    run(desk)
    run(desk)
    for file in desk.home.glob("state.db*"):
        file.unlink()
    desk.effects()
    return desk, {"someone": someone, "erased": erased}


def test_a_run_without_its_state_says_what_to_do_and_writes_nothing(lost: Any) -> None:
    """ALL-14."""
    desk, _ = lost
    outcome = desk.run()
    assert outcome.outcome == "failed"
    assert "syncline adopt acme" in f"{outcome.said} {outcome.next_step}"
    assert desk.effects() == []


def test_an_adopted_sync_goes_on_and_repeats_nothing(lost: Any) -> None:
    """ALL-14, ALL-06: nobody is made twice, nobody who was erased comes back, edits cross."""
    desk, people = lost
    adopted = adopt(desk)
    assert adopted.bots == dict.fromkeys(("into", "new", "out", "stage"), "active")
    assert desk.effects() == []
    run(desk)
    made = [e for e in desk.effects() if e["verb"] == "create"]
    assert made == []
    assert len(desk.persons_with("ned@new.example")) == 1
    assert desk.member(people["erased"][1]) is None
    desk.edit(people["someone"][0], first_name="Zelda")
    run(desk)
    assert desk.merges(people["someone"][1])["FNAME"] == "Zelda"


def test_a_tag_put_on_before_a_loss_is_not_put_on_again(lost: Any) -> None:
    """ALL-14, MC-13: once; and one that somebody took off stays off"""
    desk, people = lost
    _, email = people["someone"]
    assert desk.tags(email) == {"From Pipedrive"}
    desk.act("untag", email, tag="From Pipedrive")
    desk.effects()
    adopt(desk)
    run(desk)
    assert desk.effects() == []
    assert desk.tags(email) == set()


def test_without_the_keep_file_nobody_new_is_created_until_they_join(lost: Any) -> None:
    """ALL-14, ALL-08."""
    desk, people = lost
    (desk.home / "keep.jsonl").unlink()
    adopted = adopt(desk)
    assert adopted.barred > 0
    assert "each waits for its first activation again" in " ".join(adopted.said)
    run(desk)
    assert [e for e in desk.effects() if e["verb"] == "create"] == []
    assert desk.member(people["erased"][1]) is None


def test_what_differs_after_a_loss_stays_until_one_side_changes(lost: Any) -> None:
    """ALL-14, MC-02: nobody can say any more which side changed."""
    desk, people = lost
    person, email = people["someone"]
    desk.edit(person, first_name="Meanwhile")
    said = " ".join(adopt(desk).said)
    assert "Of these there are " in said
    assert "from history.agreed where crm_value <> engagement_value" in said
    run(desk)
    assert desk.merges(email)["FNAME"] != "Meanwhile"
    desk.edit(person, first_name="Afterwards")
    run(desk)
    assert desk.merges(email)["FNAME"] == "Afterwards"


def test_a_passage_between_adoption_and_the_next_run_is_not_lost(lost: Any) -> None:
    """ALL-14, MC-14."""
    desk, _ = lost
    adopt(desk)
    desk.control("clock", advance_s=5)
    person = desk.add_person("Una Upp", "una@new.example")
    desk.edit(person, custom_fields={})
    desk.deal(person, "Qualified")
    run(desk)
    assert desk.member("una@new.example") is not None


ZOE, MOVED = "zoe@new.example", "zoe.moved@example.net"
BARRED = "the new address is another contact's, or barred"


@pytest.fixture
def barred(desk: FlowDesk) -> tuple[FlowDesk, int]:
    """A person who left, and whose address a colleague then changed: left alone both ways. Then
    the state database is gone."""
    desk.start(OUT, INTO)
    desk.horizon = 0.001
    person, _ = desk.untouched()
    desk.edit(person, emails=[{"value": ZOE, "primary": True}])
    run(desk)
    desk.act("tag", ZOE, tag="Nobody yet")
    run(desk)
    desk.act("unsubscribe", ZOE)
    run(desk)
    desk.edit(person, emails=[{"value": MOVED, "primary": True}])
    run(desk)
    assert why_left_out(desk, person) == [BARRED]
    lose(desk, "state.db*")
    desk.effects()
    return desk, person


def lose(desk: FlowDesk, *files: str) -> None:
    for pattern in files:
        for file in desk.home.glob(pattern):
            file.unlink()


def why_left_out(desk: FlowDesk, person: int) -> list[str]:
    """What the last run said of a person it left out."""
    query = (
        "SELECT reason FROM history.skipped "
        "WHERE run_id = (SELECT max_by(run_id, sweep) FROM history.runs) "
        f"AND object = 'person' AND subject = '{person}'"
    )
    return [reason for (reason,) in desk.ask(query)]


def assert_left_alone(desk: FlowDesk, person: int) -> None:
    run(desk)
    run(desk)
    assert [e for e in desk.effects() if e["verb"] == "create"] == []
    assert desk.member(MOVED) is None
    assert desk.persons_with(ZOE) == []
    assert [one["id"] for one in desk.persons_with(MOVED)] == [person]


def test_who_left_and_moved_is_left_alone_after_a_loss_as_before(barred: Any) -> None:
    """ALL-08, ALL-14: the bar holds for every address the contact ever had."""
    desk, person = barred
    adopt(desk)
    assert_left_alone(desk, person)
    assert why_left_out(desk, person) == [BARRED]


def test_who_left_and_moved_is_left_alone_by_the_keep_file_alone(barred: Any) -> None:
    """ALL-08, ALL-14."""
    desk, person = barred
    lose(desk, "*.duckdb*", "**/*.duckdb*")
    assert not adopt(desk).has_history
    assert_left_alone(desk, person)


def test_who_left_and_moved_is_left_alone_by_the_history_alone(barred: Any) -> None:
    """ALL-08, ALL-14."""
    desk, person = barred
    lose(desk, "keep.jsonl")
    adopt(desk)
    assert_left_alone(desk, person)


def test_who_left_under_an_address_that_nobody_shows_any_more_is_left_alone(barred: Any) -> None:
    """ALL-08, ALL-14: no hash gives the address back, so what the person has now is barred."""
    desk, person = barred
    desk.act("forget", ZOE)
    lose(desk, "*.duckdb*", "**/*.duckdb*")
    adopt(desk)
    desk.effects()
    assert_left_alone(desk, person)
