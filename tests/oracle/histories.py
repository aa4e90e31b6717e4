"""Random histories: a few dozen edits, events and departures between runs, compared after each.

    python -m tests.oracle.histories --seed 3 --count 5

tells the seed and the acts of every history that ends in a difference; the same seed acts the
same. Acts that the requirements leave open (README.md) are not among them.
"""

import argparse
import random
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from sandbox import server
from tests.oracle import scenarios as make
from tests.oracle.bench import Bench

Act = Callable[["History"], str]
ROUNDS, ACTS = 3, 14


class History:
    """One seeded history on one bench."""

    def __init__(self, bench: Bench, seed: int, people: int = 70) -> None:
        self.bench, self.dice = bench, random.Random(seed)
        self.told: list[str] = []
        self._fresh = 0
        bench.start(make.everything(), seed=seed, people=people)
        self.world = bench.world()

    def live_through(self, rounds: int = ROUNDS, acts: int = ACTS) -> None:
        """AssertionError at the first difference; `told` is what was done until then."""
        self.bench.activate()
        self.bench.check()
        for number in range(rounds):
            self.told.append(f"-- round {number + 1}")
            for _ in range(acts):
                self.world = self.bench.world()
                self.told.append(self.dice.choice(ACTS_KNOWN)(self))
            self.bench.settle()
            self.bench.check()
        self.bench.check_quiet()

    def person(self) -> int:
        return self.dice.choice(sorted(self.world.persons))

    def member(self, status: str = "subscribed") -> str:
        """An address of the list in that status; empty when there is none."""
        found = [a for a, m in self.world.members.items() if m.status == status]
        return self.dice.choice(sorted(found)) if found else ""

    def fresh(self) -> str:
        self._fresh += 1
        return f"Fresh.{self._fresh}@example.org"


def change_title(history: History) -> str:
    person, title = history.person(), f"Title {history.dice.randrange(3)}"
    make.edit(history.bench, person, job_title=title)
    return f"person {person} is now {title}"


def change_tier(history: History) -> str:
    person, tier = history.person(), history.dice.choice(["Gold", "Silver", "Bronze", None])
    make.put_in_tier(history.bench, history.world, person, tier)
    return f"person {person} in tier {tier}"


def delete_person(history: History) -> str:
    person = history.person()
    make.delete(history.bench, person)
    return f"person {person} deleted ({make.address(history.world, person)})"


def add_person(history: History) -> str:
    email = history.fresh()
    person = make.add_person(history.bench, f"New {email.split('@')[0]}", email)
    return f"person {person} added ({email})"


def move_to_fresh(history: History) -> str:
    person, email = history.person(), history.fresh()
    make.readdress(history.bench, person, email)
    return f"person {person} moves from {make.address(history.world, person)} to {email}"


def move_to_shared(history: History) -> str:
    person, other = history.person(), history.person()
    email = make.address(history.world, other)
    if not email or person == other:
        return "nobody moved"
    email = email.upper() if history.dice.random() < 0.5 else email
    make.readdress(history.bench, person, email)
    return f"person {person} moves from {make.address(history.world, person)} to {email}"


def lose_address(history: History) -> str:
    person = history.person()
    make.edit(history.bench, person, emails=[])
    return f"person {person} has no address any more ({make.address(history.world, person)})"


def contact(history: History) -> str:
    person = history.person()
    make.call_made(history.bench, person)
    # The tie-break goes by the second: two calls in one second would tell no order.
    history.bench.control("clock", advance_s=2)
    return f"person {person} called"


def engage(history: History) -> str:
    email, title = history.member(), history.dice.choice(make.SEEDED)
    kind, times = history.dice.choice(["open", "click"]), history.dice.randrange(1, 6)
    history.bench.play(kind, title, email, times=times)
    return f"{email}: {times} x {kind} of {title}"


def leave(history: History) -> str:
    email = history.member()
    history.bench.act("unsubscribe", email)
    return f"{email} unsubscribes"


def bounce(history: History) -> str:
    email, title = history.member(), history.dice.choice(make.SEEDED)
    kind = history.dice.choice(["soft", "hard"])
    history.bench.play("bounce", title, email, type=kind)
    return f"{email}: {kind} bounce of {title}"


def come_back(history: History) -> str:
    email = history.member("unsubscribed")
    if email:
        history.bench.act("subscribe", email)
    return f"{email or 'nobody'} subscribes again"


def join(history: History) -> str:
    email = history.fresh()
    history.bench.act("subscribe", email)
    return f"{email} joins the list"


def take_off(history: History) -> str:
    ours = [a for a in sorted(history.bench.oracle.synced()) if a in history.world.members]
    if not ours:
        return "nobody taken off"
    email = history.dice.choice(ours)
    history.bench.act("remove", email)
    return f"{email} taken off by hand"


ACTS_KNOWN: tuple[Act, ...] = (
    change_title, change_title, change_tier, change_tier, change_tier, delete_person, add_person,
    move_to_fresh, move_to_shared, lose_address, contact, contact, engage, engage, engage, engage,
    engage, leave, bounce, come_back, join, take_off,
)  # fmt: skip


def main() -> None:
    ask = argparse.ArgumentParser(description="Random histories, judged by the oracle.")
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--count", type=int, default=5)
    given = ask.parse_args()
    built, bound = server.build(0, seed=7, people=10, only=None)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with server.Running(built, bound) as running:
        for seed in range(given.seed, given.seed + given.count):
            with tempfile.TemporaryDirectory() as home:
                history = History(Bench(running.url, Path(home)), seed)
                try:
                    history.live_through()
                except AssertionError as wrong:
                    print(f"seed {seed} differs:", *history.told, wrong, sep="\n  ", flush=True)
                else:
                    print(f"seed {seed} agrees", flush=True)


if __name__ == "__main__":
    main()
