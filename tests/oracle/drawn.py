"""A definition drawn by dice: one to three bots, one of them perhaps for all contacts."""

import copy
import random

from tests.oracle import scenarios as make
from tests.oracle.bench import definition
from tests.oracle.reading import Json

PHONES = "Everyone with a phone"
KINDS = ("open", "click", "send", "bounce")
TYPES = ("call", "meeting", "task", "email", "deadline", "lunch")
STAGES = ("Qualified", "Proposal")


def definition_of(dice: random.Random, *, imports: bool = False, overriding: bool = True) -> Json:
    """A quarter of all seeds plays the one bot that does everything; the rest is drawn.

    `imports`: people who join the list become persons (MG-22). Without `overriding` there is no
    bot for all contacts.
    """
    if dice.random() < 0.25:
        wanted = make.everything()
    else:
        wanted = definition(*(bot for bot in _bots(dice) if overriding or bot["id"] != "everybody"))
        if dice.random() < 0.15:
            wanted |= {"count_from": "all_time"}
    if dice.random() < 0.5:
        wanted |= {"guards": {"first_activation": "allow"}}
    if imports:
        wanted |= {"new_subscribers": {"owner": "ann@acme.example"}}
    return copy.deepcopy(wanted)


def _bots(dice: random.Random) -> list[Json]:
    customers = make.customers(**_automations(dice, "c"))
    phones = {"id": "phones", "contacts": {"filter": PHONES}}
    if dice.random() < 0.7:
        phones |= _automations(dice, "p")
    everybody = {"id": "everybody", "contacts": "all"} | _automations(dice, "e")
    match dice.randrange(4):
        case 0:
            return [customers, phones]
        case 1:
            return [everybody, customers]
        case 2:
            return [everybody, phones]
        case _:
            return [everybody, customers, phones]


def _automations(dice: random.Random, prefix: str) -> Json:
    """Rules of two to four kinds of event, perhaps deals and notes; ids name bot and event."""
    activities = [
        _rule(dice, f"{prefix}-{event}", event) | {"type": dice.choice(TYPES)}
        for event in dice.sample(KINDS, dice.randrange(2, 5))
    ]
    deals = [
        _rule(dice, f"{prefix}-deal-{event}", event)
        | {"owner": "bob@acme.example", "pipeline": "Sales", "stage": dice.choice(STAGES)}
        for event in dice.sample(("open", "click"), dice.randrange(3))
    ]
    found: Json = {"activities": activities, "deals": deals}
    found["notes"] = dice.sample(KINDS, dice.randrange(5))
    if dice.random() < 0.15:
        found["count_from"] = "all_time"
    return found


def _rule(dice: random.Random, rule_id: str, event: str) -> Json:
    rule = {"id": rule_id, "event": event, "after": dice.randrange(1, 4)}
    if dice.random() < 0.4:
        rule["repeat"] = "every"
    if dice.random() < 0.1:
        rule["count_from"] = "all_time"
    return rule
