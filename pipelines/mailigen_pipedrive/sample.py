"""Hold a few members a run against the list itself, in turn, so that drift is found.

Mailigen gives a member's values one call each, so a plan compares with what was last
acknowledged. Somebody may have edited a member meanwhile: every run reads the next few and
takes what it finds for acknowledged, and the plan puts right what differs.
"""

from pipelines.mailigen_pipedrive.seal import member_key
from pipelines.mailigen_pipedrive.sweep import Sweep
from state import cursors, settings

MEMBERS_A_RUN = 5
STREAM = "sample"


def verify(sweep: Sweep) -> None:
    """Read the next members in turn and correct staging.syncline__members where they differ."""
    list_id = sweep.names.list_id
    if list_id is None:
        return
    last = cursors.read(sweep.state, sweep.definition.name, STREAM, sweep.history_generation) or ""
    for contact_id, email, known in _next_members(sweep, last):
        record = sweep.engagement.member(list_id, email)
        last = contact_id
        if record is None:
            continue  # the listings have the say on who is gone
        merges = record.get("merges") or {}
        found = {tag: str(merges.get(tag) or "") for tag in known}
        if found != known:
            _correct(sweep, contact_id, email, found)
    sweep.cursors.append((STREAM, last))


def _next_members(sweep: Sweep, last: str) -> list[tuple[str, str, dict[str, str]]]:
    """The members after `last` in the order of their contact ids, from the start at the end."""
    return sweep.db.execute(
        """
        SELECT m.contact_id, m.email, m.merge_values
        FROM staging.syncline__members AS m
        INNER JOIN staging.mailigen__members AS l ON l.email = m.email AND l.status = 'subscribed'
        WHERE m.state IN ('done', 'withdrawn')
        ORDER BY m.contact_id <= ?, m.contact_id
        LIMIT ?
        """,
        [last, MEMBERS_A_RUN],
    ).fetchall()


def _correct(sweep: Sweep, contact_id: str, email: str, found: dict[str, str]) -> None:
    sweep.db.execute(
        "UPDATE staging.syncline__members SET merge_values = MAP(?, ?), is_verified = TRUE "
        "WHERE contact_id = ?",
        [list(found), list(found.values()), contact_id],
    )
    sweep.warn(f"contact {contact_id}", "was edited on the list; its values are written again")
    if sweep.lease is not None:
        value = {"email": email, "merges": found}
        settings.observed(sweep.lease, [(member_key(sweep, contact_id), value)])
