"""The life of a listener: files edited while it listens, a sync that goes, times without any."""

from dataclasses import replace

from tests.pipelines.mailigen_pipedrive.desk import QUIET, Desk
from tests.pipelines.mailigen_pipedrive.porch import Porch
from tests.pipelines.mailigen_pipedrive.test_listening import (
    made_of,
    porch,
    send,
)

__all__ = ["porch"]


# -- the files are edited while it listens


def test_a_bot_that_counts_clicks_by_now_reaches_the_webhook_without_a_restart(
    porch: Porch, desk: Desk
) -> None:
    """ALL-12: and a mistake in the file keeps what it said before, told once"""
    before = desk.wanted
    try:
        desk.wanted = before | {"bots": [QUIET]}
        porch.turn()
        events = {"contact.subscribe", "contact.unsubscribe", "email.change"}
        assert set(porch.webhooks[0]["events"]) == events
        porch.mistake = "acme.yaml:3: `after` is missing"
        desk.wanted = before
        porch.turn()
        assert porch.look() == porch.look()
        assert set(porch.webhooks[0]["events"]) == events
        assert sum("acme.yaml:3" in line for line in porch.said) == 1
        porch.mistake = ""
        porch.turn()
        assert {"email.open", "email.click"} <= set(porch.webhooks[0]["events"])
        assert porch.said[-1] == "acme: its files are in order again"
    finally:
        desk.wanted, porch.mistake = before, ""


def test_another_secret_is_given_to_mailigen_and_the_former_is_good_meanwhile(
    porch: Porch, desk: Desk
) -> None:
    """ALL-12: what was on its way, signed with the former, is not refused"""
    _, email = desk.person(on_list=True)
    new = "another secret, long enough"
    porch.listening.settings = replace(
        porch.listening.settings, environ=porch.listening.settings.environ | {"HOOK_SECRET": new}
    )
    porch.look()
    assert porch.webhooks[0]["secret_key"] == new
    assert send(porch, "email.open", email) == send(porch, "email.open", email, new) == 200
    porch.look()
    assert send(porch, "email.open", email) == 401
    assert send(porch, "email.open", email, new) == 200


def test_a_sync_no_file_lists_is_left_and_its_webhook_removed(porch: Porch, desk: Desk) -> None:
    """ALL-12, MG-20: at the second look: an editor may be replacing the file"""
    _, email = desk.person(on_list=True)
    before, desk.wanted = desk.wanted, {}
    try:
        porch.turn()
        assert "no file lists it" in porch.said[-1]
        assert len(porch.webhooks) == 1
        desk.play("open", email)
        porch.turn(10)
        assert porch.runs == []
        desk.fault("status", "mailigen", "/1.8/webhookDelete", status=500, body={})
        porch.turn(60)
        assert len(porch.webhooks) == 1
        assert "not removed, tried again in 5 minutes" in porch.said[-1]
        desk.control("clock", advance_s=5)
        porch.turn(300)
        porch.turn(300)
        assert (porch.webhooks, porch.waiting) == ([], 0)
        assert porch.said[-1] == "nobody is left to listen for: ending"
    finally:
        desk.wanted = before


def test_a_file_that_is_back_within_a_minute_was_never_gone(porch: Porch, desk: Desk) -> None:
    """ALL-12"""
    before, desk.wanted = desk.wanted, {}
    porch.turn()
    desk.wanted = before
    porch.turn(60)
    porch.turn(60)
    assert len(porch.webhooks) == 1
    person, email = desk.person(on_list=True)
    desk.play("open", email)
    porch.turn(1)
    porch.turn(1)
    assert porch.runs[-1:] == ["done"]
    assert made_of(desk, person) == [1, 0, 1]


# -- nobody listens


def test_a_run_takes_in_what_came_while_nobody_listened_and_drops_it(
    porch: Porch, desk: Desk
) -> None:
    """ALL-08, ALL-11, ALL-12: in time for its own plan; one that failed drops nothing"""
    desk.act("subscribe", "lara.late@example.com")
    porch.wait_for_deliveries()
    desk.act("unsubscribe", "lara.late@example.com")
    porch.wait_for_deliveries()
    assert porch.waiting == 2
    desk.act("remove", "lara.late@example.com")
    desk.add_person("Lara Late", "lara.late@example.com")
    porch.close()
    desk.fault("status", "mailigen", "/1.8/listMembers", status=500, body={}, times=50)
    assert desk.run().outcome == "failed"
    desk.clear_faults()
    porch.open()
    assert porch.waiting == 2
    porch.close()
    assert desk.run().outcome == "done"
    assert desk.member("lara.late@example.com") is None
    porch.open()
    assert porch.waiting == 0


def test_a_run_leaves_to_the_listener_what_is_the_listeners(porch: Porch, desk: Desk) -> None:
    """ALL-12"""
    desk.play("open", desk.person(on_list=True)[1])
    porch.wait_for_deliveries()
    assert desk.run().outcome == "done"
    assert porch.waiting == 1
