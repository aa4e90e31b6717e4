"""The state database was lost: `adopt` rebuilds it, and the run after it does no harm (ALL-14).

What may be lost with it, in turn: the history, the keep file, the key of its hashes.
"""

from collections.abc import Callable

import pytest

from pipelines.mailigen_pipedrive.adopt import Adopted, adopt_sync
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.surroundings import Surroundings
from state.errors import NotAllowed
from tests.pipelines.mailigen_pipedrive.desk import (
    CONSENT,
    CUSTOMERS,
    CrashedError,
    Desk,
    connections,
    crash_after,
)

EVERYBODY = {
    "id": "everybody",
    "contacts": "all",
    "consent": CONSENT,
    "activities": [{"id": "third", "after": 1, "event": "click", "type": "task", "repeat": "every"}],
    "notes": ["click"],
}
LOSSES = {
    "the state alone": (),
    "the history too": ("history",),
    "the keep file too": ("keep",),
    "history and keep file": ("history", "keep"),
    "the consent key": ("key",),
}


def lose(desk: Desk, *more: str) -> None:
    """Delete the state database, and what else is named; work files go with it."""
    for file in desk.home.glob("state.db*"):
        file.unlink()
    for name in ("work", "published", *(["history"] if "history" in more else [])):
        for file in desk.home.glob(f"{name}/*.duckdb*"):
            file.unlink()
    if "keep" in more:
        (desk.home / "keep.jsonl").unlink()
    if "key" in more:
        (desk.home / "consent.key").unlink()


def adopt(desk: Desk) -> Adopted:
    """Adopt, and see that no vendor was written to; the wait for late writes is only noted."""
    slept: list[float] = []
    adopted = adopt_sync(
        Definition.model_validate(desk.wanted), connections(desk.url, desk.horizon),
        settings=desk.settings, report=lambda _: None, around=Surroundings(sleep=slept.append),
    )  # fmt: skip
    assert sum(slept) >= desk.horizon
    assert desk.effects() == []
    return adopted


def quiet(desk: Desk) -> None:
    """The next run is in step, and neither vendor sees an effect of it."""
    outcome = desk.run()
    assert outcome.outcome == "done", outcome.said
    assert desk.effects() == []


def busy(desk: Desk) -> tuple[int, str]:
    """A settled world in which one person has an activity, a deal and a note of ours."""
    desk.start(CUSTOMERS, people=60)
    desk.settle()
    person, email = desk.person(on_list=True)
    desk.play("open", email)
    desk.play("click", email, times=2)
    desk.settle()
    assert [len(desk.ours(kind, person)) for kind in KINDS] == [1, 1, 1]
    return person, email


KINDS = ("activities", "deals", "notes")


@pytest.mark.parametrize("lost", LOSSES.values(), ids=LOSSES.keys())
def test_after_an_adoption_the_next_run_writes_nothing(fresh: Desk, lost: tuple[str, ...]) -> None:
    """ALL-14: whatever else was lost, nothing is doubled and nothing is written again."""
    person, email = busy(fresh)
    lose(fresh, *lost)

    adopted = adopt(fresh)

    assert (adopted.references, adopted.recognised, adopted.unexplained) == (3, 3, [])
    quiet(fresh)
    fresh.play("open", email)
    fresh.play("click", email)
    fresh.run()
    assert [len(fresh.ours(kind, person)) for kind in KINDS] == [1, 1, 1]
