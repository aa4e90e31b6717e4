"""Webhooks only speed things up: what they ring for, what they bar, and what happens without them."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

import httpx
import pytest

from state import consent, lease
from tests.pipelines.mailigen_pipedrive.desk import AT_ONCE, Desk, crash_before
from tests.pipelines.mailigen_pipedrive.porch import SECRET, WAKE_AFTER, Porch

T = TypeVar("T")
HOOKS = "/hooks/*"


@pytest.fixture
def porch(desk: Desk) -> Iterator[Porch]:
    """A listener whose webhook is at Mailigen and which nobody has rung yet."""
    opened = Porch(desk)
    opened.turn()
    opened.turn(1)  # what an earlier test left rings here
    opened.turn(10 * WAKE_AFTER)
    opened.runs.clear()
    yield opened
    opened.close()


def send(porch: Porch, hook: str, email: str, secret: str | None = SECRET) -> int:
    """A delivery as Mailigen would send it; without a secret an unsigned one."""
    the_list = porch.desk.members()[0]["list"]
    body = json.dumps({"hook": hook, "data": [{"list": the_list, "email": email}]}).encode()
    signed = "sha1=" + hmac.new((secret or "").encode(), body, hashlib.sha1).hexdigest()
    headers = {"X-Mailigen-Signature": signed} if secret else {}
    return httpx.post(porch.url, content=body, headers=headers, trust_env=False).status_code


def is_barred(porch: Porch, email: str) -> bool:
    key = consent.read_key(porch.desk.home)
    return bool(consent.in_force(porch.state, "engagement", [email], key=key))


def made_of(desk: Desk, person: int) -> list[int]:
    return [len(desk.ours(kind, person)) for kind in ("activities", "deals", "notes")]


# -- waking


def test_an_opened_mail_rings_and_counts_once_whichever_way_it_came(
    porch: Porch, desk: Desk
) -> None:
    """ALL-12, ALL-06: the wake, a scheduled run and a delivery that comes once more"""
    person, email = desk.person(on_list=True)
    desk.play("open", email)
    porch.turn()
    assert porch.runs == []
    porch.turn(1)
    assert porch.runs == ["done"]
    assert made_of(desk, person) == [1, 0, 1]

    assert desk.run().outcome == "done"
    assert send(porch, "email.open", email) == 200
    porch.turn()
    porch.turn(WAKE_AFTER)
    assert porch.runs == ["done", "done"]
    assert made_of(desk, person) == [1, 0, 1]
    assert porch.waiting == 0


def test_what_rings_together_is_one_run_and_the_next_waits_its_time(
    porch: Porch, desk: Desk
) -> None:
    """ALL-12: doubled and overtaken deliveries as well"""
    desk.fault("double_webhook", "mailigen", HOOKS)
    desk.fault("reorder_webhooks", "mailigen", HOOKS, after=1)
    people = [desk.person(on_list=True) for _ in range(3)]
    for _, email in people:
        desk.play("open", email)
    porch.turn()
    assert porch.waiting == 4
    porch.turn(1)
    assert porch.runs == ["done"]
    assert [made_of(desk, person) for person, _ in people] == [[1, 0, 1]] * 3
    desk.play("click", people[0][1], times=2)
    porch.turn(WAKE_AFTER - 1)
    assert porch.runs == ["done"]
    porch.turn(1)
    assert porch.runs == ["done", "done"]
    assert made_of(desk, people[0][0]) == [1, 1, 1]


def test_with_every_delivery_dropped_the_scheduled_run_does_the_same(
    porch: Porch, desk: Desk
) -> None:
    """ALL-12"""
    desk.fault("drop_webhook", "mailigen", HOOKS, times=100)
    person, email = desk.person(on_list=True)
    desk.play("open", email)
    porch.turn(1)
    assert (porch.runs, porch.waiting) == ([], 0)
    assert desk.run().outcome == "done"
    assert made_of(desk, person) == [1, 0, 1]


def test_our_own_writes_do_not_ring(porch: Porch, desk: Desk) -> None:
    """ALL-12: no loop"""
    desk.add_person("Nora New", "nora.new@example.com")
    person, _ = desk.person(on_list=True)
    desk.edit(person, phones=[{"value": "+37120000001", "primary": True, "label": "work"}])
    assert desk.run().outcome == "done"
    assert len(desk.effects()) >= 2
    porch.turn(1)
    assert (porch.runs, porch.waiting) == ([], 0)


def test_a_webhook_that_rings_for_our_own_writes_ends_with_a_run_that_has_nothing_to_do(
    porch: Porch, desk: Desk
) -> None:
    """ALL-12: one of an older setting, or changed by hand"""
    wid = porch.webhooks[0]["id"]
    desk.mailigen(
        "webhookUpdate", wid=wid, name="sources",
        **{"value[0]": "api", "value[1]": "subscriber", "value[2]": "admin"},
    )  # fmt: skip
    desk.add_person("Olga Own", "olga.own@example.com")
    assert desk.run().outcome == "done"
    desk.effects()
    porch.turn(1)
    porch.turn(1)
    assert porch.runs == ["done"]
    assert desk.effects() == []
    porch.turn(10 * WAKE_AFTER)
    assert (porch.runs, porch.waiting) == (["done"], 0)
    assert desk.member("olga.own@example.com") is not None
    desk.mailigen(
        "webhookUpdate", wid=wid, name="sources", **{"value[0]": "subscriber", "value[1]": "admin"}
    )


def test_a_sync_held_by_another_run_is_rung_for_again_afterwards(porch: Porch, desk: Desk) -> None:
    """ALL-12, ALL-13"""
    person, email = desk.person(on_list=True)
    held = lease.acquire(porch.state, "acme", run_id="run-elsewhere")
    desk.play("open", email)
    porch.turn()
    porch.turn(10)
    assert (porch.runs, porch.waiting) == ([], 1)
    lease.release(held)
    porch.turn(10)
    assert porch.runs == ["done"]
    assert made_of(desk, person) == [1, 0, 1]


def test_what_a_killed_listener_had_stored_rings_at_the_next_start(
    porch: Porch, desk: Desk
) -> None:
    """ALL-12, ALL-04"""
    person, email = desk.person(on_list=True)
    desk.play("open", email)
    porch.wait_for_deliveries()
    porch.close()  # stored, and taken in by nobody
    porch.open()
    porch.turn()
    porch.turn(1)
    assert porch.said[0] == "acme: 1 delivery left from before"
    assert (porch.runs, porch.waiting) == (["done"], 0)
    assert made_of(desk, person) == [1, 0, 1]


def test_no_line_names_an_address(porch: Porch, desk: Desk) -> None:
    """ALL-11, ALL-12"""
    _, email = desk.person(on_list=True)
    desk.act("unsubscribe", email)
    desk.play("open", desk.person(on_list=True)[1])
    send(porch, "contact.unsubscribe", email, secret=None)
    porch.turn()
    porch.turn(1)
    assert len(porch.said) == 4
    assert "@" not in "".join(porch.said)


# -- who left


def leave_and_be_removed(porch: Porch, desk: Desk, email: str) -> None:
    """Somebody joins by a form, leaves, and is taken off the list before any run looks."""
    desk.act("subscribe", email)
    desk.act("unsubscribe", email)
    desk.act("remove", email)
    porch.turn()


def test_who_unsubscribed_and_was_removed_before_any_run_is_never_subscribed(
    porch: Porch, desk: Desk
) -> None:
    """ALL-08, ALL-12"""
    leave_and_be_removed(porch, desk, "lena.left@example.com")
    assert "acme: 1 unsubscribed, barred at once" in porch.said
    desk.add_person("Lena Left", "lena.left@example.com")
    assert desk.run().outcome == "done"
    assert desk.member("lena.left@example.com") is None
    kept = (desk.home / "keep.jsonl").read_text()
    assert "webhook contact.unsubscribe" in kept
    assert "lena.left" not in kept


def test_without_the_webhook_nobody_could_know(porch: Porch, desk: Desk) -> None:
    """ALL-12: the test above can fail"""
    desk.fault("drop_webhook", "mailigen", HOOKS, times=100)
    leave_and_be_removed(porch, desk, "dora.dropped@example.com")
    desk.add_person("Dora Dropped", "dora.dropped@example.com")
    assert desk.run().outcome == "done"
    assert desk.member("dora.dropped@example.com") is not None


@pytest.mark.parametrize("secret", [None, "somebody else's word"])
def test_an_unsubscription_nobody_signed_does_nothing(
    porch: Porch, desk: Desk, secret: str | None
) -> None:
    """ALL-12: else anybody could take people off the list"""
    _, email = desk.person(on_list=True)
    assert send(porch, "contact.unsubscribe", email, secret) == 401
    porch.turn(1)
    assert not is_barred(porch, email)
    assert (porch.runs, porch.waiting) == ([], 0)


def test_a_subscription_that_was_signed_lifts_nothing_by_itself(porch: Porch, desk: Desk) -> None:
    """ALL-08, ALL-12: the list says who is subscribed, and a sweep reads it"""
    _, email = desk.person(on_list=True)
    desk.act("unsubscribe", email)
    porch.turn()
    assert is_barred(porch, email)
    assert send(porch, "contact.subscribe", email) == 200
    porch.turn()
    assert is_barred(porch, email)
    porch.turn(1)
    assert porch.runs == ["done"]
    assert is_barred(porch, email)
    desk.act("subscribe", email)
    desk.horizon = AT_ONCE
    porch.turn()
    porch.turn(WAKE_AFTER)
    assert porch.runs == ["done", "done"]
    assert not is_barred(porch, email)


def test_who_left_another_list_is_not_barred_from_this_one(porch: Porch, desk: Desk) -> None:
    """ALL-08"""
    _, email = desk.person(on_list=True)
    body = json.dumps({"hook": "contact.unsubscribe", "data": [{"list": "x", "email": email}]})
    signed = "sha1=" + hmac.new(SECRET.encode(), body.encode(), hashlib.sha1).hexdigest()
    headers = {"X-Mailigen-Signature": signed}
    assert httpx.post(porch.url, content=body, headers=headers, trust_env=False).is_success
    porch.turn()
    assert not is_barred(porch, email)


@pytest.mark.parametrize("was_out_before", [False, True])
def test_who_leaves_while_a_run_reads_the_list_stays_barred(
    porch: Porch, desk: Desk, was_out_before: bool
) -> None:
    """ALL-08, ALL-12: that run still reads them as subscribed, and must lift nothing"""
    email = f"rita.{was_out_before}@example.com".lower()
    desk.act("subscribe", email)
    if was_out_before:  # an old bar stands, and the run reads that they came back
        desk.act("unsubscribe", email)
        porch.turn()
        desk.act("subscribe", email)

    def leave_after_reading(name: str, stage: Callable[..., T], *args: Any) -> T:
        result = stage(*args)
        if name == "Extract the list":
            desk.act("unsubscribe", email)
            porch.wait_for_deliveries()
            porch.loop._take_in()
            desk.act("remove", email)
        return result

    assert desk.run(step=leave_after_reading).outcome == "done"
    assert is_barred(porch, email)
    desk.add_person("Rita Race", email)
    assert desk.run().outcome == "done"
    assert desk.member(email) is None


def test_who_is_barred_between_plan_and_write_is_not_put_on_the_list(
    porch: Porch, desk: Desk
) -> None:
    """ALL-08, ALL-12"""
    email = "petra.planned@example.com"
    desk.add_person("Petra Planned", email)

    def leave_before_the_write(name: str, stage: Callable[..., T], *args: Any) -> T:
        if name == "Load":
            desk.act("subscribe", email)
            desk.act("unsubscribe", email)
            porch.wait_for_deliveries()
            porch.loop._take_in()
            desk.act("remove", email)
        return stage(*args)

    assert desk.run(step=leave_before_the_write).outcome == "open"
    assert desk.member(email) is None
    assert desk.run().outcome == "done"
    assert desk.member(email) is None


def test_a_sync_that_waits_for_an_approval_is_not_woken(porch: Porch, desk: Desk) -> None:
    """ALL-07, ALL-12: each further run would replace what there is to approve"""
    before = desk.wanted
    desk.wanted = before | {"guards": {"max_creates": 0, "max_create_share": 0}}
    people = [desk.person(on_list=True) for _ in range(2)]
    desk.play("open", people[0][1])
    assert desk.run().outcome == "guarded"
    desk.play("open", people[1][1])
    porch.turn()
    porch.turn(10 * WAKE_AFTER)
    assert porch.runs == []
    (told,) = [line for line in porch.said if "not woken until approved" in line]
    assert "or until `syncline run acme` or the schedule meets no guard any more" in told
    desk.approve()
    porch.turn(10)
    assert len(porch.runs) == 1
    assert made_of(desk, people[0][0]) == [1, 0, 1]
    desk.wanted = before
    desk.settle()


def test_a_bar_set_by_a_killed_listener_is_not_set_again_after_it_was_lifted(
    porch: Porch, desk: Desk
) -> None:
    """ALL-08: what was taken in is not taken in again, though its run never ended"""
    _, email = desk.person(on_list=True)
    desk.act("unsubscribe", email)
    porch.step = crash_before("Load")
    porch.turn()
    desk.act("subscribe", email)
    desk.horizon = AT_ONCE
    assert desk.run().outcome == "done"
    assert not is_barred(porch, email)
    porch.turn()
    assert not is_barred(porch, email)


def test_a_bar_is_dated_anew_only_where_it_stands(porch: Porch, desk: Desk) -> None:
    """ALL-08"""
    key = consent.read_key(desk.home)
    who = ["dana.dated@example.com", "nobody.dated@example.com"]
    seen = [consent.Seen(who[0], "bounced", "test")]
    consent.record(porch.state, "engagement", seen, key=key, home=desk.home)
    (before,) = consent.in_force(porch.state, "engagement", who, key=key)
    assert consent.left_again(porch.state, "engagement", who, key=key, home=None) == 1
    (after,) = consent.in_force(porch.state, "engagement", who, key=key)
    assert after.kind == "bounced"
    assert timedelta(0) < after.first_seen_at - before.first_seen_at < timedelta(minutes=1)
