"""What a run leaves on its page in the Prefect UI: progress, the plan as a table, a summary.

Vendor ids, reasons and counts only; values and addresses stay in DuckDB.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from pipelines.report import Outcome, Progress

TOLD_EVERY = 10  # percent: each update is a call to the server
IDS_SHOWN = 20


class RunPage:
    """Follows one run: log lines per stage, a progress artifact for what can be counted."""

    def __init__(self, sync: str) -> None:
        self._sync = sync
        self._log = get_run_logger()
        self._bars: dict[str, tuple[UUID, int]] = {}

    def tell(self, progress: Progress) -> None:
        if progress.total:
            self._move(progress, int(100 * progress.done / progress.total))
        elif not progress.done:
            self._log.info("%s: %s", progress.stage, progress.text)

    def _move(self, progress: Progress, percent: int) -> None:
        key = f"{progress.stage}-{progress.text}"
        if key not in self._bars:
            made = create_progress_artifact(
                progress=float(percent),
                key=_key(self._sync, key),
                description=f"{progress.stage}: {progress.text}",
            )
            assert isinstance(made, UUID)
            self._bars[key] = (made, percent)
            return
        bar, told = self._bars[key]
        if percent >= told + TOLD_EVERY or percent == 100:
            update_progress_artifact(artifact_id=bar, progress=float(percent))
            self._bars[key] = (bar, percent)

    def finish(self, outcome: Outcome) -> None:
        """Leave the plan and the summary behind, however the run ended."""
        if outcome.plan:
            create_table_artifact(
                table=outcome.plan,
                key=_key(self._sync, "plan"),
                description=f"What run {outcome.run_id} planned, by reason",
            )
        create_markdown_artifact(
            markdown=summary(outcome),
            key=_key(self._sync, "summary"),
            description=f"How run {outcome.run_id} ended",
        )

    def show_parts(self, parts: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Keep the table of the sync's bots or flows current: what `syncline list` prints."""
        create_table_artifact(
            table=[dict(zip(columns, row, strict=True)) for row in rows],
            key=_key(self._sync, parts),
            description=f"The {parts} of {self._sync}: active, or why not",
        )


def summary(outcome: Outcome) -> str:
    """The run in Markdown: how it ended, counts, skips, cost, checks, where to look next."""
    lines = [f"## {outcome.sync}: {outcome.outcome}", "", outcome.said]
    if outcome.needs_reauthorization:
        lines += ["", f"**Connection {outcome.unauthorized}: needs_reauthorization.** Nothing is "
                  "lost: fields, counts, links and what runs are kept."]  # fmt: skip
    if outcome.next_step:
        lines += ["", f"**Next:** {outcome.next_step}"]
    lines += _section("Stopped by", [[guard] for guard in outcome.guards], ["guard"])
    lines += _section("Counts", [[k, v] for k, v in outcome.counts.items()], ["what", "number"])
    lines += _section(
        "Skipped", [[k, v] for k, v in outcome.skipped.items()], ["reason", "contacts"]
    )
    lines += _section(
        "Cost",
        [[c.account, c.requests, c.tokens, c.budget_left] for c in outcome.cost],
        ["account", "requests", "tokens", "left of our share today"],
    )
    lines += _section(
        "Created",
        [[k, len(ids), _shown(ids, outcome.links.get(k))] for k, ids in outcome.created.items()],
        ["object", "number", "vendor's ids"],
    )
    lines += _section(
        "Findings",
        [[f.level, f.thing, f.sentence, f.remedy] for f in outcome.findings],
        ["level", "thing", "what", "remedy"],
    )
    lines += _section(
        "Checks",
        [[c["stage"], c["name"], _verdict(c), c["said"]] for c in outcome.checks],
        ["stage", "check", "result", "said"],
    )
    lines += ["", "### Look further", "", *_links(outcome)]
    return "\n".join(lines) + "\n"


def _links(outcome: Outcome) -> list[str]:
    sync, run = outcome.sync, outcome.run_id
    return [
        f'- every write of this run: `syncline sql {sync} "select * from history.writes '
        f"where run_id = '{run}'\"`",
        f"- why one of them exists: `syncline explain {sync} KEY`",
        "- runbooks by symptom: `docs/runbooks.md` in the project",
    ]


def _section(title: str, rows: list[list[Any]], head: list[str]) -> list[str]:
    if not rows:
        return []
    return [
        "", f"### {title}", "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head),
        *("| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows),
    ]  # fmt: skip


def _shown(ids: list[str], link: str | None) -> str:
    """The first ids, as links where the vendor's own page is known."""
    return ", ".join(f"[{i}]({link.format(id=i)})" if link else i for i in ids[:IDS_SHOWN])


def _cell(value: Any) -> str:
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")


def _verdict(check: dict[str, Any]) -> str:
    if check["is_ok"]:
        return "ok"
    return "stopped the run" if check["is_fatal"] else f"warning ({check['broken_count']} rows)"


def _key(sync: str, name: str) -> str:
    """Artifact keys take lower-case letters, digits and dashes."""
    return "-".join("".join(c if c.isalnum() else " " for c in f"{sync} {name}".lower()).split())
