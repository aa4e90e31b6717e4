"""People who join the list by themselves and become persons (MG-22 to MG-24).

The first run with the setting only looks: whoever is subscribed then was there before. Later, a
newcomer is subscribed by a stretch that began after that run, at an address that was never ours.
Somebody in the CRM has the address, among any of theirs: linked, nothing changes. Nobody: one
person is created, once per address for ever.
"""

from dataclasses import dataclass

from tests.oracle.reading import Json, World
from tests.oracle.rows import SOURCE, read_source


@dataclass(frozen=True)
class NewPerson:
    """What a created person must show; the rest must be empty."""

    email: str
    owner: int
    first_name: str
    last_name: str


class Newcomers:
    """The list's comings as the import sees them. Taking the setting out forgets them."""

    def __init__(self) -> None:
        self._there: set[str] | None = None  # subscribed when last looked; None: switched off
        self._new: set[str] = set()
        self._done: set[str] = set()
        self._owner = 0

    def look(self, definition: Json, world: World, ours: set[str]) -> None:
        """`ours` are the addresses the sync itself ever put on the list."""
        wanted = definition.get("new_subscribers")
        if not wanted:
            self._there, self._new = None, set()
            return
        self._owner = next(
            i for i, user in world.users.items() if wanted["owner"] in (i, user["email"])
        )
        subscribed = {a for a, m in world.members.items() if m.status == "subscribed"}
        if self._there is not None:
            self._new = (self._new | (subscribed - self._there)) & subscribed
        self._there = subscribed
        self._done |= self._new & ours
        self._done |= {
            a for a in self._new if read_source(world.members[a].merges.get(SOURCE, "")) is not None
        }

    def expect(self, world: World, ours: set[str]) -> list[NewPerson]:
        """The persons a run that writes must create; from then on they are there for good."""
        self._done |= self._new & ours  # known only now: somebody moved on in this very run
        held = {
            str(way["value"] or "").strip().lower()
            for person in world.persons.values()
            for way in person["emails"] or ()
        }
        due = self._new - self._done
        self._done |= due
        return [self._person(address, world) for address in sorted(due - held)]

    def _person(self, address: str, world: World) -> NewPerson:
        merges = world.members[address].merges
        names = (merges.get("FNAME", "").strip(), merges.get("LNAME", "").strip())
        return NewPerson(address, self._owner, *names)
