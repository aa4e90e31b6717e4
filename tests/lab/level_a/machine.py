"""A schedule made up one step at a time, so that Hypothesis can find it and make it short.

Whoever drives it wants things, orders faults, lets runs pass, die, freeze or meet, and lets users
and time do theirs; all within the bounds. After each run the judge looks for what is doubled or
breached; at the end, after runs without faults, also for what is lost.
"""

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.lab.level_a.desk import Desk
from tests.lab.level_a.judge import judge
from tests.lab.level_a.planner import Protections
from tests.lab.level_a.play import Stage
from tests.lab.level_a.story import (
    FAULTS,
    HORIZON,
    RIVAL,
    SYNC,
    Deed,
    Person,
    Run,
    Story,
    Weather,
    Wish,
)

# As in the regime "inside": two answers waited for in vain and the delay stay under the horizon.
MOST_FAULTS = 2
CALM = Weather(0.0, 0, most_delay=35.0, least_delay=35.0, most_latency=0.5)
NOTHING_YET = Story(1, "inside", (), (), (), (), CALM)

subjects = st.sampled_from(("ann", "bob"))
boundaries = st.integers(1, 30)
syncs = st.sampled_from((SYNC, RIVAL))


class Schedule(RuleBasedStateMachine):
    """One schedule in the making. `desk` and `kept` are set by whoever runs it."""

    desk: Desk
    kept = Protections()

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(self.desk, NOTHING_YET, self.kept)

    def _add(self, **more: object) -> None:
        self.stage.story = replace(self.stage.story, **more)  # type: ignore[arg-type]

    @rule(subject=subjects)
    def want_a_note(self, subject: str) -> None:
        story = self.stage.story
        note = Deed(f"note|{subject}|{len(story.deeds)}", subject, self.stage.time.at)
        self._add(deeds=(*story.deeds, note))

    @rule(subject=subjects, value=st.sampled_from("AB"))
    def want_a_member(self, subject: str, value: str) -> None:
        wish = Wish(subject, value, self.stage.time.at)
        self._add(wishes=(*self.stage.story.wishes, wish))

    @precondition(lambda self: len(self.stage.story.persons) < 2)
    @rule()
    def want_a_person_in_both_syncs(self) -> None:
        there = self.stage.story.persons
        self._add(persons=(*there, Person(("ann@x", "bob@x")[len(there)])))

    @precondition(lambda self: len(self.stage.sky.ordered) < MOST_FAULTS)
    @rule(fault=st.sampled_from(FAULTS))
    def order_a_fault(self, fault: str) -> None:
        self.stage.sky.ordered.append(fault)

    @rule(sync=syncs)
    def run(self, sync: str) -> None:
        self._play(Run(self.stage.time.at, sync=sync))

    @rule(boundary=boundaries, sync=syncs)
    def run_and_crash(self, boundary: int, sync: str) -> None:
        self._play(Run(self.stage.time.at, crash_at=boundary, sync=sync))

    @rule(boundary=boundaries, seconds=st.sampled_from((1.0, 15.0)))
    def run_and_freeze(self, boundary: int, seconds: float) -> None:
        self._play(Run(self.stage.time.at, freeze_at=boundary, freeze_seconds=seconds))

    @rule(other=syncs, later=st.sampled_from((0.0, 2.0, 61.0)), boundary=boundaries)
    def two_runs_of_which_the_first_crashes(self, other: str, later: float, boundary: int) -> None:
        at = self.stage.time.at
        self._play(Run(at, crash_at=boundary), Run(at + later, sync=other))

    @rule(later=st.sampled_from((0.0, 0.1, 2.0)))
    def both_syncs_run(self, later: float) -> None:
        at = self.stage.time.at
        self._play(Run(at), Run(at + later, sync=RIVAL))

    @rule(
        verb=st.sampled_from(("edit_note", "delete_note", "edit_member", "unsubscribe")),
        subject=subjects,
    )
    def a_user_acts(self, verb: str, subject: str) -> None:
        self.stage.books.act(verb, subject)

    @rule(seconds=st.sampled_from((10.0, 61.0, HORIZON + 1)))
    def time_passes(self, seconds: float) -> None:
        self.stage.time.call(self.stage.time.at + seconds, lambda: None)
        self._play()

    def teardown(self) -> None:
        self.stage.sky.ordered.clear()
        self.stage.recover()
        self._judge()
        verdict = judge(self.stage.story, self.stage.played.log)
        assert not verdict.lost, verdict.lost
        assert not self.stage.played.open_count, f"{self.stage.played.open_count} open at the end"

    def _play(self, *runs: Run) -> None:
        for run in runs:
            self.stage.enter(run)
        self.stage.time.run()
        self._judge()

    def _judge(self) -> None:
        # Not an `invariant`: each of its calls would be a line of the script.
        verdict = judge(self.stage.story, self.stage.played.log)
        assert not verdict.duplicates, verdict.duplicates
        assert not verdict.breaches, verdict.breaches
        assert not self.stage.played.surprises, self.stage.played.surprises
