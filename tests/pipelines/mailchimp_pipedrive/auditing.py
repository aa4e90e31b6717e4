"""A desk of flows after midnight: audit it, and read what was found as an analyst would.

settled(desk)     a run that went through, long enough ago for its writes to show
audit(desk)       what the deployment does every night
found(desk)       everything ever found; open_ones(desk): what still stands
"""

from datetime import timedelta
from typing import Any

from connectors.http import utc_now
from pipelines.mailchimp_pipedrive.audit import audit_sync
from pipelines.mailchimp_pipedrive.config import Definition
from pipelines.report import Outcome
from pipelines.surroundings import Surroundings
from state import consent
from tests.pipelines.mailchimp_pipedrive.flow_desk import FlowDesk
from tests.pipelines.mailigen_pipedrive.desk import HORIZON

LATE = 100  # seconds: far beyond the horizon


def settled(desk: FlowDesk) -> None:
    outcome = desk.run()
    assert outcome.outcome == "done", (outcome.said, outcome.next_step)
    wait_out_the_horizon(desk)
    desk.effects()


def wait_out_the_horizon(desk: FlowDesk) -> None:
    desk.control("clock", advance_s=HORIZON + 3)


def audit(desk: FlowDesk, days: float = 0, **settings: Any) -> Outcome:
    wanted = desk.wanted | ({"audit": settings} if settings else {})
    return audit_sync(
        Definition.model_validate(wanted), desk.connections, report=lambda _: None,
        settings=desk.settings, around=later(days),
    )  # fmt: skip


def later(days: float) -> Surroundings:
    """Our own clock so many days on; the vendors' stays."""
    return Surroundings(now=lambda: utc_now() + timedelta(days=days))


def found(desk: FlowDesk) -> list[tuple[Any, ...]]:
    return desk.ask("SELECT finding, object, said FROM history.findings ORDER BY ALL")


def open_ones(
    desk: FlowDesk, columns: str = "finding, object", where: str = "TRUE"
) -> list[tuple[Any, ...]]:
    return desk.ask(
        f"SELECT {columns} FROM history.findings WHERE closed_at IS NULL AND {where} ORDER BY ALL"
    )


def is_barred(desk: FlowDesk, email: str) -> bool:
    key = consent.read_key(desk.home)
    with desk.state() as state:
        return bool(consent.in_force(state, "engagement", [email], key=key))
