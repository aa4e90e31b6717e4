"""Scenarios of people who left, bounced or moved: nobody is subscribed again (ALL-08, MG-12)."""

import time

import pytest

from tests.oracle import scenarios as make
from tests.oracle.bench import Bench, definition

pytestmark = pytest.mark.slow
HORIZON = 2.5  # seconds; a little over what the connections of the bench say


def begin(bench: Bench) -> None:
    bench.start(definition(make.customers(activities=[make.warm(1, "bounce")])))
    bench.activate()
    bench.check()


def outlast_the_horizon(bench: Bench) -> None:
    """Until then a listing may be an old one: nobody is gone by it, and nobody has come back."""
    begun = time.monotonic()
    while time.monotonic() < begun + HORIZON:
        bench.settle()


def test_the_unsubscribed_the_bounced_and_the_unconfirmed_stay_so(bench: Bench) -> None:
    bench.start(definition(make.customers()))
    left = make.add_person(bench, "Has Left", "has.left@example.org")
    bounced = make.add_person(bench, "Has Bounced", "has.bounced@example.org")
    make.add_person(bench, "Not Confirmed", "not.confirmed@example.org")
    for email in ("has.left@example.org", "has.bounced@example.org"):
        bench.act("subscribe", email)
    bench.act("unsubscribe", "has.left@example.org")
    bench.play("bounce", make.AUTUMN, "has.bounced@example.org", type="hard")
    bench.list.call(
        "listSubscribe",
        id=bench.seeded.list_id,
        email_address="not.confirmed@example.org",
        double_optin="true",
    )
    mails = len(bench.found_mails())
    bench.activate()
    world = bench.world()
    statuses = [
        world.members[f"{who}@example.org"].status
        for who in ("has.left", "has.bounced", "not.confirmed")
    ]
    assert statuses == ["unsubscribed", "bounced", "inactive"]
    bench.check(mails_before=mails)
    for person in (left, bounced):
        make.edit(bench, person, job_title="Changed")
    bench.settle()
    bench.check(mails_before=mails)
    bench.check_quiet()


def test_who_unsubscribes_later_stays_unsubscribed(bench: Bench) -> None:
    begin(bench)
    world = bench.world()
    person = make.plain(world)[0]
    bench.act("unsubscribe", make.address(world, person))
    bench.settle()
    bench.check()
    make.edit(bench, person, job_title="Changed")
    bench.settle()
    bench.check()
    assert bench.world().members[make.address(world, person)].status == "unsubscribed"


def test_who_was_removed_by_hand_is_not_put_back(bench: Bench) -> None:
    begin(bench)
    outlast_the_horizon(bench)
    world = bench.world()
    ours, theirs = make.plain(world)[0], make.plain(bench.seeded, on_list=True)[1]
    for person in (ours, theirs):
        bench.act("remove", make.address(world, person))
    bench.settle()
    bench.check()
    make.edit(bench, ours, job_title="Changed")
    make.readdress(bench, theirs, "another.address@example.org")
    bench.settle()
    bench.check()
    bench.check_quiet()


def test_who_comes_back_by_an_own_act_counts_as_subscribed(bench: Bench) -> None:
    begin(bench)
    world = bench.world()
    person = make.plain(world)[0]
    bench.act("unsubscribe", make.address(world, person))
    bench.settle()
    outlast_the_horizon(bench)
    bench.act("subscribe", make.address(world, person))
    make.edit(bench, person, job_title="Back again")
    bench.settle()
    bench.check()
    make.readdress(bench, person, "back.again@example.org")
    bench.settle()
    bench.check()
    assert bench.world().members["back.again@example.org"].status == "subscribed"


def test_a_changed_address_moves_the_subscriber(bench: Bench) -> None:
    begin(bench)
    world = bench.world()
    created, existing = (
        make.plain(bench.seeded, on_list=False)[0],
        make.plain(bench.seeded, on_list=True)[0],
    )
    make.readdress(bench, created, "moved.one@example.org")
    make.readdress(bench, existing, "Moved.Two@Example.org")
    make.readdress(bench, make.plain(world)[-1], make.address(world, make.plain(world)[-1]).upper())
    bench.settle()
    bench.check()
    bench.check_quiet()


def test_an_address_changed_to_one_already_on_the_list_leaves_one_subscriber(bench: Bench) -> None:
    begin(bench)
    world = bench.world()
    stranger = "stranger@elsewhere.example"
    bench.act("subscribe", stranger)
    one, two, three = make.plain(world)[:3]
    make.readdress(bench, one, stranger)
    make.readdress(bench, two, make.address(world, three))
    bench.settle()
    bench.check()
    make.delete(bench, three)
    bench.settle()
    bench.check()
    bench.check_quiet()


def test_swapped_addresses_keep_both_subscribers(bench: Bench) -> None:
    begin(bench)
    world = bench.world()
    one, two = make.plain(world)[:2]
    make.readdress(bench, one, make.address(world, two))
    make.readdress(bench, two, make.address(world, one))
    bench.settle()
    bench.check()
    bench.check_quiet()


@pytest.mark.parametrize("had", ["unsubscribed", "bounced"])
def test_an_address_changed_after_leaving_is_not_subscribed(bench: Bench, had: str) -> None:
    begin(bench)
    world = bench.world()
    seen, unseen = make.plain(world)[:2]
    for person in (seen, unseen):
        email = make.address(world, person)
        if had == "unsubscribed":
            bench.act("unsubscribe", email)
        else:
            bench.play("bounce", make.AUTUMN, email, type="hard")
        if person == seen:
            bench.settle()
    make.readdress(bench, seen, "seen.new@example.org")
    make.readdress(bench, unseen, "unseen.new@example.org")
    bench.settle()
    bench.check()
    make.edit(bench, seen, job_title="Changed")
    bench.settle()
    bench.check()
    for email in ("seen.new@example.org", "unseen.new@example.org"):
        member = bench.world().members.get(email)
        assert member is None or member.status != "subscribed"


def test_a_deleted_persons_opt_out_is_remembered(bench: Bench) -> None:
    begin(bench)
    world = bench.world()
    person = make.plain(world)[0]
    email = make.address(world, person)
    bench.act("unsubscribe", email)
    make.delete(bench, person)
    bench.settle()
    bench.check()
    make.add_person(bench, "Same Address", email)
    bench.settle()
    bench.check()
    member = bench.world().members.get(email)
    assert member is None or member.status != "subscribed"


def test_no_mail_is_sent_to_anybody_by_the_sync(bench: Bench) -> None:
    bench.start(definition(make.customers()))
    bench.list.call("listUpdate", id=bench.seeded.list_id, name="subscription_notify", value="true")
    bench.control("assumptions", vendor="mailigen", name="notify_on_api_subscribe", value=False)
    bench.activate()
    make.delete(bench, make.plain(bench.world())[0])
    bench.settle()
    bench.check()
