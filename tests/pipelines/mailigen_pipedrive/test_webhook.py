"""The webhook at Mailigen: made once, changed in place, found again whatever was lost."""

from collections.abc import Callable, Iterator

import pytest

from pipelines.accounts import open_engagement
from pipelines.listening import IN_DOUBT, LOOK_EVERY_S, TRY_AGAIN_S, Removed
from pipelines.mailigen_pipedrive.webhook import accounts_rung_from, remove_webhook
from tests.pipelines.mailigen_pipedrive.desk import CUSTOMERS, QUIET, Desk
from tests.pipelines.mailigen_pipedrive.porch import SECRET, Porch

CREATE, UPDATE, DELETE = (f"/1.8/webhook{verb}" for verb in ("Create", "Update", "Delete"))


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
    second.url = first.url
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


# -- removing it


def remove(porch: Porch) -> Removed:
    known = porch.listening
    with open_engagement(known.settings, known.connections, "engagement", porch.state) as place:
        return remove_webhook(porch.lease, place.client, "acme", "engagement", place.horizon)


def test_the_webhook_is_removed_once_and_nobody_elses_is_touched(
    desk: Desk, open_porch: Callable[..., Porch]
) -> None:
    """ALL-12, ALL-06: a second removal finds nothing and writes nothing; it can be made again"""
    remove_webhooks(desk)
    porch = open_porch()
    porch.look()
    (ours,) = porch.webhooks
    options = {"options[url]": "http://127.0.0.1:1/", "options[events][0]": "contact.subscribe",
               "options[sources][0]": "admin", "options[list_id]": ours["list_id"]}  # fmt: skip
    for title in ("Syncline acme SL-SPRING26", "Syncline acme2 SL-AAAAAAAA", "Shop"):
        desk.mailigen("webhookCreate", title=title, **options)
    assert len(porch.webhooks) == 4
    assert accounts_rung_from(porch.state, "acme") == {"engagement"}
    assert remove(porch) == Removed(ours["id"], "")
    assert sorted(one["title"] for one in porch.webhooks) == [
        "Shop", "Syncline acme SL-SPRING26", "Syncline acme2 SL-AAAAAAAA",
    ]  # fmt: skip
    desk.effects()
    assert remove(porch) == Removed("", "")
    assert desk.effects() == []
    assert accounts_rung_from(porch.state, "acme") == set()
    assert porch.look() == LOOK_EVERY_S
    assert len(porch.webhooks) == 4
    assert accounts_rung_from(porch.state, "acme") == {"engagement"}
    remove_webhooks(desk)


def test_a_webhook_somebody_renamed_is_known_by_its_id(
    desk: Desk, open_porch: Callable[..., Porch]
) -> None:
    """ALL-12"""
    porch = open_porch()
    porch.look()
    (ours,) = porch.webhooks
    desk.mailigen("webhookUpdate", wid=ours["id"], name="title", value="Do not touch")
    assert remove(porch) == Removed(ours["id"], "")
    assert porch.webhooks == []


@pytest.mark.parametrize("is_known", [True, False])
def test_of_two_copies_only_the_one_the_ledger_knows_goes(
    desk: Desk, open_porch: Callable[..., Porch], is_known: bool
) -> None:
    """ALL-12: Mailigen copies the title as well; which one rings here a title cannot say"""
    porch = open_porch()
    porch.look()
    (ours,) = porch.webhooks
    copies = [desk.mailigen("webhookReplicate", wid=ours["id"]) for _ in range(2)]
    if is_known:
        assert remove(porch) == Removed(ours["id"], "")
    else:
        desk.mailigen("webhookDelete", wid=ours["id"])
        removed = remove(porch)
        assert removed.webhook_id == ""
        assert "delete in Mailigen those that are not wanted" in removed.trouble
    assert sorted(one["id"] for one in porch.webhooks) == sorted(copies)
    remove_webhooks(desk)


@pytest.mark.parametrize("kind", ["lost_answer", "lost_request", "late_commit"])
def test_a_removal_whose_answer_was_lost_is_read_back(
    desk: Desk, open_porch: Callable[..., Porch], kind: str
) -> None:
    """ALL-06, ALL-12: gone is gone; what still stands is looked at again after the horizon"""
    porch = open_porch()
    porch.look()
    (ours,) = porch.webhooks
    desk.fault(kind, "mailigen", DELETE, **({"delay_s": 1} if kind == "late_commit" else {}))
    first = remove(porch)
    if kind == "lost_answer":
        assert first == Removed(ours["id"], "")
    else:
        assert first == Removed("", IN_DOUBT)
        desk.control("clock", advance_s=5)
        remove(porch)  # learns the vendor's time
        remove(porch)
    assert porch.webhooks == []


def test_a_removal_mailigen_refuses_is_told_and_tried_again(
    desk: Desk, open_porch: Callable[..., Porch]
) -> None:
    """ALL-12: and what is gone though it was refused is gone"""
    porch = open_porch()
    porch.look()
    (ours,) = porch.webhooks
    refusal = {"error": "not now", "code": 300}
    desk.fault("status", "mailigen", DELETE, status=200, body=refusal)
    assert "not now" in remove(porch).trouble
    assert len(porch.webhooks) == 1
    assert remove(porch) == Removed(ours["id"], "")


def test_listening_again_while_a_removal_is_in_doubt_waits_for_it(
    desk: Desk, open_porch: Callable[..., Porch]
) -> None:
    """ALL-06, ALL-12: else the late removal and the change would meet"""
    porch = open_porch()
    porch.look()
    desk.fault("late_commit", "mailigen", DELETE, delay_s=30)
    remove(porch)
    assert porch.look() == TRY_AGAIN_S
    desk.control("clock", advance_s=35)
    assert porch.look() == LOOK_EVERY_S
    assert [one["url"] for one in porch.webhooks] == [porch.url]
