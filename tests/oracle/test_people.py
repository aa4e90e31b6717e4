"""Scenarios of who is on the list and with which values (MG-04 to MG-12, MG-25)."""

import shutil

import pytest

from tests.oracle import scenarios as make
from tests.oracle.bench import Bench, definition

pytestmark = pytest.mark.slow


def test_of_several_addresses_the_flagged_or_first_one_is_synced(bench: Bench) -> None:
    bench.start(definition(make.customers()))
    world = bench.world()
    one, two, three, four, five = make.plain(world, on_list=False)[:5]
    make.readdress(bench, one, "a.one@example.org", "b.one@example.org", primary=1)
    make.readdress(bench, two, "n/a", "usable.two@example.org")
    make.readdress(bench, three, "a.three@example.org", "b.three@example.org", primary=0)
    make.edit(bench, four, emails=[])
    make.readdress(bench, five, "  Spaced.Five@Example.org ")
    bench.activate()
    bench.check()
    make.readdress(bench, one, "a.one@example.org", "b.one@example.org", primary=0)
    make.readdress(bench, two, "now.usable.two@example.org")
    bench.settle()
    bench.check()
    bench.check_quiet()


def test_one_address_of_several_persons_goes_to_the_one_contacted_last(bench: Bench) -> None:
    bench.start(definition(make.customers()))
    low = make.add_person(bench, "Low Twin", "shared@example.org", "Gold")
    high = make.add_person(bench, "High Twin", "SHARED@example.ORG", "Silver")
    outside = make.add_person(bench, "Outside Twin", "Shared@example.org", "Bronze")
    make.call_made(bench, outside)
    bench.activate()
    bench.check()
    make.mail_came(bench, high, "2026-11-20T10:00:00Z")
    bench.settle()
    bench.check()
    make.call_made(bench, low)
    bench.settle()
    bench.check()
    make.put_in_tier(bench, bench.world(), low, "Bronze")
    bench.settle()
    bench.check()
    bench.check_quiet()


def test_deleted_persons_go_unless_another_selected_one_holds_the_address(bench: Bench) -> None:
    bench.start(definition(make.customers()))
    first = make.add_person(bench, "First Holder", "held@example.org")
    second = make.add_person(bench, "Second Holder", "Held@example.org")
    bench.activate()
    world = bench.world()
    alone = make.plain(world)[0]
    make.delete(bench, first)
    make.delete(bench, alone)
    bench.settle()
    assert bench.oracle.expected.rows["held@example.org"].presence == "subscribed"
    assert bench.oracle.expected.rows[make.address(world, alone)].presence == "absent"
    bench.check()
    make.delete(bench, second)
    bench.settle()
    assert bench.oracle.expected.rows["held@example.org"].presence == "absent"
    bench.check()
    bench.check_quiet()


@pytest.mark.parametrize("left_out", ["deleted while out", "deleted at once"])
def test_somebody_who_left_the_filter_stays_until_deleted(bench: Bench, left_out: str) -> None:
    bench.start(definition(make.customers()))
    bench.activate()
    world = bench.world()
    person = make.plain(world)[0]
    make.put_in_tier(bench, world, person, "Bronze")
    if left_out == "deleted while out":
        bench.settle()
        bench.check()
        bench.check_quiet()
    make.delete(bench, person)
    bench.settle()
    assert bench.oracle.expected.rows[make.address(world, person)].presence == "absent"
    bench.check()


def test_leaving_the_filter_takes_the_source_and_returning_brings_it_back(bench: Bench) -> None:
    bench.start(definition(make.customers()))
    bench.activate()
    world = bench.world()
    person = make.plain(world)[0]
    make.put_in_tier(bench, world, person, "Bronze")
    make.edit(bench, person, job_title="Changed while out", first_name="Outside")
    bench.settle()
    bench.check()
    make.put_in_tier(bench, world, person, "Gold")
    bench.settle()
    bench.check()
    bench.check_quiet()


@pytest.mark.parametrize("assumed", ["everybody", "empty", "error"])
@pytest.mark.parametrize("how", ["deleted", "deactivated"])
def test_a_dead_filter_pauses_the_bot_and_changes_nothing(
    bench: Bench, assumed: str, how: str
) -> None:
    if how == "deactivated" and assumed != "everybody":
        pytest.skip("one assumption is enough for a filter that was never active")
    wanted = make.customers(notes=["open"])
    if how == "deactivated":
        wanted = {"id": "customers", "contacts": {"filter": 5}, "notes": ["open"]}
    bench.start(definition(wanted))
    bench.control("assumptions", vendor="pipedrive", name="dead_filter", value=assumed)
    if how == "deleted":
        bench.activate()
        person = make.plain(bench.world(), on_list=True)[0]
        make.edit(bench, person, job_title="Changed under a dead filter")
        bench.crm.call("DELETE", "/v1/filters/1")
    start = bench.seq()
    ended = bench.command("run", "outside")
    assert not bench.effects(start), f"a dead filter changed something:\n{ended.said}"
    listed = bench.command("list")
    assert "filter" in (ended.said + listed.said).lower(), ended.said + listed.said
    if how == "deleted":
        assert "paused" in listed.said.lower(), listed.said


def test_a_field_removed_in_the_crm_stays_on_the_list_as_it_was(bench: Bench) -> None:
    bench.start(definition(make.customers()))
    bench.activate()
    world = bench.world()
    region = next(c for c, f in world.person_fields.items() if f["field_name"] == "Region")
    person = make.plain(world)[0]
    make.edit(bench, person, custom_fields={region: "Baltics"})
    bench.settle()
    bench.check()
    bench.crm.call("DELETE", f"/api/v2/personFields/{region}")
    make.edit(bench, person, job_title="Changed after that")
    bench.settle()
    bench.check()
    after = bench.world().members[make.address(world, person)]
    assert "Baltics" in after.merges.values()
    bench.check_quiet()


def test_a_field_that_goes_there_and_back_ends_where_it_began(bench: Bench) -> None:
    bench.start(definition(make.customers()))
    bench.activate()
    person = make.plain(bench.world())[0]
    for title in ("A", "B", "A"):
        make.edit(bench, person, job_title=title)
        bench.settle()
        bench.check()
    make.edit(bench, person, job_title="B")
    make.edit(bench, person, job_title="A")
    bench.check_quiet()
    bench.check()


def test_emptied_values_are_emptied_on_the_list_too(bench: Bench) -> None:
    bench.start(definition(make.customers()))
    bench.activate()
    world = bench.world()
    person = next(p for p in make.plain(world) if world.persons[p]["org_id"])
    make.edit(bench, person, job_title="Soon gone", last_name="Soongone")
    bench.settle()
    make.edit(bench, person, job_title=None, org_id=None, last_name=None)
    bench.settle()
    bench.check()


def test_the_work_files_may_be_deleted_between_runs(bench: Bench) -> None:
    bench.start(make.everything())
    bench.activate()
    world = bench.world()
    person = make.plain(world, on_list=True)[0]
    for title in make.SEEDED[:3]:
        bench.play("open", title, make.address(world, person))
    bench.settle()
    bench.check()
    work = bench.home / "state" / "work"
    assert list(work.glob("*.duckdb")), "there is no work file to delete"
    shutil.rmtree(work)
    make.edit(bench, make.plain(world)[1], job_title="Changed meanwhile")
    bench.settle()
    bench.check()
    bench.check_quiet()


def test_a_list_the_sync_creates_holds_exactly_the_selected(bench: Bench) -> None:
    wanted = definition(make.customers()) | {"list": {"title": "Brand new", "create": True}}
    bench.control("reset", seed=7, people=60)
    bench.start(wanted, people=60)
    bench.activate()
    bench.check()
    assert bench.world().members
    bench.check_quiet()


def test_two_bots_share_a_list_and_are_named_in_the_source(bench: Bench) -> None:
    phones = {"id": "phones", "contacts": {"filter": "Everyone with a phone"}}
    bench.start(definition(make.customers(), phones))
    bench.activate()
    bench.check()
    world = bench.world()
    person = min(set(make.plain(world)) & world.filter_members[2])
    make.put_in_tier(bench, world, person, None)
    bench.settle()
    bench.check()
    bench.define(definition(phones))
    bench.settle()
    bench.check()
    bench.check_quiet()


def test_all_contacts_selects_everybody_with_a_usable_address(bench: Bench) -> None:
    bench.start(definition({"id": "all", "contacts": "all"}), people=150, seed=11)
    bench.activate()
    bench.check()
    bench.check_quiet()
