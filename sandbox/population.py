"""The seeded people both sides know.

Vendors take what they need: the CRM its persons, the list its subscribers. The odd ones are
in here on purpose: without an address, with an unusable one, sharing one, spelling it otherwise.
"""

import random
from typing import NamedTuple

FIRST_NAMES = (
    "Anna",
    "Janis",
    "Ilze",
    "Peteris",
    "Liga",
    "Andris",
    "Inese",
    "Juris",
    "Marta",
    "Edgars",
    "Sofia",
    "Luca",
    "Chloe",
    "Noah",
    "Emma",
    "Liam",
    "Zoe",
    "Oskar",
    "Freya",
    "Mateo",
    "Aino",
    "Kalle",
    "Ingrid",
    "Bjorn",
    "Maeve",
    "Cian",
    "Aoife",
    "Tomasz",
    "Zofia",
    "Élodie",
)
LAST_NAMES = (
    "Berzins", "Kalnins", "Ozols", "Liepa", "Jansons", "Balode", "Rossi", "Dubois", "Smith",
    "O'Brien", "Virtanen", "Nieminen", "Hansen", "Larsen", "Kowalski", "Nowak", "García",
    "Müller", "Schmidt", "van der Berg", "Silva", "Costa", "Novák", "Horváth", "Murphy",
)  # fmt: skip
COMPANIES = ("Baltic Foods", "Nordwind", "Acme Tools", "Blue Ridge", "Kiwi Labs", "Sunrise Energy")
TIERS = ("Gold", "Silver", "Bronze", None)


class Address(NamedTuple):
    value: str
    is_primary: bool


class Inhabitant(NamedTuple):
    """One seeded person. `number` counts from 1; `emails` keeps the CRM's order."""

    number: int
    first_name: str
    last_name: str
    emails: tuple[Address, ...]
    phone: str
    company: str | None
    tier: str | None
    is_deleted: bool


def populate(seed: int, count: int) -> tuple[Inhabitant, ...]:
    """`count` people; the same for the same seed, whatever else is drawn elsewhere."""
    dice = random.Random(f"{seed}/population")
    people: list[Inhabitant] = []
    for number in range(1, count + 1):
        people.append(_inhabitant(dice, number, people))
    return tuple(people)


def _inhabitant(dice: random.Random, number: int, earlier: list[Inhabitant]) -> Inhabitant:
    first, last = dice.choice(FIRST_NAMES), dice.choice(LAST_NAMES)
    return Inhabitant(
        number=number,
        first_name=first,
        last_name=last,
        emails=_emails(dice, number, first, earlier),
        phone=_phone(dice),
        company=dice.choice(COMPANIES) if dice.random() < 0.7 else None,
        tier=dice.choice(TIERS),
        is_deleted=dice.random() < 0.02,
    )


def _emails(
    dice: random.Random, number: int, first: str, earlier: list[Inhabitant]
) -> tuple[Address, ...]:
    own = f"{first.lower().replace('é', 'e')}.{number}@example.{dice.choice(('com', 'org', 'net'))}"
    kind = dice.random()
    if kind < 0.02:
        return ()
    if kind < 0.03:
        return (Address(dice.choice(("n/a", "unknown", f"{first}@", "none@none")), True),)
    if kind < 0.06 and earlier and earlier[-1].emails:
        shared = earlier[-1].emails[0].value
        return (Address(shared.upper() if dice.random() < 0.5 else shared, True),)
    if kind < 0.14:
        second = f"{first.lower().replace('é', 'e')}.{number}@work.example"
        flagged = dice.choice((0, 1, 1, None))
        return tuple(Address(v, flagged == i) for i, v in enumerate((own, second)))
    return (Address(own, True),)


def _phone(dice: random.Random) -> str:
    digits = "".join(str(dice.randrange(10)) for _ in range(7))
    london = f"+44 20 7{digits[:3]} {digits[3:]}"
    return dice.choice(
        (f"+371 2{digits}", f"+3712{digits}", f"2{digits}", f"00371 2{digits}", london, "")
    )
