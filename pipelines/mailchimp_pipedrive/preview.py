"""Whom one flow brings across now, and what would become of each: no lease, no write (MC-09)."""

from pipelines.mailchimp_pipedrive.config import Definition
from pipelines.mailchimp_pipedrive.run import COURSE
from pipelines.preview import Preview
from pipelines.report import Reporter, RunOptions
from pipelines.settings import Connections, Settings
from pipelines.sweep import require_flow


def preview_flow(
    definition: Definition,
    connections: Connections,
    flow_id: str,
    *,
    report: Reporter,
    settings: Settings,
    shown: int = 20,
) -> Preview:
    """Plan as if the flow were active, saved or paused as it may be, and look at its part."""
    require_flow(definition, flow_id)
    with COURSE.planning(
        definition, connections, options=RunOptions(), report=report, settings=settings,
        previewed=flow_id,
    ) as swept:  # fmt: skip
        db = swept.db
        counts = f"SELECT becomes, count(*) FROM ({ROWS}) GROUP BY ALL ORDER BY 1"
        becomes = dict(db.execute(counts, [flow_id]).fetchall())
        found = db.execute(f"{ROWS} ORDER BY becomes, email LIMIT ?", [flow_id, shown])
        names = [column[0] for column in found.description]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        findings = [f for f in swept.outcome.findings if f.thing == f"flow {flow_id}"]
        return Preview(definition.name, flow_id, sum(becomes.values()), becomes, {}, rows, findings)


ROWS = """
SELECT
    w.person_id_pipedrive,
    n.name,
    coalesce(s.email, a.email) AS email,
    coalesce(m.action, p.action, 'stay') AS becomes,
    coalesce(m.reason, p.reason, 'is there with these values') AS reason
FROM resolve.wanted AS w
LEFT JOIN staging.pipedrive__persons AS n ON n.person_id_pipedrive = w.person_id_pipedrive
LEFT JOIN resolve.addresses AS a ON a.person_id_pipedrive = w.person_id_pipedrive
LEFT JOIN staging.mailchimp__members AS s
    ON s.list_id_mailchimp = w.list_id_mailchimp AND s.member_id_mailchimp = w.member_id_mailchimp
LEFT JOIN plan.members AS m ON m.flow_id = w.flow_id AND m.contact_id = w.contact_id
LEFT JOIN plan.persons AS p ON p.flow_id = w.flow_id AND p.contact_id = w.contact_id
WHERE w.flow_id = ?
"""
