"""What one run of this sync carries from stage to stage, beside what every run does."""

from dataclasses import dataclass, field
from typing import Any

from connectors.mailchimp import Mailchimp
from pipelines import sweep
from pipelines.mailchimp_pipedrive.bind import Bound
from pipelines.mailchimp_pipedrive.config import Definition
from state.facts import Fact

SYNC = "mailchimp_pipedrive"  # the folder of its SQL


@dataclass(kw_only=True)
class Sweep(sweep.Sweep):
    """One run between Mailchimp audiences and Pipedrive. Its flows are what state calls bots."""

    definition: Definition
    engagement: Mailchimp
    bound: Bound | None = None
    held_back: dict[str, list[str]] = field(default_factory=dict)  # flow -> why its guard stops it
    guard_id: str = ""
    currency: str = ""  # the CRM account's own: money of a merge field names none
    named_flow: str = ""  # the run was started for this one; '': for all
    due: frozenset[str] = frozenset()  # the flows it deals with, if they run at all
    waiting: set[str] = field(default_factory=set)  # flows whose only filter is not made yet
    work_generation: str = ""  # which work file cursors vouch for
    # Cursors that speak of no work file, since what they cover is kept in state.
    cursors_of_facts: list[tuple[str, Any]] = field(default_factory=list)
    is_window: bool = False  # about a few people, in memory, beside whatever sweep may be running
    imagined: list[Fact] = field(default_factory=list)  # what a dry run would have noted

    @property
    def names(self) -> Bound:
        """The definition bound to ids; asking before it was bound is a mistake of ours."""
        if self.bound is None:
            raise RuntimeError("the names of this sync are not bound yet")
        return self.bound
