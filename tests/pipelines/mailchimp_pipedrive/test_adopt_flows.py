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
    adopt(desk)
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
