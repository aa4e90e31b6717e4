"""Call whoever must know that a run needs a person. A failed call fails nothing else."""

import logging
from contextlib import closing
from datetime import date
from typing import Any

import httpx

from pipelines.definition import Alert, SyncDefinition
from pipelines.report import Outcome
from pipelines.settings import MissingSecretError, Settings
from state import connections, notices
from state.database import open_state

log = logging.getLogger(__name__)
SECONDS = 10


def kind_of(outcome: Outcome) -> str | None:
    """What an outcome is to an alert: failed, guarded, needs_reauthorization; None: nothing."""
    if outcome.outcome == "guarded":
        return "guarded"
    if outcome.outcome in ("failed", "invalid"):
        return "needs_reauthorization" if outcome.needs_reauthorization else "failed"
    return None


def alert(definition: SyncDefinition, settings: Settings, outcome: Outcome, today: date) -> None:
    """Post the outcome's sentences to the sync's alert address, if it asked for this kind.

    A connection that has to be connected again is told once, until it is well and fails anew; an
    allowance that is used up once a day, though every run until the reset fails by it.
    """
    kind = kind_of(outcome)
    wanted = definition.alert
    if wanted is None or kind is None or kind not in wanted.on:
        return
    trouble = _lasting(settings, outcome, today)
    if trouble and _was_told(settings, outcome, kind, trouble):
        return
    body = {
        "sync": outcome.sync,
        "run_id": outcome.run_id,
        "kind": kind,
        "said": outcome.said,
        "next_step": outcome.next_step,
    }
    if call(wanted, settings, body) and trouble:
        _remember(settings, outcome, kind, trouble)


def call(wanted: Alert, settings: Settings, body: dict[str, Any]) -> bool:
    """Post to the alert's address; whether it arrived."""
    try:
        httpx.post(settings.secret(wanted.webhook), json=body, timeout=SECONDS).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL, MissingSecretError) as error:
        log.warning(
            "the alert for %s could not be delivered: %s",
            body["sync"],
            error if isinstance(error, MissingSecretError) else type(error).__name__,
        )
        return False
    return True


def _lasting(settings: Settings, outcome: Outcome, today: date) -> str:
    """Which trouble of a connection this is, by its beginning; '' for one of this run alone."""
    if outcome.used_up:
        return f"{outcome.used_up} used up on {today}"
    if not outcome.unauthorized:
        return ""
    with closing(open_state(settings.state_url)) as state:
        known = connections.find(state, outcome.unauthorized)
    return f"{outcome.unauthorized} since {known.since.isoformat()}" if known else ""


def _was_told(settings: Settings, outcome: Outcome, kind: str, trouble: str) -> bool:
    with closing(open_state(settings.state_url)) as state:
        return notices.was_told(state, outcome.sync, kind, trouble)


def _remember(settings: Settings, outcome: Outcome, kind: str, trouble: str) -> None:
    with closing(open_state(settings.state_url)) as state:
        notices.tell(state, outcome.sync, kind, trouble)
