"""Scenarios of the automations: what counts, since when, and how often it fires (MG-14 to MG-18)."""

import pytest

from tests.oracle import scenarios as make
from tests.oracle.bench import Bench, definition

pytestmark = pytest.mark.slow


def test_engagement_since_activation_becomes_activities_deals_and_notes_once(bench: Bench) -> None:
    bench.start(make.everything())
    bench.activate()
    bench.check()
    fresh = make.send_campaign(bench, "November letter")
    world = bench.world()
    one, two, three = (make.address(world, p) for p in make.plain(world, on_list=True)[:3])
    for title in (fresh, make.AUTUMN, make.STORY):
        bench.play("open", title, one)
    bench.play("open", fresh, two, times=20)
    bench.play("click", fresh, two, times=3)
    bench.play("bounce", fresh, three, type="soft")
    bench.settle()
    bench.check()
    bench.check_quiet()
    bench.check()


def test_all_time_counts_the_history_the_list_already_had(bench: Bench) -> None:
    bench.start(make.everything() | {"count_from": "all_time"})
    bench.activate()
    bench.check()
    assert bench.oracle.expected.activities, "the seeded history crosses no threshold"
    bench.check_quiet()


def test_thresholds_fire_when_reached_exactly_or_passed_and_not_before(bench: Bench) -> None:
    rules = [make.warm(3, "open"), make.warm(5, "click", type="meeting")]
    bench.start(definition(make.customers(activities=rules)))
    bench.activate()
    world = bench.world()
    exact, over, under = (make.address(world, p) for p in make.plain(world, on_list=True)[:3])
    for title in make.SEEDED[:3]:
        bench.play("open", title, exact)
    for title in make.SEEDED[:5]:
        bench.play("open", title, over)
    for title in make.SEEDED[:2]:
        bench.play("open", title, under, times=9)
    bench.play("click", make.AUTUMN, exact, times=5)
    bench.play("click", make.AUTUMN, over, times=12)
    bench.play("click", make.AUTUMN, under, times=4)
    bench.settle()
    assert sum(bench.oracle.expected.activities.values()) == 4
    bench.check()
    bench.play("click", make.AUTUMN, under)
    bench.play("open", make.SEEDED[6], under)
    bench.settle()
    assert sum(bench.oracle.expected.activities.values()) == 6
    bench.check()
    bench.check_quiet()


def test_a_jump_over_two_multiples_repeats_twice(bench: Bench) -> None:
    rules = [make.warm(2, "click", repeat="every"), make.warm(2, "open", type="task")]
    deals = [make.hot(3, "click", repeat="every")]
    bench.start(definition(make.customers(activities=rules, deals=deals)))
    bench.activate()
    world = bench.world()
    person = make.plain(world, on_list=True)[0]
    bench.play("click", make.AUTUMN, make.address(world, person))
    bench.settle()
    bench.check()
    bench.play("click", make.STORY, make.address(world, person), times=5)
    bench.settle()
    assert sum(bench.oracle.expected.activities.values()) == 3
    assert sum(bench.oracle.expected.deals.values()) == 2
    bench.check()
    bench.check_quiet()


def test_twenty_opens_are_one_note_and_clicks_are_noted_by_link(bench: Bench) -> None:
    bench.start(definition(make.customers(notes=["open", "click"])))
    bench.activate()
    world = bench.world()
    email = make.address(world, make.plain(world, on_list=True)[0])
    fresh = make.send_campaign(bench, "Two links")
    bench.play("open", fresh, email, times=20)
    for link in ("https://acme.example/one", "https://acme.example/two"):
        bench.play("click", fresh, email, link=link, times=2)
    bench.settle()
    assert sum(bench.oracle.expected.notes.values()) == 3
    bench.check()
    bench.play("open", fresh, email, times=3)
    bench.play("click", fresh, email, link="https://acme.example/two")
    bench.settle()
    bench.check()


def test_events_between_the_guarded_and_the_approved_run_count(bench: Bench) -> None:
    bench.start(definition(make.customers(activities=[make.warm(1, "open")], notes=["open"])))
    bench.run()
    world = bench.world()
    bench.play("open", make.AUTUMN, make.address(world, make.plain(world, on_list=True)[0]))
    bench.approve()
    bench.settle()
    bench.settle()
    assert sum(bench.oracle.expected.activities.values()) == 1
    bench.check()


def test_events_of_a_time_when_no_bot_selected_the_contact_count_but_are_not_noted(
    bench: Bench,
) -> None:
    bench.start(
        definition(make.customers(activities=[make.warm(2, "open")], notes=["open", "click"]))
    )
    bench.activate()
    world = bench.world()
    person = make.plain(world, on_list=True)[0]
    make.put_in_tier(bench, world, person, "Bronze")
    for title in make.SEEDED[:2]:
        bench.play("open", title, make.address(world, person))
    bench.settle()
    assert not bench.oracle.expected.activities
    bench.check()
    make.put_in_tier(bench, world, person, "Silver")
    bench.settle()
    assert sum(bench.oracle.expected.activities.values()) == 1
    bench.check()
    bench.check_quiet()


def test_events_at_a_former_address_count_and_fire_once(bench: Bench) -> None:
    bench.start(definition(make.customers(activities=[make.warm(2, "open")], notes=["open"])))
    bench.activate()
    world = bench.world()
    person = make.plain(world, on_list=True)[0]
    former = make.address(world, person)
    late = make.send_campaign(bench, "Opened late, where it was sent to")
    bench.play("open", make.AUTUMN, former)
    bench.settle()
    make.readdress(bench, person, "moved.away@example.org")
    bench.settle()
    bench.check()
    bench.play("open", late, former)
    bench.settle()
    assert sum(bench.oracle.expected.activities.values()) == 1
    bench.check()
    make.readdress(bench, person, "moved.again@example.org")
    bench.settle()
    bench.check()


def test_another_winner_of_an_address_fires_nothing_again(bench: Bench) -> None:
    bench.start(definition(make.customers(activities=[make.warm(1, "open")], notes=["open"])))
    twin = make.add_person(bench, "First Twin", "twin@example.org")
    other = make.add_person(bench, "Second Twin", "Twin@Example.org")
    bench.activate()
    bench.play("open", make.send_campaign(bench, "To the twins"), "twin@example.org")
    bench.settle()
    assert bench.oracle.expected.activities[("call", 102, twin)] == 1
    bench.check()
    make.call_made(bench, other)
    bench.settle()
    bench.check()
    make.delete(bench, other)
    bench.settle()
    bench.check()


def test_every_bot_with_its_own_filter_gives_its_automations(bench: Bench) -> None:
    phones = {
        "id": "phones",
        "contacts": {"filter": "Everyone with a phone"},
        "activities": [make.warm(1, "open", type="lunch")],
        "notes": ["open"],
    }
    bench.start(definition(make.customers(activities=[make.warm(1, "open")]), phones))
    bench.activate()
    bench.check()
    world = bench.world()
    both = set(make.plain(world, on_list=True)) & world.filter_members[2]
    only = set(make.plain(world, on_list=True)) - world.filter_members[2]
    for person in [min(both), *sorted(only)[:1]]:
        bench.play("open", make.STORY, make.address(world, person))
    make.put_in_tier(bench, world, max(both), None)
    bench.settle()
    bench.check()
    bench.check_quiet()
