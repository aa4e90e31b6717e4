"""What stories hold: every habit and every kind of fault, and nothing beyond their bounds."""

from tests.lab.level_b.story import (
    HORIZON,
    PAGE,
    SLACK,
    USUAL,
    WEATHER,
    WHILE_READING,
    Run,
    Story,
    draw,
)

SEEDS = range(1, 401)


def _runs(story: Story) -> list[Run]:
    return [step for step in story.steps if isinstance(step, Run)]


def test_every_fault_of_the_weather_is_one_that_requests_of_ours_can_meet() -> None:
    drawn = {f.kind for seed in SEEDS for run in _runs(draw(seed, "inside")) for f in run.faults}
    assert drawn == {*WEATHER, "break_off"}
    assert "stale_search" not in drawn, "no connector calls a search"


def test_what_comes_late_and_shows_late_does_both_within_the_horizon() -> None:
    stories = [draw(seed, "inside") for seed in SEEDS]
    for story in stories:
        late = [f.seconds for run in _runs(story) for f in run.faults if f.kind == "late_commit"]
        assert max(late, default=0.0) + story.habits.lag_s <= HORIZON - SLACK
    assert max(draw(seed, "frozen").habits.lag_s for seed in SEEDS) == 5
    assert max(draw(seed, "beyond").habits.lag_s for seed in SEEDS) > HORIZON


def test_most_schedules_know_no_habits_and_each_habit_is_drawn_often() -> None:
    habits = [draw(seed, "inside").habits for seed in SEEDS]
    assert sum(one == USUAL for one in habits) > len(habits) / 2
    for count in (
        sum(one.page == PAGE for one in habits),
        sum(one.lag_s > 0 for one in habits),
        sum(one.form_fields > 0 for one in habits),
    ):
        assert count > 5


def test_where_pages_are_small_somebody_acts_while_they_are_read() -> None:
    stories = [draw(seed, "inside") for seed in SEEDS]
    small = [story for story in stories if story.habits.page]
    first, last = WHILE_READING
    for story in small:
        assert any(first <= at <= last for at, _ in _runs(story)[0].meanwhile)
