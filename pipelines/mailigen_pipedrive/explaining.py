"""What stands behind a deed of this sync, for `explain`: which mails were opened, clicked, sent."""

from pipelines.doors import Explaining
from pipelines.mailigen_pipedrive.newcomers import subject_of
from pipelines.mailigen_pipedrive.seal import NEWCOMERS

# As it stood when the deed was planned: later opens and clicks did not cause it.
EVENTS = """
SELECT
    e.campaign, e.kind, e.link, sum(e.times) AS times, min(e.first_seen_at) AS first_seen_at,
    coalesce(any_value(c.title), any_value(c.subject), '') AS title
FROM history.events AS e
LEFT JOIN staging.mailigen__campaigns AS c ON c.campaign_id_mailigen = e.campaign
WHERE list_contains(?, e.email) AND e.sweep <= ?
GROUP BY e.campaign, e.kind, e.link
ORDER BY first_seen_at, e.campaign, e.kind, e.link
"""
TITLE = """
SELECT coalesce(title, subject, '') FROM staging.mailigen__campaigns
WHERE campaign_id_mailigen = ?
"""
EXPLAINING = Explaining(EVENTS, TITLE, newcomers=NEWCOMERS, newcomer_of=subject_of)
