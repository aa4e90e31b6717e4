"""Scenarios with `syncline listen` beside the sync, and what must not pass in a random history."""

from collections.abc import Iterator

import pytest

from tests.oracle import ringing
from tests.oracle import scenarios as make
from tests.oracle.bench import Bench, definition
from tests.oracle.histories import Features, History
from tests.oracle.listener import Listener

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Deaf(Listener):
    """Somebody deletes the webhook at the vendor: nothing rings any more."""

    def hold(self) -> None:
        super().hold()
        for webhook in self._bench.list.call("webhooks"):
            self._bench.list.call("webhookDelete", wid=str(webhook["id"]))


@pytest.fixture
def listener(bench: Bench) -> Iterator[Listener]:
    begun = Listener(bench)
    yield begun
    begun.kill()


def test_who_left_and_was_taken_off_before_any_run_looked_is_not_put_on_the_list(
    bench: Bench, listener: Listener
) -> None:
    """ALL-08, ALL-12: only the webhook ever told that this member had left."""
    bench.start(definition(make.customers()))
    bench.activate()
    person = next(
        i for i in make.outsiders(bench.seeded)
        if make.address(bench.seeded, i) in bench.seeded.members
        and bench.seeded.members[make.address(bench.seeded, i)].status == "subscribed"
    )  # fmt: skip
    email = make.address(bench.seeded, person)
    listener.begin()
    listener.hold()
    bench.act("unsubscribe", email)
    bench.act("remove", email)
    bench.oracle.told_of_leaving(email)
    make.put_in_tier(bench, bench.seeded, person, "Gold")
    before = bench.world()
    assert listener.let_ring() >= 1
    assert listener.ending() == "done"
    bench.oracle.sweep(before, wrote=True)
    bench.check()
    assert email not in bench.world().members
    listener.hold()
    bench.act("subscribe", email)
    before = bench.world()
    assert listener.let_ring() == 1
    assert listener.ending() == "done"
    bench.oracle.sweep(before, wrote=True)
    bench.check()
    listener.end()


def test_a_doorbell_that_is_late_and_rings_twice_counts_nothing_again(
    bench: Bench, listener: Listener
) -> None:
    """MG-18, ALL-12: an event counts once, whichever way it came."""
    bench.start(definition(make.customers(activities=[make.warm(2, "click", repeat="every")])))
    bench.activate()
    email = make.address(bench.seeded, make.plain(bench.seeded, on_list=True)[0])
    listener.begin()
    listener.hold()
    bench.control("faults", vendor="mailigen", path="/hooks/", kind="double_webhook", times=9)
    bench.play("click", make.STORY, email, times=2)
    bench.settle()
    before, start = bench.world(), bench.seq()
    assert listener.let_ring() == 2
    assert listener.ending() == "done"
    bench.oracle.sweep(before, wrote=True)
    bench.check()
    assert not bench.effects(start)
    listener.end()


def test_a_history_with_webhooks_in_which_nothing_rings_is_no_history(bench: Bench) -> None:
    """ALL-12: were no delivery ever received, the comparison would still agree."""
    history = History(bench, 3, Features(webhooks=True))
    history.listener = Deaf(bench)
    with pytest.raises(AssertionError, match="nothing rang"):
        history.live_through(rounds=1, acts=2)


def test_a_run_that_a_delivery_wakes_is_followed_like_any_other(bench: Bench) -> None:
    """MG-18, ALL-12."""
    history = History(bench, 4, Features(webhooks=True))
    history.settle()
    ran = bench.oracle.n
    history.listener.begin()
    history.listener.hold()
    email = history.contact()
    bench.play("click", make.STORY, email)
    try:
        ringing.rung(history)
        history.listener.end()
    finally:
        history.listener.kill()
    assert (history.listener.woken, bench.oracle.n) == (1, ran + 1)
