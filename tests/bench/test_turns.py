"""Contestants take turns, and a ratio compares what was taken in one round."""

import doctest
from collections import Counter
from pathlib import Path

import pytest

from bench import turns
from bench.crossings import Taken, aside, table, take
from bench.crossings_ways import BARE_NAME, DEFAULTS, OURS


def test_everybody_begins_a_round_as_often_as_the_others() -> None:
    played = list(turns.turns(["a", "b", "c"], 6))
    rounds = [played[place : place + 3] for place in range(0, len(played), 3)]
    assert [counts for _, counts in rounds[0]] == [False] * 3
    assert all(counts for one in rounds[1:] for _, counts in one)
    for place in range(3):
        assert Counter(one[place][0] for one in rounds[1:]) == {"a": 2, "b": 2, "c": 2}


def test_a_ratio_is_of_one_round_and_not_of_two_medians() -> None:
    """The machine was ten times slower in the last round, for both alike."""
    bare, ours = [1.0, 2.0, 30.0], [2.0, 2.0, 60.0]
    taken = {
        name: [Taken(one, one, 2**20, "") for one in seconds]
        for name, seconds in {BARE_NAME: bare, OURS: ours}.items()
    }
    (line,) = [line for line in table(taken).splitlines() if OURS in line]
    assert line.split("|")[5].strip() == "2.00 (1.00-2.00)"


@pytest.mark.parametrize("name", [BARE_NAME, DEFAULTS])
def test_the_models_say_what_the_bare_query_says(tmp_path: Path, name: str) -> None:
    aside("prepare", tmp_path, 20_000, 2_000)
    said = take(OURS, tmp_path).digest
    assert take(name, tmp_path).digest == said
    assert int(said.split()[0]) > 100


def test_the_examples_in_the_docstrings_hold() -> None:
    found = doctest.testmod(turns)
    assert (found.attempted > 0, found.failed) == (True, 0)
