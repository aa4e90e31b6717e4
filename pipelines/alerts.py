"""Call whoever must know that a run needs a person. A failed call fails nothing else."""

import logging

import httpx

from pipelines.mailigen_pipedrive.config import Definition
from pipelines.report import Outcome
from pipelines.settings import MissingSecretError, Settings

log = logging.getLogger(__name__)
SECONDS = 10


def kind_of(outcome: Outcome) -> str | None:
    """What an outcome is to an alert: failed, guarded, needs_reauthorization; None: nothing."""
    if outcome.outcome == "guarded":
        return "guarded"
    if outcome.outcome in ("failed", "invalid"):
        return "needs_reauthorization" if outcome.needs_reauthorization else "failed"
    return None


def alert(definition: Definition, settings: Settings, outcome: Outcome) -> None:
    """Post the outcome's sentences to the sync's alert address, if it asked for this kind."""
    kind = kind_of(outcome)
    wanted = definition.alert
    if wanted is None or kind is None or kind not in wanted.on:
        return
    body = {
        "sync": outcome.sync,
        "run_id": outcome.run_id,
        "kind": kind,
        "said": outcome.said,
        "next_step": outcome.next_step,
    }
    try:
        httpx.post(settings.secret(wanted.webhook), json=body, timeout=SECONDS).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL, MissingSecretError) as error:
        log.warning(
            "the alert for %s could not be delivered: %s",
            outcome.sync,
            error if isinstance(error, MissingSecretError) else type(error).__name__,
        )
