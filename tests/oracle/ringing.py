"""Rounds of a random history in which webhooks wake the runs.

People act in bursts. During a burst the vendor holds its deliveries back; afterwards they go out,
some dropped, doubled or out of order, and nobody acts until every run they wake has ended. So it is
known what each woken run has seen, though nobody but the listener says when it runs. Now and then
the listener is killed in the midst of the run, or told to end; or the scheduled run comes first and
the doorbell is late.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.oracle import acts
from tests.oracle import scenarios as make
from tests.oracle.people import first_address
from tests.oracle.weights import draw

if TYPE_CHECKING:
    from tests.oracle.histories import History
    from tests.oracle.reading import Json, World

FAULTS = ("drop_webhook", "double_webhook", "reorder_webhooks")
BURSTS = (6, 10)  # acts, from and to
DONE = "done"


def live_through(history: "History", count: int) -> None:
    """So many acts; then everything is answered and was judged, and nobody listens any more."""
    listener = history.listener
    listener.begin()
    left = count
    while left:
        burst = min(left, history.dice.randint(*BURSTS))
        left -= burst
        answer = history.dice.choices(tuple(ANSWERS), tuple(ANSWERS.values()))[0]
        # What only a delivery knows, a run that comes before it does not.
        _burst(history, burst, may_vanish=answer is not rung_late)
        answer(history)
    history.settle()
    listener.end()


def _burst(history: "History", count: int, *, may_vanish: bool) -> None:
    history.listener.hold()
    history.told.append("- deliveries are held back")
    if history.dice.random() < 0.4 and may_vanish:
        history.glance()
        history.told.append(leave_and_vanish(history))
    for order in _faults(history):
        history.bench.control("faults", **order)
        history.told.append(f"- {order['kind']} after {order['after']}, {order['times']} times")
    ringing = [acts.engage_ours] * history.dice.randrange(4)
    drawn = [draw(history.dice, history.features) for _ in range(count)]
    for act in (*ringing, *drawn):
        history.glance()
        history.told.append(act(history))
    history.bench.clear_faults()
    if not history.bench.pending_deliveries():
        history.told.append(acts.join(history))  # it always rings


def _faults(history: "History") -> list[dict[str, str | int]]:
    dice = history.dice
    return [
        {
            "kind": dice.choice(FAULTS), "vendor": "mailigen", "path": "/hooks/",
            "after": dice.randrange(4), "times": dice.randint(1, 2),
        }
        for _ in range(dice.randrange(4))
    ]  # fmt: skip


def leave_and_vanish(history: "History") -> str:
    """Somebody unsubscribes and is taken off the list before any run looks; then a bot selects
    the person. Only the webhook knows. Its delivery is the first of the burst: a run is woken a
    second after it has come, and has to know it from the beginning."""
    world, ours = history.world, history.bench.oracle.synced()
    able = [
        (person, address)
        for person, record in sorted(world.persons.items())
        for address in [first_address(record)]
        if address in world.members and address not in ours
        and world.members[address].status == "subscribed"
    ]  # fmt: skip
    if not able:
        return "nobody leaves and vanishes"
    person, email = history.dice.choice(able)
    history.bench.act("unsubscribe", email)
    history.bench.act("remove", email)
    history.bench.oracle.told_of_leaving(email)
    history.left.has_left(email)
    make.put_in_tier(history.bench, world, person, "Gold")
    return f"{email} unsubscribes and is taken off; person {person} in tier Gold"


# -- how a burst is answered


def rung(history: "History") -> None:
    """The runs that its deliveries wake."""
    before, start = history.bench.world(), history.bench.seq()
    _let_ring(history)
    _follow(history, before, start)


def rung_late(history: "History") -> None:
    """The scheduled run comes first: what then rings tells nothing new, and counts nothing twice."""
    history.settle()
    history.told.append("- a run came before the deliveries")
    rung(history)


def killed(history: "History") -> None:
    """kill -9 in the midst of the woken run; the next listener finds what was stored."""
    moment = history.dice.randint(1, 60)
    before, start = history.bench.world(), history.bench.seq()
    _let_ring(history)
    history.listener.kill_at(start + moment)
    history.told.append(f"- the listener is killed after {moment} requests")
    _start_again(history, before, start)


def ended(history: "History") -> None:
    """SIGTERM as soon as all was stored: what is due is run, the rest rings at the next start."""
    before, start = history.bench.world(), history.bench.seq()
    _let_ring(history)
    history.listener.end()
    history.told.append("- the listener is told to end")
    _start_again(history, before, start)


ANSWERS: dict[Callable[["History"], None], int] = {rung: 6, rung_late: 1, killed: 1, ended: 1}


def _let_ring(history: "History") -> None:
    taken = history.listener.let_ring()
    history.told.append(f"- {taken} deliveries")
    if not taken:
        raise AssertionError("nothing rang, though somebody joined")


def _start_again(history: "History", before: "World", start: int) -> None:
    """Runs that ended before count; then whatever the next listener is woken for."""
    listener, outcome = history.listener, DONE
    for outcome in listener.endings_left():
        before, start = _judged(history, before, start, outcome)
    is_rung = listener.is_rung
    listener.begin()
    if is_rung:
        _follow(history, before, start)
    elif outcome != DONE:
        history.settle()


def _follow(history: "History", before: "World", start: int) -> None:
    """Tell the oracle of every run until nothing rings any more, each with what it has seen."""
    is_rung = True
    while is_rung:
        outcome = history.listener.ending()
        is_rung = history.listener.is_rung
        before, start = _judged(history, before, start, outcome)
    if outcome != DONE:
        history.settle()


def _judged(history: "History", before: "World", start: int, outcome: str) -> tuple["World", int]:
    """What the next woken run will see, and the journal's line before it; what a guard stopped is
    approved. AssertionError at a difference, or when that run has written already."""
    bench, at = history.bench, history.bench.seq()
    history.told.append(f"- woken: {outcome}")
    bench.oracle.sweep(before, wrote=outcome == DONE)
    if outcome == DONE:
        history.judge(start)
        if written := [line for line in bench.effects(at) if _is_of_a_run(line)]:
            raise AssertionError(f"the bench is too slow: a run wrote while it read: {written}")
        return bench.last_seen, at
    before = bench.world()
    bench.approve()
    return before, start


def _is_of_a_run(line: "Json") -> bool:
    """The listener sees to its webhook when it likes; nothing of it is compared."""
    return any(effect["object"] != "webhooks" for effect in line["effects"])
