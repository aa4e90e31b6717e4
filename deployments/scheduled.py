"""The flow that every sync's deployment runs: read its YAML again, run it, end as it ended.

The YAML is read at run time, so what runs is what stands in the folder now; `deploy` is
needed for a new name or another schedule only.
"""

from prefect import State, flow, get_run_logger
from prefect.states import Completed, Failed

from deployments.definitions import load
from pipelines.report import Outcome, Progress, RunOptions
from pipelines.settings import read_settings

STATE_NAMES = {3: "Stopped by a guard", 4: "Open records"}


@flow(name="mailigen-pipedrive", flow_run_name="{sync}", log_prints=False)
def mailigen_pipedrive(
    sync: str,
    full: bool = False,
    since: str | None = None,
    settle_within: float | None = None,
) -> State[Outcome]:
    """Run one sync between a Mailigen list and Pipedrive.

    A second run at once ends as skipped: our lease is the only lock. Re-running is always
    safe and goes on where the last run stopped.
    """
    # Deploying reads this file too, and must not wait for DuckDB and the rest.
    from pipelines.mailigen_pipedrive.flow import run_sync

    settings = read_settings()
    definitions = load(settings)
    logger = get_run_logger()

    def tell(progress: Progress) -> None:
        logger.info("%s: %s", progress.stage, progress.text)

    outcome = run_sync(
        definitions.get(sync),
        definitions.connections,
        options=RunOptions(full=full, since=since, settle_within=settle_within),
        report=tell,
    )
    return end_state(outcome)


def end_state(outcome: Outcome) -> State[Outcome]:
    """How Prefect shows an outcome: failed when a person has to do something first."""
    said = f"{outcome.said} {outcome.next_step}".strip()
    if outcome.exit_code in (1, 3):
        return Failed(message=said, name=STATE_NAMES.get(outcome.exit_code, "Failed"), data=outcome)
    if outcome.outcome == "skipped":
        return Completed(message=said, name="Skipped", data=outcome)
    name = STATE_NAMES.get(outcome.exit_code, "Completed")
    return Completed(message=said, name=name, data=outcome)
