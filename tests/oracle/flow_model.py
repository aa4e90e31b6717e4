"""The oracle for Mailchimp flows: what both vendors must show after a run, from what they showed
before it. Slow and plain; written from the requirements (MC, ALL) and decision 0009 alone.

    model.sweep(world)             the world as a run must leave it; new records have ids of ours
    model.compared(before, after)  ... and those become the vendors' once the two were compared

Each sweep: links and bars by what is there; flows by the file; who is brought up; whose pair of
fields is written; what is created. Everything is decided on the world as it was read: a write of
one flow is seen by the others in the next run.
"""

from datetime import datetime
from typing import NamedTuple

from tests.oracle.flow_bars import Bars
from tests.oracle.flow_definition import Flow
from tests.oracle.flow_fields import Pair, decide, is_written
from tests.oracle.flow_people import Book, Contact, Who
from tests.oracle.flow_world import Both, Json, Member, Person

NAMES = ("first_name", "last_name")


class Decided(NamedTuple):
    """What a sweep made of one pair of fields, `said` as `decide` says it."""

    contact: Contact
    flow: Flow
    name: str
    tag: str
    pair: Pair
    said: str


class Model:
    """Everything the rules remember from run to run."""

    def __init__(self, wanted: Json) -> None:
        self.flows = {flow["id"]: Flow(flow) for flow in wanted["flows"]}
        self.rules: dict[str, str] = wanted.get("conflicts", {})
        self.book, self.bars = Book(), Bars()
        self.ours: set[str] = set()  # members that a flow put there
        self.written: set[Who] = set()  # records of which the last sweep wrote something
        self.ours_at: dict[Who, str] = {}  # when an answer of ours last said they changed
        self.free_names: set[int] = set()  # persons whose name no mapping says
        self.decided: list[Decided] = []  # by the last sweep
        self.owed: dict[Flow, list[str | int]] = {}  # what each flow owed before it
        self._postponed: dict[Flow, list[str | int]] = {}
        self._serial = 0

    # -- what happens between runs

    def passed(self, deal: int, stage: str) -> None:
        """A deal entered a stage of the pipeline Sales."""
        for flow in self.flows.values():
            if flow.is_at_work and flow.trigger.get("stage") == stage:
                flow.facts.append(deal)

    def change(self, flow_id: str, **said: object) -> None:
        flow = self.flows[flow_id]
        flow.wanted = flow.wanted | said

    # -- a run

    def sweep(self, world: Both) -> Both:
        """A run that nothing stands in the way of."""
        after = world.copy()
        self.written, self._postponed, self.decided = set(), {}, []
        self.book.look(world)
        for flow in self.flows.values():
            flow.meet(world)
        self.bars.look(world, {flow.audience for flow in self.flows.values() if flow.serves})
        for flow in self.flows.values():
            self._note_arrivals(flow, world)
        self.owed = {flow: list(flow.facts) for flow in self.flows.values()}
        brought = self._brought(world)
        self._leave_split_open(world, brought)
        self._leave_rivals_open(world, brought)
        for contact in dict.fromkeys(c for found in brought.values() for c in found):
            flows = [flow for flow, found in brought.items() if contact in found]
            for audience in dict.fromkeys(flow.audience for flow in flows):
                self._serve(world, after, contact, [f for f in flows if f.audience == audience])
        for flow in self.flows.values():
            flow.facts = self._postponed.get(flow, []) if flow.serves else flow.facts
        return after

    def _note_arrivals(self, flow: Flow, world: Both) -> None:
        here = [m for m in world.members.values() if m.audience == flow.audience]
        if flow.serves and "new_contacts" in flow.trigger:
            for member in here:
                if member.id in flow.known | self.ours:
                    continue
                flow.facts.append(member.id)
                if member.status != "subscribed":
                    # Here and gone before anybody looked.
                    self.book.leave_open(member.id)
        flow.known |= {m.id for m in here}

    def _brought(self, world: Both) -> dict[Flow, list[Contact]]:
        """Which contacts each flow is about now; links are made on the way."""
        persons: dict[Flow, set[int]] = {}
        members: dict[Flow, set[str]] = {}
        serving = [flow for flow in self.flows.values() if flow.serves]
        for flow in serving:
            if flow.is_into_crm:
                arrived = {m for m in flow.facts if m in world.members}
                members[flow] = arrived | {m.id for m in world.members.values() if flow.lists(m)}
            else:
                passed = {world.deals.get(d) for d in flow.facts if isinstance(d, int)}
                matching = {p.id for p in world.persons.values() if flow.selects(p, world)}
                going_on = {c.person for c in flow.synced if "filters" in flow.trigger}
                found = passed | matching | going_on
                persons[flow] = {p for p in found if p is not None and p in world.persons}
        brought: dict[Flow, list[Contact]] = {flow: [] for flow in serving}
        for audience in dict.fromkeys(flow.audience for flow in serving):
            here = [flow for flow in serving if flow.audience == audience]
            found_here = self.book.pair(
                world,
                audience,
                {p for flow in here for p in persons.get(flow, ())},
                {m for flow in here for m in members.get(flow, ())},
            )
            for flow in here:
                brought[flow] = [
                    c for c in found_here
                    if c.person in persons.get(flow, ())
                    or c.members.get(audience) in members.get(flow, ())
                ]  # fmt: skip
        return brought

    def _leave_split_open(self, world: Both, brought: dict[Flow, list[Contact]]) -> None:
        """Of several addresses the paired one is replaced; which that is no document says."""
        for flow, contacts in brought.items():
            for contact in contacts:
                person = world.persons.get(contact.person or 0)
                if person is None:
                    continue
                is_split = len(person.emails) > 1 or person.has_phones > 1
                if (flow.is_into_crm and is_split) or (not flow.is_into_crm and not person.emails):
                    self.book.leave_open(person.id, *contact.members.values())

    def _leave_rivals_open(self, world: Both, brought: dict[Flow, list[Contact]]) -> None:
        """Of two who are to have one address in one run, no document says who gets it."""
        wanted: dict[tuple[str, str], set[Contact]] = {}
        for flow, contacts in brought.items():
            for contact in contacts if not flow.is_into_crm else ():
                person = world.persons.get(contact.person or 0)
                member = world.members.get(contact.members.get(flow.audience, ""))
                email = person.emails[0] if person and person.emails else ""
                if email and (member is None or member.email != email):
                    wanted.setdefault((flow.audience, email), set()).add(contact)
        for rivals in wanted.values():
            for contact in rivals if len(rivals) > 1 else ():
                self.book.leave_open(contact.person, *contact.members.values())

    # -- one contact in one audience

    def _serve(self, world: Both, after: Both, contact: Contact, flows: list[Flow]) -> None:
        audience = flows[0].audience
        member = world.members.get(contact.members.get(audience, ""))
        person = world.persons.get(contact.person) if contact.person is not None else None
        outward = [flow for flow in flows if not flow.is_into_crm]
        if person is None and contact.has_lost_person:
            return
        is_created = person is None or member is None
        if person is None and member:
            self._create_person(after, contact, member, flows[:1])
        elif member is None and person:
            outward = outward[:1]
            self._create_member(after, contact, person, outward)
        elif member and person and member.status != "archived":
            self._update(after, contact, (person, member), flows)
        is_served = audience in contact.members and not (member and member.status == "archived")
        for flow in outward:
            if is_served:
                flow.synced = list(dict.fromkeys([*flow.synced, contact]))
                if flow.wanted.get("tag"):
                    after.members[contact.members[audience]].tags.add(flow.wanted["tag"])
            elif "stage" in flow.trigger or contact in flow.skipped:
                pass
            else:
                flow.skipped.append(contact)
        # The first flow of the file creates; what the others owe they write in the next run.
        for flow in flows[1:] if is_created else ():
            kept = [f for f in flow.facts if self._is_about(world, f, contact)]
            self._postponed.setdefault(flow, []).extend(kept)

    def _is_about(self, world: Both, fact: str | int, contact: Contact) -> bool:
        if isinstance(fact, str):
            return fact in contact.members.values()
        return world.deals.get(fact) is not None and world.deals[fact] == contact.person

    def _create_person(
        self, after: Both, contact: Contact, member: Member, flows: list[Flow]
    ) -> None:
        self._serial -= 1
        values = dict.fromkeys(("job_title", "phone", "Region", "Renewal", "Contract value"), "")
        values |= {
            name: member.values.get(tag, "")
            for name, tag in zip(NAMES, ("FNAME", "LNAME"), strict=True)
        }
        if not any(values[name] for name in NAMES):
            values["first_name"] = member.email
        person = Person(self._serial, [member.email], values, "")
        after.persons[person.id] = person
        contact.person = person.id
        self.written.add(person.id)
        self._keep(contact, member.audience, "email", "EMAIL", (member.email, member.email))
        for flow in flows:
            for name, tag in flow.wanted["mapping"].items():
                source = member.values.get(tag, "")
                if source or name in NAMES:
                    values[name] = source or values[name]
                    self._keep(contact, member.audience, name, tag, (values[name], source))
        person.has_phones = int(bool(values["phone"]))

    def _create_member(
        self, after: Both, contact: Contact, person: Person, flows: list[Flow]
    ) -> None:
        addresses = contact.addresses | set(person.emails)
        if self.bars.may_bar(addresses):
            self.book.leave_open(person.id)
        if not flows or self.bars.why(addresses):
            return
        self._serial -= 1
        audience = flows[0].audience
        member = Member(f"new {self._serial}", audience, person.emails[0], "subscribed", {}, "")
        after.members[member.id] = member
        contact.members[audience] = member.id
        self.ours.add(member.id)
        self.written.add(member.id)
        if person.id in self.book.open:
            self.book.leave_open(member.id)
        self._keep(contact, audience, "email", "EMAIL", (member.email, member.email))
        for flow in flows:
            for name, tag in flow.wanted["mapping"].items():
                source = person.values[name]
                if source:
                    member.values[tag] = source
                    self._keep(contact, audience, name, tag, (source, source))

    def _update(
        self, after: Both, contact: Contact, sides: tuple[Person, Member], flows: list[Flow]
    ) -> None:
        # All are decided by the bases as they stood: no flow sees what another one writes now.
        pairs = [
            (flow, name, tag, self._pair(contact, sides, flow, name, tag, flows))
            for flow in flows
            for name, tag in flow.mapping.items()
        ]
        for flow, name, tag, pair in pairs:
            said = decide(pair)
            self.decided.append(Decided(contact, flow, name, tag, pair, said))
            if said in ("equal", "meet"):
                self._keep(contact, flow.audience, name, tag, (pair.crm, pair.engagement))
            elif is_written(pair):
                self._write(after, contact, flow, (name, tag), pair)
            if said == "conflict" and pair.base is None and self._is_of_ours(sides):
                self.book.leave_open(sides[0].id, sides[1].id)

    def _pair(
        self, contact: Contact, sides: tuple[Person, Member], flow: Flow, name: str, tag: str,
        flows: list[Flow],
    ) -> Pair:  # fmt: skip
        person, member = sides
        is_address = name == "email"
        first = person.emails[0] if person.emails else ""
        rule = self.rules.get(name, "last_writer")
        is_later = _moment(member.at) > _moment(person.at)
        return Pair(
            crm=first if is_address else person.values[name],
            engagement=member.email if is_address else member.values.get(tag, ""),
            base=contact.bases.get((flow.audience, name, tag)),
            is_into_crm=flow.is_into_crm,
            is_two_way=any(
                other.is_into_crm != flow.is_into_crm and other.mapping.get(name) == tag
                for other in flows
            ),
            winner=("engagement" if is_later else "crm") if rule == "last_writer" else rule,
            is_address=is_address,
        )

    def _write(
        self, after: Both, contact: Contact, flow: Flow, field: tuple[str, str], pair: Pair
    ) -> None:
        name, tag = field
        member = after.members[contact.members[flow.audience]]
        person = after.persons[contact.person or 0]
        value = pair.engagement if flow.is_into_crm else pair.crm
        if flow.is_into_crm:
            if pair.is_address:
                person.emails[0] = value
            else:
                person.values[name] = value
                person.has_phones = int(bool(person.values["phone"]))
            if not any(person.values[part] for part in NAMES):
                self.book.leave_open(person.id)
            self.written.add(person.id)
        elif pair.is_address:
            if not self._may_move(after, contact, member, value):
                return
            member.email = value
            self.written.add(member.id)
        else:
            member.values.pop(tag, None)
            if value:
                member.values[tag] = value
            self.written.add(member.id)
        self._keep(contact, flow.audience, name, tag, (value, value))

    def _may_move(self, after: Both, contact: Contact, member: Member, email: str) -> bool:
        """Not to an address that is taken. Who has left may move or stay: nobody is subscribed
        by that; but no subscribed member goes to a barred address."""
        if after.at_address(member.audience, email):
            return False
        addresses = contact.addresses | {email}
        if self.bars.why(addresses) or self.bars.may_bar(addresses):
            self.book.leave_open(member.id)
            return False
        return True

    def _keep(
        self, contact: Contact, audience: str, name: str, tag: str, base: tuple[str, str]
    ) -> None:
        contact.bases[(audience, name, tag)] = base

    def _is_of_ours(self, sides: tuple[Person, Member]) -> bool:
        return any(self.ours_at.get(one.id) == one.at for one in sides)

    # -- what the vendors made of it

    def found(self, person: dict[int, int], member: dict[str, str], after: Both) -> None:
        """The ids the vendors gave, and when they say that they were written to."""
        for contact in self.book.contacts:
            if contact.person in person:
                contact.person = person[contact.person]
            contact.members = {a: member.get(m, m) for a, m in contact.members.items()}
        self.ours = {member.get(one, one) for one in self.ours}
        both: dict[Who, Who] = {**person, **member}
        for flow in self.flows.values():
            flow.known = {member.get(one, one) for one in flow.known}
        for who in {both.get(one, one) for one in self.written}:
            record = after.persons.get(who) if isinstance(who, int) else after.members.get(who)
            if record:
                self.ours_at[who] = record.at


def _moment(at: str) -> datetime:
    return datetime.fromisoformat(at.replace("Z", "+00:00") if at else "1970-01-01T00:00:00+00:00")
