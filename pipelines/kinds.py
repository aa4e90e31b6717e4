"""Every kind of sync there is: what its definition says, and the doors through which it is used.

    kind --definition--> the class its YAML is read into
         --doors-------> run, plan, check, audit, adopt, preview, listen, explain

deployments/ and web/ know a kind through this file alone. A kind is imported when it is asked for
something and not before: `syncline --help` waits for none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.definition import SyncDefinition
    from pipelines.doors import Doors
    from pipelines.listening import Bell
    from pipelines.settings import Connections
    from state.database import State


@dataclass(frozen=True)
class Kind:
    """One kind, which has the folder of its name. Its `config.Definition` says `kind: name`."""

    name: str
    crm: str  # vendors, by the side of `connections` that they stand on
    engagement: str
    parts: str  # what of it is activated on its own, as people call them
    mark: str  # a key that each part of this kind has in the file, and no other kind's

    @property
    def part(self) -> str:
        return self.parts.removesuffix("s")

    @property
    def vendors(self) -> Mapping[str, str]:
        return MappingProxyType({"crm": self.crm, "engagement": self.engagement})

    @property
    def definition(self) -> "type[SyncDefinition]":
        found: type[SyncDefinition] = self._module("config").Definition  # type: ignore[attr-defined]
        return found

    @property
    def doors(self) -> "Doors":
        found: Doors = self._module("doors").DOORS  # type: ignore[attr-defined]
        return found

    def _module(self, name: str) -> object:
        return import_module(f"pipelines.{self.name}.{name}")


MAILIGEN_PIPEDRIVE = Kind("mailigen_pipedrive", "pipedrive", "mailigen", "bots", "contacts")
MAILCHIMP_PIPEDRIVE = Kind("mailchimp_pipedrive", "pipedrive", "mailchimp", "flows", "trigger")
KINDS: Mapping[str, Kind] = MappingProxyType(
    {one.name: one for one in (MAILIGEN_PIPEDRIVE, MAILCHIMP_PIPEDRIVE)}
)


def kind_of_parts(stored: Iterable[Mapping[str, object] | None]) -> Kind:
    """The kind of a sync that no file lists any more, by what state keeps of its parts' files.

    >>> kind_of_parts([{"trigger": {"new_contacts": True}}]).name
    'mailchimp_pipedrive'
    """
    keys = {key for one in stored for key in one or {}}
    return next((kind for kind in KINDS.values() if kind.mark in keys), MAILIGEN_PIPEDRIVE)


def rung_from(state: "State", sync: str) -> set[str]:
    """The accounts at which a sync of any kind has a webhook: no file may list it any more, and
    then nothing says of which kind it was."""
    bells = [bell for kind in KINDS.values() for bell in kind.doors.bells]
    return {account for bell in bells for account in bell.accounts_rung_from(state, sync)}


def bell_at(connections: "Connections", account: str) -> "Bell":
    """The bell of the vendor behind a connection. Of one that is missing, or of a vendor that
    rings for no kind, whichever bell this is will say so."""
    known = connections.get(account)
    bells = [
        (kind.vendors[bell.side], bell) for kind in KINDS.values() for bell in kind.doors.bells
    ]
    fitting = [bell for vendor, bell in bells if known and vendor == known.vendor]
    return (fitting or [bell for _, bell in bells])[0]
