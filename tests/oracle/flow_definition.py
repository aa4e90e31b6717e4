"""A flow as an outsider reads it in the file, and how it stands from run to run."""

from dataclasses import dataclass, field

from tests.oracle.flow_people import Contact
from tests.oracle.flow_world import Both, Json, Member, Person

FILTERS = {
    "Customers EU": lambda p: p.tier in ("Gold", "Silver"),
    "Everyone with a phone": lambda p: p.has_phones > 0,
    "Buyers": lambda p: p.values["job_title"].casefold() == "buyer",
}
# A walk of a segment shows these: the pending and the archived are asked for by nobody.
LISTED = ("subscribed", "unsubscribed", "cleaned", "transactional")


@dataclass(eq=False)
class Flow:
    """`facts` are what is owed once: members that arrived, deals that passed."""

    wanted: Json
    is_at_work: bool = False
    is_stopped: bool = False
    known: set[str] = field(default_factory=set)
    facts: list[str | int] = field(default_factory=list)
    synced: list[Contact] = field(default_factory=list)
    skipped: list[Contact] = field(default_factory=list)

    @property
    def id(self) -> str:
        return str(self.wanted["id"])

    @property
    def trigger(self) -> Json:
        told: Json = self.wanted["trigger"]
        return told

    @property
    def audience(self) -> str:
        return str(self.wanted["audience"])

    @property
    def is_into_crm(self) -> bool:
        return "tags" in self.trigger or "new_contacts" in self.trigger

    @property
    def mapping(self) -> dict[str, str]:
        """E-mail always is mapped."""
        return {"email": "EMAIL"} | self.wanted["mapping"]

    @property
    def serves(self) -> bool:
        return self.is_at_work and not self.is_stopped

    def meet(self, world: Both) -> None:
        """What the file says by now; an activation forgets what was owed."""
        is_active = bool(self.wanted.get("active"))
        if is_active and not self.is_at_work:
            self.is_stopped = False
            self.known = {m.id for m in world.members.values() if m.audience == self.audience}
            self.facts = []
        if not is_active:
            self.facts = []
        self.is_at_work = is_active
        if self.is_at_work and self._is_dead(world):
            self.is_stopped = True

    def _is_dead(self, world: Both) -> bool:
        if "filters" in self.trigger:
            return not world.filters & set(self.trigger["filters"])
        if "tags" in self.trigger:
            return not world.tags & {f"{self.audience}/{tag}" for tag in self.trigger["tags"]}
        return False

    def selects(self, person: Person, world: Both) -> bool:
        alive = world.filters & set(self.trigger.get("filters", ()))
        return any(FILTERS[name](person) for name in alive)

    def lists(self, member: Member) -> bool:
        if member.audience != self.audience or member.status not in LISTED:
            return False
        return bool(member.tags & set(self.trigger.get("tags", ())))
