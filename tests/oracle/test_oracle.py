"""The oracle is quiet about a right state made by hand, and speaks of every wrong one."""

from collections.abc import Callable

import pytest

from tests.oracle import by_hand
from tests.oracle import scenarios as make
from tests.oracle.bench import Bench, definition
from tests.oracle.people import first_address, winners

ALL_TIME = {"count_from": "all_time"}


def activated(bench: Bench) -> None:
    """A right state: seeded history counted, everything done by hand."""
    bench.start(make.everything() | ALL_TIME, people=60)
    before = bench.world()
    bench.oracle.sweep(before, wrote=False)
    by_hand.carry_out(bench, bench.oracle.sweep(before, wrote=True), before)


def test_a_state_made_right_by_hand_is_not_complained_about(bench: Bench) -> None:
    activated(bench)
    assert bench.found() == []
    expected = bench.oracle.expected
    assert expected.activities and expected.deals and expected.notes, "the world is too small"


def test_events_after_the_first_run_count_and_earlier_ones_do_not(bench: Bench) -> None:
    bench.start(make.everything(), people=60)
    before = bench.world()
    person = make.plain(before, on_list=True)[0]
    bench.oracle.sweep(before, wrote=False)
    assert bench.oracle.sweep(before, wrote=True).notes == {}
    for title in make.SEEDED[:3]:
        bench.play("open", title, make.address(before, person), times=2)
    expected = bench.oracle.sweep(bench.world(), wrote=True)
    assert [(key[0], key[-1]) for key in expected.activities] in (
        [("call", person)],
        [("call", person), ("email", person)],
        [("email", person), ("call", person)],
    )
    assert expected.notes[person] >= 3


def missing(bench: Bench) -> None:
    bench.list.call("listMemberDelete", id=bench.seeded.list_id, email_address=somebody(bench))


def stranger(bench: Bench) -> None:
    bench.act("subscribe", "nobody.asked@elsewhere.example")


def misnamed(bench: Bench) -> None:
    bench.act("edit", somebody(bench), fields={"FNAME": "Wrong"})


def resubscribed(bench: Bench) -> None:
    left = next(m for m in bench.seeded.members.values() if m.status == "unsubscribed")
    bench.act("subscribe", left.email)


def twice_active(bench: Bench) -> None:
    kind, owner, person = next(iter(bench.oracle.expected.activities))
    by_hand.add_activity(bench, kind, owner, person)


def noted_once_more(bench: Bench) -> None:
    by_hand.add_note(bench, next(iter(bench.oracle.expected.notes)), "by hand, number 0")


def person_edited(bench: Bench) -> None:
    make.edit(bench, make.plain(bench.seeded)[0], job_title="Changed by the sync")


def mailed(bench: Bench) -> None:
    bench.list.call(
        "listUnsubscribe", id=bench.seeded.list_id, email_address=somebody(bench),
        send_goodbye="true", send_notify="false",
    )  # fmt: skip


def somebody(bench: Bench) -> str:
    rows = bench.oracle.expected.rows.items()
    return next(address for address, row in rows if row.presence == "subscribed")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (missing, "is missing from the list"),
        (stranger, "is on the list as subscribed and should not be"),
        (misnamed, "FNAME is 'Wrong' and should be"),
        (resubscribed, "is subscribed and"),
        (twice_active, "activity (type, owner, person)"),
        (noted_once_more, "notes that say the same"),
        (person_edited, "changed during the run"),
        (mailed, "a goodbye mail went to"),
    ],
)
def test_every_wrong_state_is_told_in_a_sentence(
    bench: Bench, spoil: Callable[[Bench], None], said: str
) -> None:
    activated(bench)
    spoil(bench)
    assert any(said in sentence for sentence in bench.found()), bench.found()


def test_the_winner_of_a_shared_address_is_the_one_contacted_last(bench: Bench) -> None:
    bench.start(definition(make.customers()), people=60)
    one = make.add_person(bench, "One Twin", "twin@example.org")
    two = make.add_person(bench, "Two Twin", "TWIN@example.org")
    world = bench.world()
    assert first_address(world.persons[two]) == "twin@example.org"
    assert winners(world, {"b": [one, two]})["twin@example.org"] == one
    make.call_made(bench, two)
    assert winners(bench.world(), {"b": [one, two]})["twin@example.org"] == two
