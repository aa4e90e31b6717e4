"""What the model remembers of a run that died or was not answered, before anybody acts again.

It swept as if the run had come through. A pair that was to be written and was not is held against
what it was held against before; what has landed was dealt with, answered or not (MC-02).
"""

from tests.oracle.flow_fields import is_written
from tests.oracle.flow_model import Decided, Model
from tests.oracle.flow_world import Both


def keep_what_landed(model: Model, before: Both, planned: Both, left: Both) -> list[Decided] | None:
    """Take back what was planned and has not happened; what was decided of contacts that are sure.

    None, with the model as it was swept, where somebody was created or was to be: who of them the
    next run counts among its own is not said here.
    """
    if not before.persons.keys() == planned.persons.keys() == left.persons.keys():
        return None
    if not before.members.keys() == planned.members.keys() == left.members.keys():
        return None
    unsure = {
        id(one.contact)
        for one in model.decided
        if not _keep_one(model, one, before, planned, left) or _is_owed(model, one)
    }
    for flow, facts in model.owed.items():
        flow.facts = facts if flow.serves else flow.facts
    return [one for one in model.decided if id(one.contact) not in unsure]


def _keep_one(model: Model, one: Decided, before: Both, planned: Both, left: Both) -> bool:
    """Whether it is sure what the pair is held against from now on."""
    if not is_written(one.pair):
        is_new = one.said in ("equal", "meet") and one.pair.base != (
            one.pair.crm,
            one.pair.engagement,
        )
        return not is_new and one.said != "conflict"
    was, wanted, now = (_target(one, world) for world in (before, planned, left))
    if wanted == was:
        return True
    if now == wanted:
        who = target_of(one)
        record = left.persons[who] if isinstance(who, int) else left.members[who]
        model.ours_at[who] = record.at
    elif now == was:
        key = (one.flow.audience, one.name, one.tag)
        one.contact.bases.pop(key, None)
        if one.pair.base is not None:
            one.contact.bases[key] = one.pair.base
    else:
        model.book.leave_open(target_of(one))
    if one.said == "conflict":
        # Which side changed last is not what it was: one of the changes may be ours.
        model.book.leave_open(target_of(one))
    return one.said != "conflict" and now in (was, wanted)


def _is_owed(model: Model, one: Decided) -> bool:
    """Brought by what happens once: whether that counts as dealt with is not known."""
    return bool(model.owed[one.flow])


def target_of(one: Decided) -> int | str:
    """The person or the member that its flow writes to."""
    if one.flow.is_into_crm:
        return one.contact.person or 0
    return one.contact.members[one.flow.audience]


def _target(one: Decided, world: Both) -> str:
    """What stands where the flow of it writes."""
    who = target_of(one)
    if isinstance(who, int):
        person = world.persons[who]
        return person.values[one.name] if one.name != "email" else "".join(person.emails[:1])
    member = world.members[who]
    return member.values.get(one.tag, "") if one.name != "email" else member.email
