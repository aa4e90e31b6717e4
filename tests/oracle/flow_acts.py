"""What people do at both vendors in a random history of flows; each act tells what it did.

An act that finds nobody to do it to, or that the vendor does not let happen, says so.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.oracle.flow_world import OUT, Member, Person

if TYPE_CHECKING:
    from tests.oracle.flow_histories import History

Act = Callable[["History"], str]
NEWSLETTER = "Newsletter"


# -- in Pipedrive


def edit_person(history: "History") -> str:
    person = history.person()
    name, value = history.drawn_value()
    history.edit(person, name, value)
    return f"person {person.id}: {name} is now {value!r}"


def clear_person(history: "History") -> str:
    person = history.person()
    name = history.dice.choice(["job_title", "phone", "Region", "last_name"])
    history.edit(person, name, "")
    return f"person {person.id}: {name} is now empty"


def edit_unmapped(history: "History") -> str:
    person = history.person()
    history.crm("PATCH", person, notes=f"Note {history.serial()}")
    return f"person {person.id} has a new note"


def change_tier(history: "History") -> str:
    person, tier = history.person(), history.dice.choice(["Gold", "Bronze", ""])
    history.put_in_tier(person, tier)
    return f"person {person.id} in tier {tier or 'none'}"


def move_person(history: "History") -> str:
    """To a new address, one of a member, or one of another person."""
    person = history.person()
    email = history.drawn_address()
    history.readdress(person, [email])
    return f"person {person.id} moves from {person.emails} to {email}"


def give_second_address(history: "History") -> str:
    person = history.person()
    email = history.drawn_address()
    if email in person.emails:
        return "nobody gets another address"
    history.readdress(person, [*person.emails, email])
    return f"person {person.id} has {email} beside {person.emails}"


def add_person(history: "History") -> str:
    email = history.drawn_address()
    name = f"New{history.serial()}"
    made = history.bench.crm.call("POST", "/api/v2/persons", {
        "name": f"{name} Person", "job_title": history.dice.choice(["Buyer", "Director"]),
        "emails": [{"value": email, "primary": True, "label": "work"}],
    })  # fmt: skip
    return f"person {made['data']['id']} added with {email}"


def delete_person(history: "History") -> str:
    person = history.person()
    history.crm("DELETE", person)
    return f"person {person.id} ({person.emails}) deleted"


def merge_persons(history: "History") -> str:
    loser, winner = history.person(), history.person()
    if loser.id == winner.id:
        return "nobody merged"
    body = {"merge_with_id": winner.id}
    history.bench.crm.call("PUT", f"/v1/persons/{loser.id}/merge", body)
    return f"person {loser.id} ({loser.emails}) merged into {winner.id} ({winner.emails})"


def make_deal(history: "History") -> str:
    person = history.person()
    stage = history.dice.choice(["Lead In", "Qualified"])
    body = {"title": "A deal", "person_id": person.id, "stage_id": history.stages[stage]}
    made = history.bench.crm.call("POST", "/api/v2/deals", body)
    history.bench.model.passed(made["data"]["id"], stage)
    history.deals.append(made["data"]["id"])
    return f"deal {made['data']['id']} of person {person.id} ({person.emails}) made in {stage}"


def move_deal(history: "History") -> str:
    if not history.deals:
        return make_deal(history)
    deal = history.dice.choice(history.deals)
    stage = history.dice.choice(["Lead In", "Qualified", "Qualified", "Proposal"])
    told = history.bench.crm.call("GET", f"/api/v2/deals/{deal}")["data"]
    if told["stage_id"] == history.stages[stage]:
        return "no deal moved"
    body = {"stage_id": history.stages[stage]}
    history.bench.crm.call("PATCH", f"/api/v2/deals/{deal}", body)
    history.bench.model.passed(deal, stage)
    return f"deal {deal} of person {told['person_id']} moved to {stage}"


# -- in Mailchimp


def edit_member(history: "History") -> str:
    member = history.member()
    name, value = history.drawn_value()
    tag = history.tag_of(name)
    history.bench.act("edit", member.email, member.audience, fields={tag: value})
    return f"{_told(member)}: {tag} is now {value!r}"


def clear_member(history: "History") -> str:
    member = history.member()
    tag = history.dice.choice(["JOB", "TEL", "REGION", "LNAME"])
    history.bench.act("edit", member.email, member.audience, fields={tag: ""})
    return f"{_told(member)}: {tag} is now empty"


def edit_same_field(history: "History") -> str:
    """Both sides of one contact, in one second or in two."""
    pairs = [
        (c.person, m) for c in history.bench.model.book.contacts for m in c.members.values()
        if c.person in history.world.persons and m in history.world.members
    ]  # fmt: skip
    if not pairs:
        return "nobody edited at both"
    person_id, member_id = history.dice.choice(sorted(pairs, key=str))
    person, member = history.world.persons[person_id or 0], history.world.members[member_id]
    name, _ = history.drawn_value()
    tag, number = history.tag_of(name), history.serial()
    is_first, is_late = history.dice.random() < 0.5, history.dice.random() < 0.7

    def engage() -> None:
        history.bench.act(
            "edit", member.email, member.audience, fields={tag: value_of(name, number)}
        )

    if is_first:
        engage()
    if is_first and is_late:
        history.bench.later()
    history.edit(person, name, value_of(name, number + 1))
    if not is_first:
        if is_late:
            history.bench.later()
        engage()
    order = "Mailchimp first" if is_first else "Pipedrive first"
    return f"{_told(member)} and person {person.id}: {name} edited at both, {order}"


def value_of(name: str, number: int) -> str:
    """A value for a field that nobody has yet."""
    if name == "phone":
        return f"+371 2{number:07}"
    return f"2027-01-{number % 28 + 1:02}" if name == "Renewal" else f"Both{number}"


def tag_member(history: "History") -> str:
    member, tag = history.member(), history.dice.choice(["lead", "lead", "vip"])
    if (member.audience, tag) in history.gone_tags:
        return "nobody tagged: one of a deleted tag's name is another tag, which no flow knows"
    history.bench.act("tag", member.email, member.audience, tag=tag)
    return f"{_told(member)} tagged {tag}"


def untag_member(history: "History") -> str:
    tag = history.dice.choice(["lead", "vip"])
    found = [m for m in history.world.members.values() if tag in m.tags]
    if not found:
        return "nobody untagged"
    member = history.dice.choice(sorted(found, key=lambda m: m.email))
    history.bench.act("untag", member.email, member.audience, tag=tag)
    return f"{_told(member)} loses the tag {tag}"


def join(history: "History") -> str:
    email = history.drawn_address()
    fields = {"FNAME": f"Own{history.serial()}"}
    if history.dice.random() < 0.7:
        fields["LNAME"] = "Joined"
    kind = history.dice.choice(["subscribe", "add"])
    history.bench.act(kind, email, NEWSLETTER, fields=fields)
    if history.dice.random() < 0.4 and (NEWSLETTER, "lead") not in history.gone_tags:
        history.bench.act("tag", email, NEWSLETTER, tag="lead")
        return f"{email} joins ({kind}), tagged lead"
    return f"{email} joins ({kind})"


def come_back(history: "History") -> str:
    found = [m for m in history.world.members.values() if m.status in OUT]
    if not found:
        return "nobody comes back"
    member = history.dice.choice(sorted(found, key=lambda m: m.email))
    history.bench.act("subscribe", member.email, member.audience)
    return f"{_told(member)} ({member.status}) subscribes again"


def leave(history: "History") -> str:
    member = history.member("subscribed")
    kind = history.dice.choice(["unsubscribe", "unsubscribe", "clean", "archive", "forget"])
    history.bench.act(kind, member.email, member.audience)
    if kind == "forget":
        history.bench.model.bars.erased(member.audience, member.email)
    return f"{_told(member)}: {kind}"


def move_member(history: "History") -> str:
    member, email = history.member("subscribed"), history.drawn_address()
    history.bench.act("change_address", member.email, member.audience, new_email=email)
    return f"{_told(member)} moves to {email}"


def leave_and_move(history: "History") -> str:
    """Who has left changes the address in the CRM: nobody is subscribed under the new one."""
    found = [
        (c, m) for c in history.bench.model.book.contacts for m in c.members.values()
        if c.person in history.world.persons and m in history.world.members
    ]  # fmt: skip
    if not found:
        return "nobody leaves and moves"
    contact, member_id = history.dice.choice(found)
    member = history.world.members[member_id]
    kind = history.dice.choice(["unsubscribe", "forget", "archive"])
    history.bench.act(kind, member.email, member.audience)
    if kind == "forget":
        history.bench.model.bars.erased(member.audience, member.email)
    email = history.drawn_address()
    history.readdress(history.world.persons[contact.person or 0], [email])
    return f"{_told(member)}: {kind}, and person {contact.person} moves to {email}"


def delete_filter(history: "History") -> str:
    if history.dice.random() < 0.7:
        return "no filter deleted"
    name = history.dice.choice(["Buyers", "Everyone with a phone"])
    if not history.bench.runs:
        return "no filter deleted before a run has seen it: a definition of it would be a mistake"
    for told in history.bench.reader.book("pipedrive", "filters"):
        if told["name"] == name:
            history.bench.crm.call("DELETE", f"/v1/filters/{told['id']}")
            return f"filter {name} deleted"
    return "no filter deleted"


def delete_tag(history: "History") -> str:
    if history.dice.random() < 0.7:
        return "no tag deleted"
    tag = history.dice.choice(["lead", "vip"])
    if not history.bench.runs:
        return "no tag deleted before a run has seen it: a definition of it would be a mistake"
    history.bench.control("events/mailchimp", kind="delete_segment", segment=tag, list=NEWSLETTER)
    history.gone_tags.add((NEWSLETTER, tag))
    return f"tag {tag} deleted"


def _told(member: Member) -> str:
    return f"{member.email} in {member.audience}"


def synced_first(persons: list[Person]) -> list[Person]:
    return sorted(persons, key=lambda p: p.id)


WEIGHTS: dict[Act, int] = {
    edit_person: 6, clear_person: 2, edit_unmapped: 1, change_tier: 3, move_person: 2,
    give_second_address: 1, add_person: 2, delete_person: 1, merge_persons: 1, make_deal: 3,
    move_deal: 3, edit_member: 6, clear_member: 2, edit_same_field: 4, tag_member: 5,
    untag_member: 2, join: 4, come_back: 1, leave: 2, move_member: 1, leave_and_move: 1,
    delete_filter: 1, delete_tag: 1,
}  # fmt: skip
EDITS = {act: WEIGHTS[act] for act in (edit_person, edit_member, edit_same_field, clear_member)}
