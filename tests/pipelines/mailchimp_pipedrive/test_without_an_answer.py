"""Writes nobody answered, between flows both ways: our own value is no edit, an edit is none of ours.

The vendor took the write; its answer was lost, or the run died before it read it. Whatever people
do meanwhile goes across as if the answer had come.
"""

from collections.abc import Callable
from typing import Any

import pytest

from connectors.pipedrive import Pipedrive
from pipelines.mailchimp_pipedrive import bodies, writes
from sandbox.mailchimp import merge_values
from tests.pipelines.mailchimp_pipedrive.flow_desk import INTO, OUT, FlowDesk
from tests.pipelines.mailchimp_pipedrive.test_two_flows import MAPPED, settle
from tests.pipelines.mailchimp_pipedrive.test_window import person as of_person
from tests.pipelines.mailchimp_pipedrive.test_window import window
from tests.pipelines.mailigen_pipedrive.desk import CrashedError


@pytest.fixture
def both(desk: FlowDesk) -> Callable[..., tuple[int, str]]:
    """Somebody whom flows of both directions keep in step."""

    def begin(**more: Any) -> tuple[int, str]:
        desk.start(OUT | MAPPED, INTO | MAPPED, **more)
        person, email = desk.untouched()
        settle(desk)
        desk.act("tag", email, tag="Nobody yet")
        settle(desk)
        desk.control("clock", advance_s=60)
        return person, email

    return begin


def names(desk: FlowDesk, email: str) -> tuple[str, str]:
    """(at Pipedrive, at Mailchimp)"""
    (found,) = desk.persons_with(email)
    return found["first_name"], desk.merges(email)["FNAME"]


def dying_after(
    patch: pytest.MonkeyPatch, owner: Any, name: str, first: Callable[[], Any] = lambda: None
) -> None:
    """The next call of this does its work, `first` before it, and the run dies of it."""
    real = getattr(owner, name)

    def call(*given: Any, **named: Any) -> Any:
        patch.setattr(owner, name, real)
        first()
        real(*given, **named)
        raise CrashedError(name)

    patch.setattr(owner, name, call)


ENGAGEMENT_WINS = {"conflicts": {"first_name": "engagement"}}


@pytest.mark.parametrize("rule", [{}, ENGAGEMENT_WINS])
def test_who_is_edited_after_a_run_that_died_keeps_the_edit(
    desk: FlowDesk, both: Callable[..., tuple[int, str]], monkeypatch, rule: dict[str, Any]
) -> None:
    """MC-02, ALL-06: what we wrote to the member is not somebody's edit there."""
    person, email = both(**rule)
    desk.edit(person, first_name="Zelda")
    dying_after(monkeypatch, writes.Members, "_update")
    with pytest.raises(CrashedError):
        desk.run()
    assert names(desk, email) == ("Zelda", "Zelda")
    desk.control("clock", advance_s=5)
    desk.edit(person, first_name="Zoe")
    settle(desk)
    assert names(desk, email) == ("Zoe", "Zoe")


def test_who_is_edited_while_the_write_is_on_its_way_keeps_the_edit(
    desk: FlowDesk, both: Callable[..., tuple[int, str]], monkeypatch
) -> None:
    """MC-02, ALL-06: the member's record is the later one then, and by our own write alone."""
    person, email = both()
    desk.edit(person, first_name="Zelda")

    def meanwhile() -> None:
        desk.edit(person, first_name="Zoe")
        desk.control("clock", advance_s=2)

    dying_after(monkeypatch, writes.Members, "_update", meanwhile)
    with pytest.raises(CrashedError):
        desk.run()
    assert names(desk, email) == ("Zoe", "Zelda")
    settle(desk)
    assert names(desk, email) == ("Zoe", "Zoe")


def test_a_lost_answer_that_the_same_run_looks_up_is_as_good(
    desk: FlowDesk, both: Callable[..., tuple[int, str]]
) -> None:
    """MC-02, ALL-06."""
    person, email = both(**ENGAGEMENT_WINS)
    desk.edit(person, first_name="Zelda")
    desk.fault("lost_answer", "mailchimp", "*/members/*", method="PATCH")
    assert desk.run().outcome == "done"
    desk.control("clock", advance_s=5)
    desk.edit(person, first_name="Zoe")
    settle(desk)
    assert names(desk, email) == ("Zoe", "Zoe")


@pytest.mark.parametrize("flows", [(OUT | MAPPED, INTO | MAPPED), (OUT | MAPPED,)])
@pytest.mark.parametrize("kind", ["lost_request", "late_commit"])
def test_an_edit_that_is_taken_back_before_our_write_arrives_is_taken_back_there_too(
    desk: FlowDesk, flows: tuple[dict[str, Any], ...], kind: str
) -> None:
    """MC-02, ALL-06: the person is as it was, so a plan has nothing to write; our write comes."""
    desk.start(*flows)
    person, email = desk.untouched()
    settle(desk)
    before = names(desk, email)
    desk.horizon = 60
    desk.edit(person, first_name="Zelda")
    desk.fault(kind, "mailchimp", "*/members/*", method="PATCH", delay_s=30, times=9)
    assert desk.run(settle_within=0).outcome == "open"
    desk.clear_faults()

    desk.control("clock", advance_s=5)
    desk.edit(person, first_name=before[0])
    assert desk.run(settle_within=0).outcome == "open"
    desk.control("clock", advance_s=120)
    settle(desk)

    assert names(desk, email) == before


def test_what_we_wrote_to_the_person_is_not_somebodys_edit_there(
    desk: FlowDesk, both: Callable[..., tuple[int, str]], monkeypatch
) -> None:
    """MC-02, ALL-06: the other way round; a tie or a rule would be Pipedrive's."""
    _, email = both(conflicts={"first_name": "crm"})
    desk.act("edit", email, fields={"FNAME": "Zelda"})
    dying_after(monkeypatch, Pipedrive, "update_person")
    with pytest.raises(CrashedError):
        desk.run()
    assert names(desk, email) == ("Zelda", "Zelda")
    desk.control("clock", advance_s=5)
    desk.act("edit", email, fields={"FNAME": "Zoe"})
    settle(desk)
    assert names(desk, email) == ("Zoe", "Zoe")


def test_a_value_the_vendor_spells_anew_does_not_come_back(
    desk: FlowDesk, both: Callable[..., tuple[int, str]], monkeypatch
) -> None:
    """MC-02: nobody edited anything, so nothing but our one write may change."""
    person, email = both()
    real = merge_values.read_value

    def in_capitals(field: Any, value: Any, *more: Any) -> Any:
        kept = real(field, value, *more)
        return kept.upper() if field["tag"] == "FNAME" and isinstance(kept, str) else kept

    monkeypatch.setattr(merge_values, "read_value", in_capitals)
    desk.edit(person, first_name="Zelda")
    dying_after(monkeypatch, writes.Members, "_update")
    with pytest.raises(CrashedError):
        desk.run()
    desk.control("clock", advance_s=5)
    assert settle(desk) == 0
    assert names(desk, email) == ("Zelda", "ZELDA")


def test_an_edit_of_our_unanswered_value_goes_across(
    desk: FlowDesk, both: Callable[..., tuple[int, str]], monkeypatch
) -> None:
    """MC-02: of two fields that went together the one that is as we sent it is ours, alone."""
    person, email = both()
    desk.edit(person, first_name="Zelda", last_name="Zimmer")
    dying_after(monkeypatch, writes.Members, "_update")
    with pytest.raises(CrashedError):
        desk.run()
    desk.control("clock", advance_s=5)
    desk.edit(person, first_name="Zoe")
    desk.control("clock", advance_s=5)
    desk.act("edit", email, fields={"LNAME": "Zander"})
    settle(desk)
    (found,) = desk.persons_with(email)
    assert names(desk, email) == ("Zoe", "Zoe")
    assert (found["last_name"], desk.merges(email)["LNAME"]) == ("Zander", "Zander")


def test_an_edit_while_an_unanswered_person_was_made_goes_across(
    desk: FlowDesk, monkeypatch
) -> None:
    """MC-02, ALL-06: an edit while the request was on its way is not overwritten by it."""
    desk.start(OUT | MAPPED, INTO | MAPPED)
    settle(desk)
    email = "new@acme.example"
    desk.act("add", email, fields={"FNAME": "Zelda", "LNAME": "Zimmer"})
    desk.act("tag", email, tag="Nobody yet")

    def meanwhile() -> None:
        desk.act("edit", email, fields={"FNAME": "Zoe"})
        desk.control("clock", advance_s=2)

    dying_after(monkeypatch, Pipedrive, "add_person", meanwhile)
    with pytest.raises(CrashedError):
        desk.run()
    assert names(desk, email) == ("Zelda", "Zoe")
    (found,) = desk.persons_with(email)
    someone = desk.selected()[0]["custom_fields"]
    desk.edit(found["id"], custom_fields={code: v for code, v in someone.items() if v is not None})
    assert found["id"] in {one["id"] for one in desk.selected()}, "both flows bring it by now"
    settle(desk)
    assert names(desk, email) == ("Zoe", "Zoe")


def test_a_window_leaves_whom_a_dead_sweep_left_in_doubt_to_the_next(
    desk: FlowDesk, both: Callable[..., tuple[int, str]], monkeypatch
) -> None:
    """MC-02, ALL-06: only the sweep's own look tells its value from an edit."""
    person, email = both(**ENGAGEMENT_WINS)
    desk.edit(person, first_name="Zelda")
    dying_after(monkeypatch, writes.Members, "_update")
    with pytest.raises(CrashedError):
        desk.run()
    desk.control("clock", advance_s=5)
    desk.edit(person, first_name="Zoe")
    window(desk, of_person(person))
    assert names(desk, email) == ("Zoe", "Zelda")
    settle(desk)
    assert names(desk, email) == ("Zoe", "Zoe")


@pytest.mark.parametrize(
    ("sent", "shown", "is_ours"),
    [
        ("Zelda", "Zelda", True), ("", "", True), ("Zelda", "ZELDA", True),
        ("+371 2000-0001", "+37120000001", True), ("A" * 60, "A" * 50, True),
        ("Zelda", "Zel", False), ("", "Zoe", False), ("Zelda", "", False), ("Zelda", "Zoe", False),
        ("1.5", "15", False), ("1.50", "1.5", True), ("…", "!", False),
    ],
)  # fmt: skip
def test_a_value_is_known_by_its_letters(sent: str, shown: str, is_ours: bool) -> None:
    """MC-02: as it was sent, spelled anew, or cut at a limit; no shorter name is."""
    assert bodies.came_of(sent, shown) is is_ours
