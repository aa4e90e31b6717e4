"""What a story of the laboratory is, and the desks at which it is set up and run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.run import run_sync
from pipelines.report import Outcome, RunOptions
from pipelines.step import Step, plainly
from pipelines.surroundings import REAL, Surroundings
from tests.pipelines.mailchimp_pipedrive import flow_desk
from tests.pipelines.mailigen_pipedrive.desk import Desk, connections

HORIZON = 120.0  # seconds, Pipedrive's default; nobody waits for them here
MANY = {"max_creates": 5000}


class LabDesk(Desk):
    """A desk whose runs take time and their way to the vendors from `around`."""

    around: Surroundings = REAL

    def run(self, *, step: Step = plainly, **options: Any) -> Outcome:
        return run_sync(
            Definition.model_validate(self.wanted), connections(self.url, self.horizon),
            options=RunOptions(**options), report=lambda _: None, step=step,
            settings=self.settings, around=self.around,
        )  # fmt: skip


class LabFlowDesk(flow_desk.FlowDesk, LabDesk):
    """The desk of Mailchimp flows, in the laboratory's time."""


@dataclass(frozen=True)
class Flow:
    """One story of a flow. The name is `flow/story`.

    `desk` is where it is set up and run; `begin` makes the world as it is right before the run
    under attack; `run` is one run of it, in whichever process; `books` is everything it can leave
    at the vendors, ids and wording aside. `recover` is what follows the run, killed or not, where
    that is something else than the run once more: of a window, the next sweep. `ends` is the
    outcome of either when nothing disturbs it.
    """

    name: str
    begin: Callable[[LabDesk], None]
    run: Callable[[LabDesk, Surroundings], Outcome]
    books: Callable[[LabDesk], list[str]]
    ends: str = "done"
    desk: type[LabDesk] = LabDesk
    recover: Callable[[LabDesk, Surroundings], Outcome] | None = None


def run(desk: LabDesk, around: Surroundings) -> Outcome:
    desk.around = around
    return desk.run()


def expect(wanted: str, outcome: Outcome) -> None:
    if outcome.outcome != wanted:
        raise AssertionError(f"the story cannot begin: {outcome.outcome}: {outcome.said}")
