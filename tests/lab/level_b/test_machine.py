"""Any order of edits, events, departures, runs, deaths and faults comes to rest without harm.

Hypothesis draws the order and, when a rule is broken, shrinks it to the shortest script that
still breaks it; that script reads as what somebody would have to do by hand.
"""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.lab.level_b.play import Play
from tests.lab.level_b.series import lab
from tests.lab.level_b.story import BOUNDARIES, CAST, LOSSES, WRITES, Act, Fault, Run, Wait

PEOPLE, NUMBERS = st.integers(0, CAST - 1), st.integers(1, 3)
MOST_DELAY = 60.0  # well inside the horizon


class Machine(RuleBasedStateMachine):
    """One settled world, and whatever happens to it."""

    def __init__(self) -> None:
        super().__init__()
        self._installed = lab().installed()
        self._installed.__enter__()
        self._play = Play(lab())
        self._faults: list[Fault] = []
        self._departed = False

    @rule(kind=st.sampled_from(("open", "click", "bounce")), who=PEOPLE, number=NUMBERS)
    def happens(self, kind: str, who: int, number: int) -> None:
        self._play.take(Act(kind, who, number))

    @rule(
        verb=st.sampled_from(("rename", "readdress", "deselect", "reselect", "edit_on_list")),
        who=PEOPLE,
        number=NUMBERS,
    )
    def edits(self, verb: str, who: int, number: int) -> None:
        self._play.take(Act(verb, who, number))

    @rule(verb=st.sampled_from(("unsubscribe", "come_back")), who=PEOPLE)
    def leaves(self, verb: str, who: int) -> None:
        self._play.take(Act(verb, who, 1))

    @precondition(lambda self: not self._departed)
    @rule(verb=st.sampled_from(("delete", "merge", "remove")), who=PEOPLE, number=NUMBERS)
    def departs(self, verb: str, who: int, number: int) -> None:
        self._departed = True
        self._play.take(Act(verb, who, number))

    @precondition(lambda self: len(self._faults) < 2)
    @rule(kind=st.sampled_from(LOSSES), where=st.sampled_from(WRITES))
    def something_will_go_wrong(self, kind: str, where: tuple[str, str]) -> None:
        self._faults.append(Fault(kind, *where, nth=0, seconds=MOST_DELAY))

    @rule()
    def runs(self) -> None:
        self._play.take(Run(faults=self._due()))

    @rule(boundary=st.integers(1, BOUNDARIES))
    def dies(self, boundary: int) -> None:
        self._play.take(Run(dies_at=boundary, faults=self._due()))

    @rule(seconds=st.sampled_from((1.0, 90.0, 4000.0)))
    def waits(self, seconds: float) -> None:
        self._play.take(Wait(seconds))

    def teardown(self) -> None:
        """Rest, and the verdict: the invariants speak of what is so once nothing is under way."""
        try:
            self._play.come_to_rest(also_once_more=False)
            played, verdict = self._play.end()
            assert [*verdict.sentences, *played.objections] == []
        finally:
            self._installed.__exit__(None, None, None)

    def _due(self) -> tuple[Fault, ...]:
        due, self._faults = tuple(self._faults), []
        return due


def test_any_order_of_events_edits_runs_and_deaths_comes_to_rest_without_harm() -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=12, stateful_step_count=7, deadline=None, derandomize=True,
            suppress_health_check=list(HealthCheck), print_blob=False, database=None,
        ),
    )  # fmt: skip
