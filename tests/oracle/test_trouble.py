"""Scenarios of runs that die, meet or only plan (ALL-04 to ALL-07)."""

import random

import pytest

from tests.oracle import scenarios as make
from tests.oracle.bench import DONE, GUARDED, OPEN, Bench, definition
from tests.oracle.reading import World

pytestmark = pytest.mark.slow


def busy_day(bench: Bench) -> World:
    """Much to do at once, and what the vendors show before anything is done."""
    world = bench.world()
    subscribed, absent = make.plain(world, on_list=True), make.outsiders(world)
    for place, person in enumerate(subscribed[:12]):
        email = make.address(world, person)
        for title in make.SEEDED[: place % 4 + 1]:
            bench.play("open", title, email)
        bench.play("click", make.AUTUMN, email, times=place + 1)
    for person in subscribed[12:20]:
        make.edit(bench, person, job_title="Promoted")
    for person in subscribed[20:23]:
        make.readdress(bench, person, f"moved.{person}@example.org")
    for person in subscribed[23:25]:
        make.delete(bench, person)
    for person in absent[:6]:
        make.put_in_tier(bench, world, person, "Gold")
    return bench.world()


def finish(bench: Bench) -> None:
    """Run until nothing is left open; waiting is done by the sandbox's clock."""
    for _ in range(6):
        ended = bench.command("run", "outside")
        if ended.code == DONE:
            return
        if ended.code == GUARDED:
            bench.approve()
        elif ended.code == OPEN:
            bench.control("clock", advance_s=5)
        else:
            raise AssertionError(f"a run after a crash ended with {ended.code}:\n{ended.said}")
    raise AssertionError("six runs after a crash did not finish")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_runs_are_finished_by_the_next_one_without_a_double(bench: Bench, seed: int) -> None:
    dice = random.Random(seed)
    bench.start(make.everything())
    bench.activate()
    before = busy_day(bench)
    for moment in (dice.randrange(10, 120), 1, dice.randrange(2, 6), dice.randrange(5, 15)):
        if moment >= 10 and dice.random() < 0.5:
            bench.kill_after(moment, of_requests=True)
        else:
            bench.kill_after(moment)
    finish(bench)
    bench.oracle.sweep(before, wrote=True)
    bench.check()
    bench.check_quiet()


@pytest.mark.timeout(600)
def test_a_first_approved_run_killed_twice_still_ends_right(bench: Bench) -> None:
    bench.start(make.everything() | {"count_from": "all_time"})
    bench.run()
    bench.approve()
    before = bench.world()
    for moment in (1, 7):
        bench.kill_after(moment)
    finish(bench)
    bench.oracle.sweep(before, wrote=True)
    bench.check()
    bench.check_quiet()


@pytest.mark.parametrize("kind", ["lost_answer", "truncate", "status"])
def test_writes_whose_answers_are_lost_happen_once(bench: Bench, kind: str) -> None:
    bench.start(make.everything())
    bench.activate()
    before = busy_day(bench)
    more = {"status": 502, "after_commit": True} if kind == "status" else {}
    for vendor, path in (
        ("pipedrive", "/api/v2/activities"),
        ("pipedrive", "/api/v2/deals"),
        ("pipedrive", "/v1/notes"),
        ("mailigen", "/1.8/listBatchSubscribe"),
        ("mailigen", "/1.8/listUpdateMember"),
        ("mailigen", "/1.8/listMemberDelete"),
    ):
        order = {"vendor": vendor, "path": path, "kind": kind, "method": "POST", "times": 2}
        bench.control("faults", **order, **more)
    finish(bench)
    bench.oracle.sweep(before, wrote=True)
    bench.check()
    bench.check_quiet()


def test_of_two_runs_at_once_one_says_who_holds_the_lease(bench: Bench) -> None:
    bench.start(make.everything())
    bench.activate()
    before = busy_day(bench)
    slow = {"vendor": "mailigen", "path": "/1.8/listMembers", "kind": "delay", "delay_s": 12}
    bench.control("faults", **slow)
    start = bench.seq()
    first = bench.spawn("run", "outside")
    while bench.seq() == start and first.is_running:
        continue
    second = bench.command("run", "outside")
    first_was_running = first.is_running
    first.wait(200)
    assert first_was_running, "the first run was over before the second ended"
    assert str(first.pid) in second.said, second.said
    assert first.code == DONE, first.said
    bench.oracle.sweep(before, wrote=True)
    bench.check()


def test_a_plan_writes_nothing_and_changes_no_later_run(bench: Bench) -> None:
    bench.start(make.everything())
    start = bench.seq()
    first = bench.command("plan", "outside")
    assert first.code in (DONE, GUARDED), first.said
    assert not bench.effects(start)
    bench.activate()
    before = busy_day(bench)
    start = bench.seq()
    planned = bench.command("plan", "outside")
    assert planned.code in (DONE, GUARDED), planned.said
    assert not bench.effects(start)
    finish(bench)
    bench.oracle.sweep(before, wrote=True)
    bench.check()
    start = bench.seq()
    bench.command("plan", "outside")
    assert not bench.effects(start)
    bench.check_quiet()


def test_a_first_run_stops_before_its_first_write(bench: Bench) -> None:
    bench.start(definition(make.customers()))
    start = bench.seq()
    ended = bench.run()
    assert ended.code == GUARDED
    assert not bench.effects(start), "a guarded run wrote"
    assert "approve" in ended.said


def test_a_filter_that_empties_removes_nobody(bench: Bench) -> None:
    bench.start(definition(make.customers()))
    bench.activate()
    world = bench.world()
    for person in sorted(world.filter_members[make.filter_id(world)]):
        make.put_in_tier(bench, world, person, None)
    start = bench.seq()
    bench.run()
    after = bench.world().members
    assert set(after) == set(world.members), bench.effects(start)


def test_mass_deletions_are_stopped_before_the_first_write(bench: Bench) -> None:
    bench.start(definition(make.customers()), people=150)
    bench.activate()
    world = bench.world()
    for person in sorted(world.filter_members[make.filter_id(world)])[:65]:
        make.delete(bench, person)
    start = bench.seq()
    ended = bench.run()
    assert ended.code == GUARDED, ended.said
    assert not bench.effects(start)
    bench.approve()
    bench.settle()
    bench.check()
