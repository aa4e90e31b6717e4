"""One schedule, drawn from one number: what is wanted when, who runs when, what goes wrong.

Pure: imports nothing of the engine. The same seed and regime give the same story for ever.

    inside   visible within the horizon of the claim (or slow, and visible at once); short pauses
    frozen   holders sleep for longer than their lease, and wake within the horizon
    promise  as the design words it: the vendor's delay counts from the request, not the claim
    beyond   delays over the horizon, holders that sleep for longer than their lease and horizon
"""

import random
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

Regime = Literal["inside", "frozen", "promise", "beyond"]
REGIMES: tuple[Regime, ...] = ("inside", "frozen", "promise", "beyond")

SYNC, RIVAL = "lab", "rival"  # the rival shares the account, and wants the same persons
HORIZON = 120.0
LEASE = 60.0
TIMEOUT = 30.0  # how long a client waits for an answer that does not come
DAY = 86_400.0
FAULTS = (
    "lost_request", "lost_answer", "late_commit", "error_after_commit", "truncated", "refused",
    "throttled", "not_sent", "partial",
)  # fmt: skip


class Deed(NamedTuple):
    """Something that has to happen exactly once, from `since` on."""

    key: str
    subject: str
    since: float


class Wish(NamedTuple):
    """What a member's value should be, from `since` until the next wish for the member."""

    subject: str
    value: str
    since: float


class UserAct(NamedTuple):
    """Somebody else at the vendor's own screen."""

    at: float
    verb: str  # edit_note | delete_note | edit_member | unsubscribe | remove
    subject: str


class Person(NamedTuple):
    """Somebody who has to exist once in the account, whichever of its two syncs comes first."""

    address: str


@dataclass(frozen=True)
class Run:
    """One holder: when it starts, where it dies or freezes, what its clock shows."""

    starts_at: float
    crash_at: int = 0  # the how manieth boundary; 0 for none
    freeze_at: int = 0
    freeze_seconds: float = 0.0
    skew: float = 0.0
    host: str = "one"
    patience: float = HORIZON + 1
    sync: str = SYNC


@dataclass(frozen=True)
class Weather:
    """How the vendor and the way to it behave."""

    fault_chance: float
    faults_left: int
    most_delay: float  # of a late commit and of the list's lag, together
    least_delay: float
    most_latency: float
    late_update: str = ""  # the member whose first update comes late, as one of the faults


@dataclass(frozen=True)
class Story:
    seed: int
    regime: Regime
    deeds: tuple[Deed, ...]
    wishes: tuple[Wish, ...]
    acts: tuple[UserAct, ...]
    runs: tuple[Run, ...]
    weather: Weather
    persons: tuple[Person, ...] = ()


def draw(seed: int, regime: Regime) -> Story:
    """Return the story of a seed."""
    dice = random.Random(f"{regime} {seed}")
    is_slow = regime in ("inside", "promise") and dice.random() < 0.3
    runs = _runs(dice, regime, is_slow)
    times = [0.0, *(r.starts_at - 0.5 for r in runs[1:])]
    deeds, wishes = _intents(dice, times)
    acts = _acts(dice, regime, deeds, wishes, runs[-1].starts_at)
    weather = _weather(dice, regime, is_slow)
    if len(runs) == 3:
        # One who changes back and forth: a late first body may then land on the third.
        wishes += tuple(Wish("dora", value, at) for value, at in zip("ABA", times, strict=True))
        weather = replace(weather, late_update="dora")
    if dice.random() < 0.75:
        return Story(seed, regime, deeds, wishes, acts, runs, weather)
    persons = tuple(Person(address) for address in ("ann@x", "bob@x")[: dice.choice((1, 1, 2))])
    rivals = _rivals(dice, regime, runs)
    return Story(seed, regime, deeds, wishes, acts, (*runs, *rivals), weather, persons)


def _intents(dice: random.Random, times: list[float]) -> tuple[tuple[Deed, ...], tuple[Wish, ...]]:
    deeds: list[Deed] = []
    wishes: list[Wish] = []
    for number in range(dice.choice((1, 1, 2, 2, 3, 4))):
        subject = dice.choice(("ann", "bob", "cid"))
        deeds.append(Deed(f"note|crm|{subject}|{number}", subject, dice.choice(times)))
    for member in ("ann", "bob")[: dice.choice((0, 1, 1, 2))]:
        # A, then perhaps B, then perhaps A again: three generations of two values.
        changes = sorted({0.0, *dice.sample(times, dice.randint(1, len(times)))})
        wishes += [Wish(member, "AB"[i % 2], at) for i, at in enumerate(changes)]
    return tuple(deeds), tuple(wishes)


def _runs(dice: random.Random, regime: Regime, is_slow: bool) -> tuple[Run, ...]:
    runs, at = [], 1.0
    for _ in range(dice.choice((1, 1, 2, 2, 3))):
        fate = dice.random()
        crash = dice.randint(1, 30) if fate < 0.4 else 0
        freeze = dice.randint(1, 30) if 0.4 <= fate < 0.6 else 0
        runs.append(
            Run(
                starts_at=at,
                crash_at=crash,
                freeze_at=freeze,
                freeze_seconds=_freeze(dice, regime),
                skew=dice.choice((0.0, 0.0, -5.0, 5.0)),
                host=dice.choice(("one", "one", "two")),
                patience=dice.choice((0.0, HORIZON + 1)),
            )
        )
        # Half of the next runs come while this one may still be busy.
        at += dice.choice((2.0, 20.0, 61.0, 130.0) if is_slow else (2.0, 15.0, 40.0, 70.0, 400.0))
    return tuple(runs)


def _rivals(dice: random.Random, regime: Regime, runs: tuple[Run, ...]) -> tuple[Run, ...]:
    """Draw a run of the other sync close to one of ours, or two."""
    return tuple(
        Run(
            starts_at=dice.choice(runs).starts_at + dice.choice((0.0, 0.2, 2.0, 31.0)),
            crash_at=dice.randint(1, 30) if dice.random() < 0.3 else 0,
            freeze_at=dice.randint(1, 30) if dice.random() < 0.2 else 0,
            freeze_seconds=_freeze(dice, regime),
            patience=dice.choice((0.0, HORIZON + 1)),
            sync=RIVAL,
        )
        for _ in range(dice.choice((1, 1, 2)))
    )


def _freeze(dice: random.Random, regime: Regime) -> float:
    if regime == "beyond":
        return dice.choice((70.0, 200.0, 900.0))
    if regime == "frozen":
        return dice.uniform(LEASE + 6, LEASE + 20)
    return dice.uniform(1.0, 15.0)


def _weather(dice: random.Random, regime: Regime, is_slow: bool) -> Weather:
    chance, most = dice.choice((0.15, 0.4, 0.7)), dice.randint(0, 4)
    if regime == "beyond":
        return Weather(chance, most, 4 * HORIZON, 0.5 * HORIZON, 2.0)
    if regime == "frozen":
        return Weather(chance, min(most, 1), 5.0, 0.0, 0.5)
    if regime == "promise":
        return Weather(chance, most, HORIZON - 1, 0.0, TIMEOUT - 1 if is_slow else 2.0)
    if is_slow:
        # What is slow here shows at once: the sum of both must stay within the horizon.
        return Weather(0.0, 0, 0.0, 0.0, TIMEOUT - 1)
    # Every answer that is waited for in vain lies between a claim and the window's last request.
    faults = min(most, 2)
    return Weather(chance, faults, HORIZON - faults * TIMEOUT - 25, 0.0, 0.5)


def _acts(
    dice: random.Random, regime: Regime, deeds: tuple[Deed, ...], wishes: tuple[Wish, ...],
    until: float,
) -> tuple[UserAct, ...]:  # fmt: skip
    verbs = ["edit_note", "delete_note", "edit_member", "unsubscribe", "unsubscribe"]
    if regime == "beyond":
        verbs.append("remove")
    subjects = sorted({d.subject for d in deeds} | {w.subject for w in wishes})
    count = dice.choice((0, 0, 1, 2))
    return tuple(
        UserAct(dice.uniform(0.0, until + 200), dice.choice(verbs), dice.choice(subjects))
        for _ in range(count)
    )
