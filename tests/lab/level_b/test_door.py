"""Webhooks in the laboratory: how they come in, what they do, and that a double would be seen."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from state import consent
from state.database import State
from tests.lab.level_b.door import Door
from tests.lab.level_b.lab import Live
from tests.lab.level_b.play import Play
from tests.lab.level_b.series import lab
from tests.lab.level_b.story import TELLINGS, Act, Run, draw
from tests.lab.level_b.way import Delivery, Outbox


@dataclass
class Street:
    """A door with nothing behind it: what came in, in order."""

    came: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.deliveries: Outbox = Outbox.__new__(Outbox)
        self.deliveries.sent = []
        self.door = Door(self, lambda delivery: self.came.append(delivery.body.decode()))  # type: ignore[arg-type]

    def tell(self, text: str, told: str) -> None:
        self.deliveries.sent.append(Delivery({}, text.encode()))
        self.door.ring(told)


@pytest.mark.parametrize(
    ("tellings", "before", "after"),
    [
        (("on time", "on time"), "ab", "ab"),
        (("doubled", "on time"), "aab", "aab"),
        (("reordered", "on time"), "ba", "ba"),
        (("reordered", "lost"), "", "a"),
        (("late", "on time"), "b", "ba"),
        (("lost", ""), "", ""),
    ],
)
def test_a_delivery_comes_in_as_it_was_drawn(
    tellings: tuple[str, str], before: str, after: str
) -> None:
    street = Street()
    for text, told in zip("ab", tellings, strict=True):
        street.tell(text, told)
    assert "".join(street.came) == before
    street.door.after_a_run()
    assert "".join(street.came) == after


def test_every_way_of_coming_in_is_drawn_for_a_third_of_the_schedules() -> None:
    stories = [draw(seed, "inside") for seed in range(600)]
    drawn = [{s.told for s in story.steps if isinstance(s, Act)} for story in stories]
    assert 0.2 < sum(told != {""} for told in drawn) / len(drawn) < 0.5
    assert set().union(*drawn) == {"", *TELLINGS}


@pytest.mark.parametrize(("told", "is_barred"), [("on time", True), ("late", False), ("", False)])
def test_who_left_is_barred_by_a_delivery_and_not_by_one_on_its_way(
    told: str, is_barred: bool
) -> None:
    """ALL-12, ALL-09: the product's own listener, with what the sandbox has signed"""
    here = lab()
    with here.installed():
        play = Play(here)
        play.take(Act("unsubscribe", 2, 1, told))
        assert _is_barred(play, 2) == is_barred
        play.take(Run(patience=None))
        assert _is_barred(play, 2)
        assert play.end()[1].sentences == []


def test_a_delivery_in_the_middle_of_a_run_is_taken_in_beside_it() -> None:
    here = lab()
    with here.installed():
        play = Play(here)
        barred: list[bool] = []
        look: Callable[[], None] = lambda: barred.append(_is_barred(play, 2))  # noqa: E731
        play.live.run(at={
            30: lambda: play._happen(Act("unsubscribe", 2, 1, "doubled")), 31: look,
        })  # fmt: skip
        assert barred == [True]
        assert play.end()[1].sentences == []


def test_a_listener_that_wrote_what_it_was_told_of_would_be_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def wrote_too(live: Live, _: Delivery) -> None:
        note = list(live.stage.vendors["pipedrive"].books["notes"].live())[-1]
        again = {"content": note["content"], "person_id": note["person_id"]}
        assert play.scene.ask("POST", "/v1/notes", again)
        live.log.take("us")

    here = lab()
    with here.installed():
        monkeypatch.setattr(Live, "_hear", wrote_too)
        play = Play(here)
        play.take(Act("open", 2, 1, "late"))
        play.take(Run(patience=None))
        assert "2 notes for one cause" in play.end()[1].duplicates[0]


def _is_barred(play: Play, place: int) -> bool:
    here, email = play.live.lab, play.scene.people[place].address
    state = State(here.engine, play.live.stage.clock.now)
    key = consent.read_key(here.home)
    return bool(consent.in_force(state, "engagement", [email], key=key))
