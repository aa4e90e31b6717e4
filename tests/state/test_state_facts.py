"""Facts: noted once whoever notes them, dealt with once."""

from datetime import UTC, datetime

from state import facts
from state.facts import Fact
from state.lease import acquire

AT = datetime(2026, 11, 2, 10, tzinfo=UTC)
ENTERED = Fact("hot", "deal 9 at 2026-11-02T10:00:00Z", person_id="71", happened_at=AT)


def stored(lease):
    return facts.read(lease.state, "acme").to_pylist()


def test_a_fact_that_is_noted_again_is_one(lease):
    """MC-14, ALL-12: a webhook and the sweep that would have found it tell of one passage."""
    window = acquire(lease.state, "acme:window", run_id="window-1")
    assert facts.note(window, "acme", [ENTERED]) == 1
    assert facts.note(lease, "acme", [ENTERED, ENTERED._replace(fact_key="another")]) == 1
    assert {row["fact_key"]: row["sweep"] for row in stored(lease)} == {
        ENTERED.fact_key: window.sweep, "another": lease.sweep,
    }  # fmt: skip


def test_one_fact_may_be_a_matter_of_two_flows(lease):
    """MC-14: each deals with it by itself."""
    facts.note(lease, "acme", [ENTERED, ENTERED._replace(flow_id="warm")])
    facts.settle(lease, "acme", [("hot", ENTERED.fact_key, "written")])
    assert {row["bot_id"]: row["settled_sweep"] for row in stored(lease)} == {
        "hot": lease.sweep, "warm": None,
    }  # fmt: skip


def test_what_is_dealt_with_stays_so(lease):
    facts.note(lease, "acme", [ENTERED])
    facts.settle(lease, "acme", [("hot", ENTERED.fact_key, "written")])
    facts.note(lease, "acme", [ENTERED])
    facts.settle(lease, "acme", [("hot", ENTERED.fact_key, "something else")])
    (row,) = stored(lease)
    assert (row["settled_sweep"], row["said"]) == (lease.sweep, "written")
