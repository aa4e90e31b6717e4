"""How a person is made in Pipedrive and found again: by the address, among the persons changed
since a while before the request."""

from dataclasses import dataclass
from datetime import timedelta

from connectors.pipedrive import Pipedrive
from state.deeds import Deed

# A doubt is dated by when we gave up waiting; what was sent may be as much older.
EARLIER = timedelta(hours=1)


@dataclass(frozen=True)
class Persons:
    """New persons. Who has the address by the time of a look-up is the person, whoever made
    it: two people with one address are what must not be."""

    crm: Pipedrive

    def send(self, deed: Deed) -> str:
        return str(self.crm.create_person(deed.body))

    def find(self, deed: Deed) -> str | None:
        since = deed.sending_at and deed.sending_at - EARLIER
        found = self.crm.find_person(deed.natural_key, since)
        return None if found is None else str(found)


@dataclass(frozen=True)
class PersonLinks:
    """Newcomers who are persons already: the ledger remembers which, and nothing is sent."""

    def send(self, deed: Deed) -> str:
        return str(deed.body["person_id"])

    def find(self, deed: Deed) -> str | None:
        return str(deed.body["person_id"])
