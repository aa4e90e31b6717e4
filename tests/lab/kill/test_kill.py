"""A part of the laboratory's level `kill` that fits in `make test`; all of it: `make lab`."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.lab.kill.judge import Seen, judge
from tests.lab.kill.trials import Bench
from tests.lab.kill.world import vendors

SEED, PLACES, PAIRS = 20261122, 6, 1  # of each story
STORIES = ("mailigen_pipedrive/first run", "mailigen_pipedrive/later run")
EMPTY = Seen(Counter(), Counter(), {}, (), ())


@pytest.fixture(scope="module", params=STORIES)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with vendors() as world, Bench(request.param, world) as bench:
        yield bench


def test_two_counting_runs_pass_the_same_boundaries_and_every_kind_of_them(bench: Bench) -> None:
    again = bench.alone()

    assert again.outcome == "done", again.said
    assert again.boundaries == bench.boundaries
    assert {each.kind for each in again.boundaries} >= {"state", "duckdb", "file", "http"}
    assert len(again.boundaries) > 300


def test_killed_at_any_boundary_the_next_run_leaves_what_an_unkilled_twin_left(
    bench: Bench,
) -> None:
    """ALL-06, ALL-04: whatever was durable or at the vendor's by then, each cause has one effect."""
    places = random.Random(SEED).sample(range(1, len(bench.boundaries) + 1), PLACES)
    for place in sorted(places):
        trial = bench.trial(place)

        assert trial.sentences == (), f"{trial.flow} --at {place}: {bench.boundaries[place - 1]}"


def test_killed_again_during_the_recovery_is_no_different(bench: Bench) -> None:
    """ALL-06"""
    dice = random.Random(SEED)
    for place in dice.sample(range(1, len(bench.boundaries) + 1), PAIRS):
        recovery = bench.trial(place).recovery
        second = dice.randint(1, len(recovery))

        trial = bench.trial(place, second)

        assert trial.sentences == (), f"{trial.flow} --at {place},{second}"


def test_the_stories_write_everything_the_flow_can_write(bench: Bench) -> None:
    assert bench.expected.created.keys() >= {"members", "activities", "deals", "notes"}


def test_without_reading_back_what_was_sent_the_laboratory_finds_a_second_activity(
    bench: Bench,
) -> None:
    """It must be able to fail."""
    place = bench.number_of("handled, not read: POST /pipedrive/api/v2/activities")

    trial = bench.trial(place, without="read-back")

    assert len(trial.verdict.duplicates) == 2, "by its reference, and in the journal"


def test_the_judge_tells_a_second_deed_of_one_reference() -> None:
    twin = replace(EMPTY, references=Counter({"notes SL-AAAAAAAA": 1}))
    found = replace(EMPTY, references=Counter({"notes SL-AAAAAAAA": 2}))

    assert judge(EMPTY, twin, found).duplicates == ("notes SL-AAAAAAAA: carried too often (2, 1)",)
    assert judge(EMPTY, twin, EMPTY).lost == ("notes SL-AAAAAAAA: not carried (1, 0)",)


def test_the_judge_tells_a_subscription_of_somebody_who_had_left() -> None:
    before = replace(EMPTY, members={"list ann@x.lv": "unsubscribed", "list bo@x.lv": "subscribed"})
    found = replace(EMPTY, members={"list ann@x.lv": "subscribed", "list bo@x.lv": "subscribed"})

    assert judge(before, before, found).breaches == (
        "list ann@x.lv was unsubscribed, and is subscribed",
    )


def test_the_judge_tells_what_history_counted_twice() -> None:
    twin = replace(EMPTY, remembered=('["event", "click", 2]',))
    found = replace(EMPTY, remembered=('["event", "click", 4]',))

    assert len(judge(EMPTY, twin, found).differences) == 2
