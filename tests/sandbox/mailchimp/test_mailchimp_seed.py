"""The seeded Mailchimp: who is on which list, and that one seed gives one world."""

import copy
import pickle
from collections import Counter

from mailchimp_desk import Desk, hash_of
from mailigen_desk import StandingClock

from sandbox.mailchimp import MailchimpVendor
from sandbox.population import populate
from sandbox.world import World


def nobody(*_: object) -> None:
    """Hears of effects and deliveries, and can be pickled."""


def test_one_seed_gives_the_same_books_twice(desk: Desk) -> None:
    other, another = Desk(), Desk(seed=8)
    for name in desk.vendor.books:
        assert other.book(name) == desk.book(name)
    assert another.book("members") != desk.book("members")


def test_reading_shifts_no_ids_of_what_is_written_later(desk: Desk) -> None:
    other = Desk()
    for path in ("/lists", "/search-members?query=example", "/nowhere"):
        desk.send("GET", path)
    assert desk.add("ann@x.lv")["contact_id"] == other.add("ann@x.lv")["contact_id"]


def test_about_three_in_ten_are_on_the_newsletter_in_every_status() -> None:
    """ALL-08"""
    desk = Desk(people=1000)
    members = [m for m in desk.book("members") if m["list_id"] == desk.list_id]
    assert 250 <= len(members) <= 350
    statuses = Counter(m["status"] for m in members)
    assert set(statuses) == {
        "subscribed", "unsubscribed", "cleaned", "archived", "pending", "transactional",
    }  # fmt: skip
    assert statuses["subscribed"] > 0.85 * len(members)
    known = {a.value.lower() for p in populate(7, 1000) for a in p.emails}
    strangers = [m for m in members if m["email_address"].lower() not in known]
    assert 0.02 <= len(strangers) / len(members) <= 0.09
    assert {m["left_by"] for m in members} >= {"person", "api", "abuse", "bounce"}


def test_partners_is_small_and_asks_for_a_double_optin(desk: Desk) -> None:
    told = desk.call("GET", f"/lists/{desk.partners}")
    assert told["double_optin"] is True
    assert 0 < told["stats"]["member_count"] < 20


def test_a_world_of_nobody_has_lists_all_the_same() -> None:
    desk = Desk(people=0)
    assert desk.members() == []
    assert desk.call("GET", f"/lists/{desk.list_id}/segments")["total_items"] > 0


def test_a_world_can_be_copied_and_put_away_and_goes_on_by_itself() -> None:
    """A laboratory returns to a moment by copying the world as it stood."""
    world = World(7, populate(7, 20), StandingClock(), nobody, nobody)
    first = MailchimpVendor(world)
    event = {"kind": "subscribe", "email": "ann@x.lv"}
    for second in (copy.deepcopy(first), pickle.loads(pickle.dumps(first))):
        list_id = second.account()["lists"]["Newsletter"]
        assert second.play(event)["list"] == list_id
        assert second.acme.members.find(list_id, hash_of("ann@x.lv"))
        assert not first.acme.members.find(list_id, hash_of("ann@x.lv"))
