"""Scenarios of the life of bots: paused, deleted, created again, overriding (MG-17 to MG-20)."""

import pytest

from tests.oracle import scenarios as make
from tests.oracle.bench import DONE, Bench, definition
from tests.oracle.reading import Json

pytestmark = pytest.mark.slow

PHONES: Json = {"id": "phones", "contacts": {"filter": "Everyone with a phone"}}
ALLOW: Json = {"guards": {"first_activation": "allow"}}


def wanted(*more: Json) -> Json:
    rules = [make.warm(1, "click", repeat="every"), make.warm(2, "open", type="task")]
    return definition(make.customers(activities=rules, notes=["click"]), *more) | ALLOW


def command(bench: Bench, word: str, bot: str) -> None:
    ended = bench.command(word, "outside", "--bot", bot)
    assert ended.code == DONE, ended.said


def test_a_bot_deleted_in_a_pause_and_created_again_counts_from_its_new_beginning(
    bench: Bench,
) -> None:
    """MG-18, MG-20: the pause ended with the bot; what came after the new activation counts."""
    bench.start(wanted(PHONES))
    bench.settle()
    world = bench.world()
    email = make.address(world, make.plain(world, on_list=True)[0])
    command(bench, "pause", "customers")
    bench.oracle.lives.pause("customers")
    bench.settle()
    bench.define(definition(PHONES) | ALLOW)
    bench.settle()
    bench.check()
    bench.define(wanted(PHONES))
    bench.settle()
    bench.check()
    bench.play("click", make.AUTUMN, email, times=3)
    bench.settle()
    assert sum(bench.oracle.expected.activities.values()) == 3
    bench.check()
    bench.check_quiet()


def test_a_pause_takes_the_source_and_its_events_never_count(bench: Bench) -> None:
    """MG-11, MG-18."""
    bench.start(wanted(PHONES))
    bench.settle()
    world = bench.world()
    email = make.address(world, make.plain(world, on_list=True)[0])
    command(bench, "pause", "customers")
    bench.oracle.lives.pause("customers")
    bench.play("click", make.AUTUMN, email, times=2)
    bench.settle()
    bench.check()
    command(bench, "resume", "customers")
    bench.oracle.lives.resume("customers")
    bench.settle()
    bench.check()
    bench.play("click", make.AUTUMN, email)
    bench.settle()
    assert sum(bench.oracle.expected.activities.values()) == 1
    bench.check()
    bench.check_quiet()


def test_delete_is_refused_while_the_definition_lists_the_bot(bench: Bench) -> None:
    """MG-20."""
    bench.start(wanted(PHONES))
    bench.settle()
    refused = bench.command("delete", "outside", "--bot", "phones")
    assert refused.code != DONE
    assert "listed" in refused.said, refused.said
    bench.define(wanted())
    command(bench, "delete", "phones")
    bench.oracle.lives.delete("phones")
    bench.settle()
    bench.check()
    bench.check_quiet()


def test_falling_back_to_the_bot_for_all_counts_from_zero(bench: Bench) -> None:
    """MG-17."""
    rules = [make.warm(2, "click", repeat="every", type="lunch")]
    everybody = {"id": "everybody", "contacts": "all", "activities": rules, "notes": ["open"]}
    bench.start(wanted(everybody))
    bench.settle()
    world = bench.world()
    person = make.plain(world, on_list=True)[0]
    email = make.address(world, person)
    bench.play("click", make.AUTUMN, email, times=3)
    bench.settle()
    bench.check()
    make.put_in_tier(bench, world, person, "Bronze")
    bench.settle()
    bench.check()
    bench.play("click", make.STORY, email)
    bench.settle()
    assert not [key for key in bench.oracle.expected.activities if key[0] == "lunch"]
    bench.check()
    bench.play("click", make.STORY, email)
    bench.play("open", make.STORY, email)
    bench.settle()
    assert [key[-1] for key in bench.oracle.expected.activities if key[0] == "lunch"] == [person]
    bench.check()
    bench.check_quiet()
