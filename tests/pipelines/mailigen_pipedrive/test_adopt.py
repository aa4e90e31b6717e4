"""The state database was lost: `adopt` rebuilds it, and the run after it does no harm (ALL-14).

What may be lost with it, in turn: the history, the keep file, the key of its hashes.
"""

import pytest

from pipelines import kept
from state import bots, keep
from tests.pipelines.mailigen_pipedrive.desk import (
    CONSENT,
    CUSTOMERS,
    CrashedError,
    Desk,
    crash_after,
)
from tests.pipelines.mailigen_pipedrive.losses import KINDS, adopt, busy, lose, quiet

pytestmark = pytest.mark.slow  # whole lives of a sync, lost and adopted
PHONES = {
    "id": "phones",
    "contacts": {"filter": "Everyone with a phone"},
    "consent": CONSENT,
    "activities": [
        {"id": "third", "after": 1, "event": "click", "type": "task", "repeat": "every"}
    ],
    "notes": ["click"],
}
LOSSES = {
    "the state alone": (),
    "the history too": ("history",),
    "the keep file too": ("keep",),
    "history and keep file": ("history", "keep"),
    "the consent key": ("key",),
}


@pytest.mark.parametrize("lost", LOSSES.values(), ids=LOSSES.keys())
def test_after_an_adoption_the_next_run_writes_nothing(fresh: Desk, lost: tuple[str, ...]) -> None:
    """ALL-14: whatever else was lost, nothing is doubled and nothing is written again."""
    person, email = busy(fresh)
    lose(fresh, *lost)

    adopted = adopt(fresh)

    assert (adopted.references, adopted.recognised, adopted.unexplained) == (3, 3, [])
    quiet(fresh)
    fresh.play("open", email)
    fresh.play("click", email)
    fresh.run()
    assert [len(fresh.ours(kind, person)) for kind in KINDS] == [1, 1, 1]


@pytest.mark.parametrize("lost", [(), ("history", "keep")], ids=["state", "all"])
def test_two_bots_and_several_crossings_are_recognised_each(
    fresh: Desk, lost: tuple[str, ...]
) -> None:
    """ALL-14, MG-17, MG-18: one person's third click of a repeating rule, noted by link."""
    fresh.start(CUSTOMERS, PHONES, people=40)
    fresh.settle()
    person, email = fresh.person(on_list=True)
    fresh.edit(person, phones=[{"value": "+371 20000001", "primary": True, "label": "work"}])
    for _ in range(3):
        fresh.play("click", email)
        fresh.settle()
    before = [len(fresh.ours(kind, person)) for kind in KINDS]
    lose(fresh, *lost)

    adopted = adopt(fresh)

    assert (adopted.recognised, adopted.unexplained) == (sum(before), [])
    quiet(fresh)
    if not lost:
        fresh.play("click", email)
        fresh.settle()
        assert [len(fresh.ours(kind, person)) for kind in KINDS] == [before[0] + 1, *before[1:]]


@pytest.mark.parametrize("lost", [(), ("history",), ("keep",)], ids=["state", "history", "keep"])
def test_a_moved_and_a_merged_contact_fire_nothing_again(
    fresh: Desk, lost: tuple[str, ...]
) -> None:
    """ALL-14, MG-18: what a contact did under a former address is still its own."""
    fresh.start(CUSTOMERS, people=60)
    fresh.settle()
    (mover, moved), (joiner, joined), (host, shared) = (fresh.person(on_list=True) for _ in "abc")
    for email in (moved, joined, shared):
        fresh.play("open", email)
    fresh.settle()
    fresh.readdress(mover, "moved.here@acme.example")
    fresh.readdress(joiner, shared)
    fresh.delete_person(host)
    fresh.settle()
    fresh.control("clock", advance_s=5)
    fresh.settle()
    ours = [len(fresh.ours("activities", one)) for one in (mover, joiner)]
    lose(fresh, *lost)

    adopted = adopt(fresh)

    assert adopted.unexplained == []
    quiet(fresh)
    fresh.play("open", "moved.here@acme.example")
    fresh.play("open", shared)
    fresh.run()
    assert [len(fresh.ours("activities", one)) for one in (mover, joiner)] == ours
    assert fresh.member(moved) is None


def test_who_left_is_not_subscribed_again_though_only_the_keep_file_knows(fresh: Desk) -> None:
    """ALL-08, ALL-14: gone from the list, under the old address and a new one."""
    fresh.start(CUSTOMERS, people=40)
    fresh.settle()
    (_, first), (changed, second) = (fresh.person(on_list=True) for _ in "ab")
    for email in (first, second):
        fresh.act("unsubscribe", email)
    fresh.settle()
    fresh.act("remove", first)
    fresh.act("remove", second)
    fresh.readdress(changed, "another@acme.example")
    fresh.control("clock", advance_s=fresh.horizon + 1)  # what was just written counts as there
    fresh.settle()
    fresh.add_person("Came Since", "came.since@acme.example")
    lose(fresh, "history")

    adopted = adopt(fresh)

    assert adopted.has_keep
    fresh.settle()
    assert [fresh.member(e) for e in (first, "another@acme.example")] == [None, None]
    assert fresh.member("came.since@acme.example") is not None, "the others may join"


def test_a_keep_file_made_anew_vouches_for_who_left_before_it_was_lost(fresh: Desk) -> None:
    """ALL-08, ALL-14: the database still knew them when the next run began another file."""
    email = left_and_gone(fresh)
    keep.keep_path(fresh.home).unlink()
    fresh.settle()
    lose(fresh, "history")

    adopted = adopt(fresh)

    assert adopted.has_keep
    fresh.settle()
    assert fresh.member(email) is None


def test_a_keep_file_made_anew_after_its_key_was_lost_vouches_for_nobody(fresh: Desk) -> None:
    """ALL-08, ALL-14: the database's hashes are by a key that nobody has any more."""
    left_and_gone(fresh)
    keep.keep_path(fresh.home).unlink()
    (fresh.home / "consent.key").unlink()
    fresh.run()
    lose(fresh)

    adopted = adopt(fresh)

    assert not adopted.has_keep
    assert adopted.barred > 0


def left_and_gone(desk: Desk) -> str:
    """Somebody left and was then taken off the list, so that only we know of it."""
    desk.start(CUSTOMERS, people=40)
    desk.settle()
    _, email = desk.person(on_list=True)
    desk.act("unsubscribe", email)
    desk.settle()
    desk.act("remove", email)
    for _ in "ab":  # the first run sees it, the second knows it was removed
        desk.settle()
    return email


def test_a_persons_last_word_on_a_doubt_is_the_one_that_counts(tmp_path) -> None:
    """ALL-14: what was said to have happened and then sent again is not taken for done."""
    word = {"sync": "acme", "remote_id": "7"}
    for key, verdict in (("a", "happened"), ("b", "happened"), ("a", "send again")):
        keep.append(tmp_path, "settled", [word | {"write_key": key, "verdict": verdict}])

    read = kept.read(tmp_path, "acme", "crm", "engagement", key=b"k" * 32)

    assert read.settled == {"b": "7"}


def test_without_the_keep_file_nobody_off_the_list_is_put_on_it(fresh: Desk) -> None:
    """ALL-14: nobody can vouch for who is not there; bots ask before they start again."""
    fresh.start(CUSTOMERS, people=40)
    fresh.settle()
    _, email = fresh.person(on_list=True)
    fresh.act("unsubscribe", email)
    fresh.settle()
    fresh.act("remove", email)
    fresh.add_person("Came Since", "came.since@acme.example")
    lose(fresh, "keep")

    adopted = adopt(fresh)

    assert adopted.barred > 0
    assert adopted.bots == {"customers": "new"}
    fresh.wanted["guards"] = {"first_activation": "ask"}
    assert fresh.run().outcome == "guarded"
    fresh.approve()
    outcome = fresh.run()
    assert fresh.effects() == []
    assert "was not on the list when the lost state was rebuilt" in outcome.skipped
    fresh.add_person("Came After", "came.after@acme.example")
    fresh.settle()
    assert fresh.member("came.after@acme.example") is not None
    fresh.act("subscribe", email)
    fresh.settle()
    again = fresh.member(email)
    assert again is not None and again["merges"]["SOURCE"] == "Pipedrive|customers"


@pytest.mark.parametrize("lost", [(), ("history",), ("keep",)], ids=["state", "history", "keep"])
def test_what_somebody_deleted_at_the_vendor_is_not_made_again(
    fresh: Desk, lost: tuple[str, ...]
) -> None:
    """ALL-14: no reference is left to recognise it by."""
    person, email = busy(fresh)
    for kind, version in (("activities", "api/v2"), ("notes", "v1"), ("deals", "api/v2")):
        (thing,) = fresh.ours(kind, person)
        fresh.crm.delete(f"/{version}/{kind}/{thing['id']}").raise_for_status()
    lose(fresh, *lost)

    adopt(fresh)

    quiet(fresh)
    for _ in range(3):
        fresh.play("open", email)
        fresh.play("click", email, times=2)
    fresh.settle()
    assert [fresh.ours(kind, person) for kind in KINDS] == [[], [], []]


def test_what_happened_meanwhile_is_written_once_by_the_next_run(fresh: Desk) -> None:
    """ALL-14: events, a changed name, a new address and somebody deleted, none of them lost."""
    busy(fresh)
    (opener, opened), (named, _), (moving, old), (_, gone) = (
        fresh.person(on_list=True) for _ in "abcd"
    )
    deleted = next(p["id"] for p in fresh.selected() if p["emails"][0]["value"] == gone)
    fresh.play("open", opened)
    fresh.edit(named, first_name="Renamed")
    fresh.readdress(moving, "moving.on@acme.example")
    fresh.delete_person(deleted)
    lose(fresh)

    adopt(fresh)
    outcome = fresh.run()

    assert outcome.outcome == "done", outcome.said
    things = {(effect["object"], effect["id"]) for effect in fresh.effects()}
    assert len(things) == 5, "an activity, a note, a name, a move and a removal"
    assert [len(fresh.ours(kind, opener)) for kind in KINDS] == [1, 0, 1]
    assert [fresh.member(one) for one in (old, gone)] == [None, None]
    assert fresh.member("moving.on@acme.example") is not None
    quiet(fresh)


def test_a_run_cut_off_before_the_loss_is_neither_doubled_nor_lost(fresh: Desk) -> None:
    """ALL-14: of two openers one was written before the process and its database went."""
    fresh.start(CUSTOMERS, people=40)
    fresh.settle()
    openers = [fresh.person(on_list=True) for _ in "ab"]
    for _, email in openers:
        fresh.play("open", email)
    fresh.fault("lost_answer", "pipedrive", "/api/v2/activities", method="POST")
    fresh.fault("lost_request", "pipedrive", "/v1/notes", method="POST")
    with pytest.raises(CrashedError):
        fresh.run(step=crash_after("Load"), settle_within=0)
    fresh.clear_faults()
    fresh.effects()
    lose(fresh)

    adopt(fresh)
    fresh.settle()

    for person, _ in openers:
        assert [len(fresh.ours(kind, person)) for kind in KINDS] == [1, 0, 1]


def test_a_bot_paused_by_hand_comes_back_paused(fresh: Desk) -> None:
    """ALL-14, MG-20: what only the keep file knows of bots."""
    busy(fresh)
    with fresh.state() as state:
        bots.pause(state, "acme", "customers", by="user", reason="paused by the user")
    fresh.settle()
    lose(fresh)

    adopted = adopt(fresh)

    assert adopted.bots == {"customers": "paused"}
    quiet(fresh)
    with fresh.state() as state:
        (bot,) = bots.bots(state, "acme")
    assert (bot.paused_by, bot.counting_since, len(bot.pauses)) == ("user", 1, 1)
