"""The ledger under two runs that take the sync from each other, with a vendor that may answer or not.

The model keeps its own books of what reached the vendor, and never asks the
ledger. Whatever order the steps come in: a deed reaches the vendor once, and
nothing a stale run does changes a row.
"""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from state_clock import Clock
from state_rows import HORIZON, note

from state import deeds, ledger
from state.database import open_state
from state.errors import LeaseHeld, LeaseLost, TooEarly, WrongState
from state.lease import acquire, renew
from state.schema import metadata

KEYS = ("a", "b", "c", "d")
SUBJECT = {"a": "c1", "b": "c1", "c": "c2", "d": "c3"}
key_sets = st.lists(st.sampled_from(KEYS), unique=True, min_size=1)
EMPTY = open_state("sqlite://")  # emptied for each example: migrating costs more than the example
OPEN = ("sending", "unknown")


class TwoRuns(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.clock = Clock()
        self.state = replace(EMPTY, now=self.clock)
        with self.state.write() as db:
            for table in reversed(metadata.sorted_tables):
                db.execute(table.delete())
        self.current = acquire(self.state, "acme", run_id="run-1")
        self.stale = None
        self.arrived = Counter()  # what the vendor has: by key
        self.in_flight = {}  # key -> when it will have arrived at the latest

    def row(self, key):
        return deeds.by_key(self.state, key)

    def state_of(self, key):
        row = self.row(key)
        return row.state if row else None

    @rule(keys=key_sets)
    def seal(self, keys):
        ledger.seal(self.current, deeds=[note(key, subject=SUBJECT[key]) for key in keys])

    @rule()
    def take_over(self):
        renew(self.current)
        with pytest.raises(LeaseHeld):
            acquire(self.state, "acme", run_id="too early")
        self._pass(61)
        self.stale = self.current
        self.current = acquire(self.state, "acme", run_id=f"run-{self.stale.fence + 1}")
        assert self.current.fence > self.stale.fence

    @rule(keys=key_sets, answered=st.booleans(), lost=st.booleans())
    def send(self, keys, answered, lost):
        """Claim, then send what was won: answered, or cut off with the request lost or arriving late."""
        # What this run is itself sending is no doubt yet: a window may hold two of one subject.
        doubtful = {SUBJECT[doubt.write_key] for doubt in deeds.doubts(self.current)}
        won = deeds.claim(self.current, keys, self.clock.at)
        assert not {SUBJECT[key] for key in won} & doubtful
        for key in won:
            if answered:
                self.arrived[key] += 1
            elif not lost:
                self.in_flight[key] = self.clock.at + HORIZON
        if answered:
            deeds.done(self.current, [(key, f"id-{key}") for key in won])

    @rule(keys=key_sets)
    def refuse_or_not_process(self, keys):
        won = sorted(deeds.claim(self.current, keys, self.clock.at))
        deeds.refused(self.current, [(key, "no") for key in won[:1]])
        deeds.back_to_planned(self.current, won[1:])

    @rule()
    def give_up_waiting_for_an_answer(self):
        mine = [
            k
            for k in KEYS
            if self.state_of(k) == "sending" and self.row(k).fence == self.current.fence
        ]
        deeds.unknown(self.current, [(key, "no answer") for key in mine])

    @rule(seconds=st.sampled_from([1, 120, 299, 300, 86_400]))
    def time_passes(self, seconds):
        self._pass(seconds)

    def _pass(self, seconds):
        self.clock.advance(seconds)
        for key, latest in list(self.in_flight.items()):
            if latest <= self.clock.at:
                self.arrived[key] += 1
                del self.in_flight[key]

    @rule()
    def look_for_what_is_in_doubt(self):
        for doubt in deeds.doubts(self.current):
            key = doubt.write_key
            if self.arrived[key]:
                deeds.found(self.current, [(key, f"id-{key}")])
                continue
            try:
                deeds.absent(self.current, key, at=self.clock.at, horizon=HORIZON)
                assert key not in self.in_flight
            except TooEarly as early:
                assert 0 < early.wait_seconds <= HORIZON.total_seconds()

    @precondition(lambda self: self.stale)
    @rule(keys=key_sets)
    def the_stale_run_goes_on(self, keys):
        before = {key: self.row(key) for key in KEYS}
        for change in (
            lambda: ledger.seal(self.stale, deeds=[note(key) for key in keys]),
            lambda: deeds.claim(self.stale, keys, self.clock.at),
            lambda: deeds.done(self.stale, [(key, "stolen") for key in keys]),
            lambda: deeds.unknown(self.stale, [(key, "?") for key in keys]),
            lambda: deeds.found(self.stale, [(key, "stolen") for key in keys]),
            lambda: deeds.absent(self.stale, keys[0], at=self.clock.at, horizon=timedelta()),
            lambda: deeds.withdraw(self.stale, [""], why="?"),
        ):
            with pytest.raises(LeaseLost):
                change()
        assert {key: self.row(key) for key in KEYS} == before

    @rule(key=st.sampled_from(KEYS))
    def illegal_moves_are_refused(self, key):
        found = self.state_of(key)
        if found != "sending":
            for change in (deeds.done, deeds.refused, deeds.unknown):
                with pytest.raises(WrongState):
                    change(self.current, [(key, "x")])
            with pytest.raises(WrongState):
                deeds.back_to_planned(self.current, [key])
        if found not in OPEN:
            with pytest.raises(WrongState):
                deeds.found(self.current, [(key, "x")])
            with pytest.raises(WrongState):
                deeds.absent(self.current, key, at=self.clock.at, horizon=timedelta())

    @invariant()
    def nothing_reached_the_vendor_twice(self):
        assert all(count <= 1 for count in self.arrived.values())

    @invariant()
    def what_is_done_is_at_the_vendor_and_what_is_planned_is_not(self):
        for key in KEYS:
            if self.state_of(key) == "done":
                assert self.arrived[key] == 1
            if self.state_of(key) in ("planned", "refused"):
                assert self.arrived[key] == 0
                assert key not in self.in_flight


TestTwoRuns = TwoRuns.TestCase
TestTwoRuns.settings = hypothesis_settings(max_examples=40, stateful_step_count=25, deadline=None)
