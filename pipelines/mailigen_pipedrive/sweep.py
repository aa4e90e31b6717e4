"""What one run of this sync carries from stage to stage, beside what every run does."""

from dataclasses import dataclass

from connectors.mailigen import Mailigen
from pipelines import sweep
from pipelines.mailigen_pipedrive.bind import Bound
from pipelines.mailigen_pipedrive.config import Definition

SYNC = "mailigen_pipedrive"  # the folder of its SQL


@dataclass(kw_only=True)
class Sweep(sweep.Sweep):
    """One run between a Mailigen list and Pipedrive."""

    definition: Definition
    engagement: Mailigen
    counts_emails: bool = True  # False: the plan is by subscribers, 0 e-mails left mean nothing
    bound: Bound | None = None

    @property
    def names(self) -> Bound:
        """The definition bound to ids; asking before it was bound is a mistake of ours."""
        if self.bound is None:
            raise RuntimeError("the names of this sync are not bound yet")
        return self.bound
