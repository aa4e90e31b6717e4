"""Whom one bot selects now, and what would become of each: read without a lease or a write."""

from difflib import get_close_matches

from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.run import COURSE
from pipelines.preview import Preview
from pipelines.report import Finding, Reporter, RunOptions
from pipelines.settings import Connections, Settings
from pipelines.sweep import DefinitionError


def preview_bot(
    definition: Definition,
    connections: Connections,
    bot_id: str,
    *,
    report: Reporter,
    settings: Settings,
    shown: int = 20,
) -> Preview:
    """Plan as if the bot ran, paused or not, and look at its part. Raises what a plan raises."""
    _require(definition, bot_id)
    with COURSE.planning(
        definition, connections, options=RunOptions(), report=report, settings=settings,
        previewed=bot_id,
    ) as swept:  # fmt: skip
        db = swept.db
        becomes = dict(db.execute(f"SELECT becomes, count(*) FROM ({ROWS}) GROUP BY ALL ORDER BY 1",
                                  [bot_id]).fetchall())  # fmt: skip
        found = db.execute(f"{ROWS} ORDER BY becomes, person_id_pipedrive LIMIT ?", [bot_id, shown])
        names = [column[0] for column in found.description]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        deeds = {
            noun: int(db.execute(f"SELECT count(*) FROM plan.{noun} WHERE bot_id = ?", [bot_id])
                      .fetchall()[0][0])
            for noun in ("activities", "deals", "notes")
        }  # fmt: skip
        findings = [f for f in swept.outcome.findings if f.thing in (f"bot {bot_id}", "list")]
        return Preview(
            definition.name, bot_id, sum(becomes.values()), becomes, deeds, rows, findings
        )


def _require(definition: Definition, bot_id: str) -> None:
    known = [bot.id for bot in definition.bots]
    if bot_id in known:
        return
    near = get_close_matches(bot_id, known, n=1, cutoff=0.5)
    remedy = f"did you mean {near[0]}?" if near else f"it has {', '.join(known) or 'no bots'}"
    said = f"{definition.name} has no bot {bot_id!r}"
    raise DefinitionError([Finding("error", f"bot {bot_id}", said, remedy)])


ROWS = """
SELECT
    s.person_id_pipedrive,
    p.name,
    a.email,
    CASE
        WHEN a.skip_reason IS NOT NULL OR w.person_id_pipedrive <> s.person_id_pipedrive
            THEN 'skip'
        ELSE coalesce(m.action, 'stay')
    END AS becomes,
    CASE
        WHEN a.skip_reason IS NOT NULL THEN a.skip_reason
        WHEN w.person_id_pipedrive <> s.person_id_pipedrive
            THEN 'another person with the same address was contacted later'
        ELSE coalesce(m.reason, 'is on the list with these values')
    END AS reason
FROM resolve.selected AS s
INNER JOIN staging.pipedrive__persons AS p ON p.person_id_pipedrive = s.person_id_pipedrive
LEFT JOIN resolve.addresses AS a ON a.person_id_pipedrive = s.person_id_pipedrive
LEFT JOIN resolve.winners AS w ON w.email = a.email
LEFT JOIN resolve.contacts AS c ON c.email = a.email AND c.is_selected
LEFT JOIN plan.members AS m ON m.contact_id = c.contact_id
WHERE s.bot_id = ?
"""
