"""What an adoption tells: how much of a lost state was found again, and what nobody can explain."""

from dataclasses import dataclass, field
from typing import NamedTuple

from pipelines.report import Cost


class Reference(NamedTuple):
    """A thing that carries a reference of ours, living or not."""

    marker: str
    object: str
    remote_id: int
    person_id: int | None
    is_living: bool


@dataclass
class Adopted:
    """What an adoption found and put back. `unexplained` are things whose reference no key
    makes, `doubles` living ones that carry a reference another one carries as well."""

    run_id: str
    sync: str
    has_history: bool
    has_keep: bool  # the keep file, and the key its hashes were made with
    references: int = 0
    recognised: int = 0
    restored_deeds: int = 0
    counted_as_done: int = 0
    contacts: int = 0
    members: int = 0
    opt_outs: int = 0
    barred: int = 0
    bots: dict[str, str] = field(default_factory=dict)
    unexplained: list[Reference] = field(default_factory=list)
    doubles: list[Reference] = field(default_factory=list)
    strangers: int = 0  # members with our source whom no contact claims
    cost: list[Cost] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
