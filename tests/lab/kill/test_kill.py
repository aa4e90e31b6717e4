"""A part of the laboratory's level `kill` that fits in `make test`; all of it: `make lab`."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from deployments.oncall import OPERATIONS
from pipelines.load import OTHER_VERBS
from tests.lab.kill.judge import Seen, judge
from tests.lab.kill.trials import Bench
from tests.lab.kill.world import vendors

SEED, PLACES, PAIRS = 20261122, 6, 1  # of each story
STORIES = ("mailigen_pipedrive/first run", "mailigen_pipedrive/later run")
SHORT = ("window/then a sweep", "on call/settle")
# Enough of them to write whatever can be written.
WRITING = (
    "mailigen_pipedrive/approved run", "mailigen_pipedrive/later run",
    "mailigen_pipedrive/new subscribers", "mailigen_pipedrive/a filter to make",
    "mailchimp_pipedrive/first run", "mailchimp_pipedrive/later run", "mailchimp_pipedrive/a batch",
)  # fmt: skip
WRITES = {
    "create_list": {"mailigen listCreate"},
    "create_merge_var": {"mailigen listMergeVarAdd"},
    "create_deal_field": {"pipedrive POST dealFields"},
    "create_filter": {"pipedrive POST filters"},
    "create_activity": {"pipedrive POST activities"},
    "create_deal": {"pipedrive POST deals"},
    "create_note": {"pipedrive POST notes"},
    "create_person": {"pipedrive POST persons"},
    "link_person": set[str](),  # what there is, is only remembered
    "create": {"mailigen listBatchSubscribe", "mailchimp POST members"},
    "update": {
        "mailigen listUpdateMember", "mailchimp PATCH members", "mailchimp POST batches",
        "pipedrive PATCH persons",
    },
    "source": {"mailigen listUpdateMember"},
    "replace": {"mailigen listUpdateMember", "mailigen listMemberDelete"},
    "move": {"mailigen listUpdateMember", "mailchimp PATCH members"},
    "delete": {"mailigen listMemberDelete"},
    "tag": {"mailchimp POST tags"},
}  # fmt: skip
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


def test_the_stories_write_everything_the_flows_can_write() -> None:
    """ALL-06: of each operation and verb that the ledger knows, the calls that carry it out."""
    called, written = set[str](), set[str]()
    for story in WRITING:
        with vendors() as world, Bench(story, world) as bench:
            called |= bench.calls()
            written |= bench.written()

    assert {*OPERATIONS, *OTHER_VERBS} == WRITES.keys(), "something new can be written"
    assert written == WRITES.keys()
    assert called == set().union(*WRITES.values())


@pytest.mark.parametrize("story", SHORT)
def test_what_follows_a_killed_window_or_command_leaves_what_an_unkilled_twin_left(
    story: str,
) -> None:
    """ALL-06, ALL-04: not the same again, but what comes next by itself or is typed next."""
    with vendors() as world, Bench(story, world) as bench:
        for place in random.Random(SEED).sample(range(1, len(bench.boundaries) + 1), 2):
            trial = bench.trial(place)

            assert trial.sentences == (), f"{story} --at {place}: {bench.boundaries[place - 1]}"


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
