"""The webhook at Mailigen: made once, changed in place, found again whatever was lost."""

from collections.abc import Callable, Iterator

import pytest

from pipelines.mailigen_pipedrive.webhook import LOOK_EVERY_S, TRY_AGAIN_S
from tests.pipelines.mailigen_pipedrive.desk import CUSTOMERS, QUIET, Desk
from tests.pipelines.mailigen_pipedrive.porch import SECRET, Porch

CREATE, UPDATE = "/1.8/webhookCreate", "/1.8/webhookUpdate"


@pytest.fixture
def open_porch(desk: Desk) -> Iterator[Callable[..., Porch]]:
    """Open a listener; it takes the place of the one before."""
    opened: list[Porch] = []

    def open_one(secret: str = SECRET) -> Porch:
        if opened:
            opened.pop().close()
        opened.append(Porch(desk, secret))
        return opened[-1]

    yield open_one
    opened.pop().close()


def remove_webhooks(desk: Desk) -> None:
    for webhook in desk.book("mailigen", "webhooks"):
        desk.mailigen("webhookDelete", wid=webhook["id"])


def test_one_webhook_is_made_for_what_the_bots_use_and_never_for_our_own_writes(
    desk: Desk, open_porch: Callable[..., Porch]
) -> None:
    """ALL-12, ALL-06: a second look, and a second process at the same address, write nothing"""
    remove_webhooks(desk)
    porch = open_porch()
    assert porch.look() == LOOK_EVERY_S
    (webhook,) = porch.webhooks
    assert webhook["url"] == porch.url
    assert webhook["secret_key"] == SECRET
    assert webhook["sources"] == ["subscriber", "admin"]
    assert set(webhook["events"]) == {
        "contact.subscribe", "contact.unsubscribe", "email.change", "email.open", "email.click",
        "email.bounce",
    }  # fmt: skip
    assert webhook["list_id"] == desk.members()[0]["list"]
    assert webhook["title"].startswith("Syncline acme SL-")
    desk.effects()
    assert porch.look() == LOOK_EVERY_S
    assert desk.effects() == []
    assert porch.said == [f"acme: Mailigen rings at {porch.url}"]


def test_another_address_or_secret_changes_the_webhook_in_place(
    desk: Desk, open_porch: Callable[..., Porch]
) -> None:
    """ALL-12: also back to what it was before"""
    first = open_porch()
    first.look()
    (made,) = first.webhooks
    second = open_porch()
    assert second.url != first.url
    second.look()
    (moved,) = second.webhooks
    assert (moved["id"], moved["url"]) == (made["id"], second.url)
    assert moved["title"] != made["title"]
    second.listening.url = first.url
    second.look()
    assert second.webhooks[0]["url"] == first.url
    third = open_porch("another secret, long enough")
    third.look()
    (resecreted,) = third.webhooks
    assert (resecreted["id"], resecreted["secret_key"]) == (
        made["id"], "another secret, long enough",
    )  # fmt: skip


def test_a_webhook_somebody_deleted_is_made_again(
    desk: Desk, open_porch: Callable[..., Porch]
) -> None:
    """ALL-12"""
    porch = open_porch()
    porch.look()
    remove_webhooks(desk)
    porch.look()
    assert [one["url"] for one in porch.webhooks] == [porch.url]


@pytest.mark.parametrize("kind", ["lost_answer", "late_commit"])
def test_a_webhook_whose_answer_was_lost_is_found_by_its_title_and_not_made_twice(
    desk: Desk, open_porch: Callable[..., Porch], kind: str
) -> None:
    """ALL-06, ALL-12"""
    remove_webhooks(desk)
    porch = open_porch()
    desk.fault(kind, "mailigen", CREATE, **({"delay_s": 1} if kind == "late_commit" else {}))
    assert porch.look() == TRY_AGAIN_S
    assert "no webhook yet" in porch.said[-1]
    desk.control("clock", advance_s=1)
    assert porch.look() == LOOK_EVERY_S
    assert [one["url"] for one in porch.webhooks] == [porch.url]


def test_a_webhook_that_never_arrived_is_made_after_the_horizon(
    desk: Desk, open_porch: Callable[..., Porch]
) -> None:
    """ALL-06, ALL-12"""
    remove_webhooks(desk)
    porch = open_porch()
    desk.fault("lost_request", "mailigen", CREATE)
    porch.look()
    desk.control("clock", advance_s=5)
    porch.look()  # learns the vendor's time, too early by the old one perhaps
    assert porch.look() == LOOK_EVERY_S
    assert len(porch.webhooks) == 1


@pytest.mark.parametrize("after", [0, 2, 5])
def test_a_change_whose_answer_was_lost_is_finished(
    desk: Desk, open_porch: Callable[..., Porch], after: int
) -> None:
    """ALL-06, ALL-12: the title is set last, so it proves the rest"""
    open_porch().look()
    porch = open_porch("another secret, long enough" if after else SECRET)
    desk.fault("lost_answer", "mailigen", UPDATE, after=after)
    assert porch.look() == TRY_AGAIN_S
    assert desk.faults_fired() == 1
    desk.control("clock", advance_s=5)
    porch.look()
    assert porch.look() == LOOK_EVERY_S
    (webhook,) = porch.webhooks
    assert webhook["url"] == porch.url


def test_a_refused_webhook_is_told_without_its_secret(
    desk: Desk, open_porch: Callable[..., Porch]
) -> None:
    """ALL-11, ALL-12: and is made once the vendor takes it"""
    remove_webhooks(desk)
    porch = open_porch()
    refusal = {"error": f"secret_key {SECRET} is not good enough", "code": 300}
    desk.fault("status", "mailigen", CREATE, status=200, body=refusal)
    assert porch.look() == TRY_AGAIN_S
    assert "*** is not good enough" in porch.said[-1]
    assert porch.look() == LOOK_EVERY_S
    assert SECRET not in "".join(porch.said)


def test_after_a_lost_state_the_webhook_that_is_there_is_taken_over(fresh: Desk) -> None:
    """ALL-12, ALL-14: it would ring beside a new one"""
    fresh.start(QUIET, people=20).settle()
    for name in ("first", "second"):
        fresh.home = fresh.home.parent / name
        fresh.run(full=True)
        porch = Porch(fresh)
        porch.look()
        (webhook,) = porch.webhooks
        assert webhook["url"] == porch.url
        porch.close()
    assert set(webhook["events"]) == {"contact.subscribe", "contact.unsubscribe", "email.change"}


def test_before_the_first_run_nobody_is_asked(fresh: Desk) -> None:
    """ALL-12: which list it is, a run finds out"""
    fresh.start(CUSTOMERS, people=20)
    porch = Porch(fresh)
    assert porch.look() == 60
    assert "after the first" in porch.said[-1]
    assert fresh.journal() == []
    porch.close()
