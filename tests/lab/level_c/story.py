"""One schedule, drawn from a seed: two flows, a vendor's habits, and who edits what between runs."""

import random
from dataclasses import dataclass
from typing import Literal

Side = Literal["crm", "engagement"]
REWRITES = ("as it is", "cut", "in capitals", "with a full stop")
FIELDS = {
    "first_name": "FNAME",
    "last_name": "LNAME",
    "job_title": "JOB",
}  # at Pipedrive, Mailchimp
RULES = ("last_writer", "last_writer", "crm", "engagement")
VALUES = ("Boss", "Chief", "Director", "Head of Sales", "")
PEOPLE = 3


@dataclass(frozen=True)
class Edit:
    """Somebody's change of one field at one vendor."""

    side: Side
    person: int
    field: str
    value: str

    def __str__(self) -> str:
        return f"person {self.person}: {self.field} becomes {self.value!r} ({self.side})"


@dataclass(frozen=True)
class Story:
    """`first` is what both hold before the flows meet them; `rounds` the edits before each run."""

    seed: int
    crm_writes: str
    engagement_writes: str
    out: tuple[str, ...]  # fields of the flow to Mailchimp
    into: tuple[str, ...]  # fields of the flow to Pipedrive
    rules: dict[str, str]
    first: tuple[Edit, ...]
    rounds: tuple[tuple[Edit, ...], ...]

    @property
    def steps(self) -> list[str]:
        told = [
            f"Pipedrive keeps values {self.crm_writes}, Mailchimp {self.engagement_writes}",
            f"to Mailchimp: {', '.join(self.out)}; to Pipedrive: {', '.join(self.into)}",
            f"conflicts: {self.rules}",
            *map(str, self.first),
        ]
        for edits in self.rounds:
            told += ["-- a run, and another", *map(str, edits)]
        return told


def draw(seed: int) -> Story:
    dice = random.Random(seed)
    names = list(FIELDS)
    return Story(
        seed,
        dice.choice(REWRITES),
        dice.choice(REWRITES),
        tuple(dice.sample(names, dice.randint(1, 3))),
        tuple(dice.sample(names, dice.randint(1, 3))),
        {name: dice.choice(RULES) for name in names},
        tuple(_first(dice)),
        tuple(tuple(_edit(dice) for _ in range(dice.randint(0, 5))) for _ in range(4)),
    )


def _first(dice: random.Random) -> list[Edit]:
    """Most agree from the start; some have never met."""
    edits = []
    for person in range(1, PEOPLE + 1):
        for name in FIELDS:
            value = dice.choice(VALUES)
            other = value if dice.random() < 0.7 else dice.choice(VALUES)
            edits += [Edit("crm", person, name, value), Edit("engagement", person, name, other)]
    return edits


def _edit(dice: random.Random) -> Edit:
    side: Side = dice.choice(["crm", "engagement"])
    name, value = dice.choice(list(FIELDS)), dice.choice(VALUES)
    return Edit(side, dice.randint(1, PEOPLE), name, value)
