"""People edit whom a run in trouble wrote to, or was to, before the next run looks.

Only where the rules name one right end whichever of the run's writes have landed: nobody can tell a
target that somebody edited after our write from one that our write never reached.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tests.oracle.flow_drawn import OPTIONAL
from tests.oracle.flow_fields import is_written
from tests.oracle.flow_landed import target_of
from tests.oracle.flow_model import NAMES, Decided
from tests.oracle.flow_world import Both

if TYPE_CHECKING:
    from tests.oracle.flow_histories import History

SELECTING = "job_title"  # a filter goes by it: in the CRM it is left alone


def edit_meanwhile(
    history: "History", sure: list[Decided], left: Both, doubted: set[str]
) -> list[str]:
    """Some edits of one contact, mostly of one whose write is in doubt; what was done."""
    if not sure:
        return []
    contact = _chosen(history, sure, doubted).contact
    fields: dict[tuple[str, str, str], list[Decided]] = {}
    for one in sure:
        if one.contact is contact and one.name in (*NAMES, *OPTIONAL):
            fields.setdefault((one.flow.audience, one.name, one.tag), []).append(one)
    planned = sorted(key for key, each in fields.items() if any(is_written(d.pair) for d in each))
    told = []
    for _ in range(history.dice.choice([1, 2, 3, 4, 5]) if fields else 0):
        history.bench.later()
        is_of_plan = planned and history.dice.random() < 0.5
        key = history.dice.choice(planned if is_of_plan else sorted(fields))
        sides = sorted(_sides(history, fields[key]))
        if sides:
            told.append(_edit(history, fields[key], history.dice.choice(sides), left))
    return told


def _chosen(history: "History", sure: list[Decided], doubted: set[str]) -> Decided:
    planned = [d for d in sure if is_written(d.pair)]
    in_doubt = [d for d in planned if str(target_of(d)) in doubted]
    if in_doubt and history.dice.random() < 0.85:
        return history.dice.choice(in_doubt)
    return history.dice.choice(planned or sure)


def _sides(history: "History", decided: Iterable[Decided]) -> set[str]:
    sides = {"crm", "engagement"}
    rules = history.bench.model.rules
    for one in decided:
        is_settled_by_time = rules.get(one.name, "last_writer") == "last_writer"
        if is_written(one.pair) and not (one.pair.is_two_way and is_settled_by_time):
            sides &= {"engagement" if one.flow.is_into_crm else "crm"}
        if one.name == SELECTING:
            sides -= {"crm"}
    return sides


def _edit(history: "History", decided: list[Decided], side: str, left: Both) -> str:
    one = decided[0]
    person = left.persons[one.contact.person or 0]
    member = left.members[one.contact.members[one.flow.audience]]
    values = {person.values[one.name], member.values.get(one.tag, ""), *(one.pair.base or ())}
    if one.name in NAMES:
        values -= {""}
    if any(is_written(d.pair) and d.flow.is_into_crm == (side == "crm") for d in decided):
        # Put back where our write came: to anybody that is a write which never came.
        values -= {one.pair.crm if side == "crm" else one.pair.engagement}
    value = history.dice.choice([history.fresh_value(one.name), *sorted(values)])
    if side == "crm":
        history.edit(person, one.name, value)
        return f"meanwhile person {person.id}: {one.name} is now {value!r}"
    history.bench.act("edit", member.email, member.audience, fields={one.tag: value})
    return f"meanwhile {member.email} in {member.audience}: {one.tag} is now {value!r}"
