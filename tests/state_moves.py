"""What a run does to its settings, in short: for the tests of the ledger."""

from state_rows import HORIZON, member

from state import ledger, settings
from state.lease import acquire


def sealed(lease, *rows):
    ledger.seal(lease, settings=rows)


def sendable(lease, **more):
    windows = settings.planned(lease, "acme", at=lease.state.now(), horizon=HORIZON, **more)
    return [row for window in windows for row in window]


def claim(lease, *rows):
    return settings.claim(lease, rows, lease.state.now(), HORIZON)


def stored(lease, subject="c1"):
    return settings.by_key(lease.state, member(subject).key)


def send(lease, row):
    """Seal and claim, as right before the request leaves."""
    sealed(lease, row)
    wanted = [each for each in sendable(lease) if each.key == row.key]
    assert claim(lease, *wanted) == {row.key}


def confirm(lease, row):
    send(lease, row)
    settings.acknowledged(lease, [(row.key, "")])


def following(lease, clock):
    clock.advance(61)
    return acquire(lease.state, lease.sync, run_id=f"run-{lease.fence + 1}")


def unanswered(lease, value):
    send(lease, member("c1", value))
    settings.unknown(lease, [(member("c1").key, "no answer")])


def see(lease, clock, value):
    seen = [(member("c1").key, {"PHONE": value})]
    settings.observed(lease, seen, shown=clock.at - HORIZON)
