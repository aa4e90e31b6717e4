-- One row per deed of the sync that is done: what it should have left at the vendor.
--
-- key     write_key
-- reads   audit.ledger, audit.round, history.findings
-- rule    Looked at (`is_due`) are deeds settled in the round; for 30 days those that were ever in
--         doubt, for a copy may land after the first look; and those with an open finding. What
--         is older than the vendor's memory of deleted things is left alone: it would look lost.
-- watch   `reference` of set-up is a name, which people may give to things of their own.

WITH done_deeds AS (
    SELECT
        *,
        body::JSON AS wanted,
        object IN ('activity', 'deal', 'note') AS is_marked,
        attempt > 1 AS was_resent,
        attempt > 1 OR is_adopted AS was_in_doubt
    FROM audit.ledger
    WHERE state = 'done'
),

named AS (
    SELECT
        *,
        CASE
            WHEN is_marked THEN marker
            ELSE coalesce(wanted ->> '$.title', wanted ->> '$.tag', wanted ->> '$.name')
        END AS reference
    FROM done_deeds
),

open_findings AS (
    SELECT DISTINCT write_key
    FROM history.findings
    WHERE closed_at IS NULL AND finding <> 'late'
)

SELECT
    d.write_key,
    d.account,
    d.object,
    d.subject,
    d.is_marked,
    d.reference,
    nullif(d.remote_id, '') AS remote_id,
    coalesce(d.wanted ->> '$.person_id', d.wanted ->> '$.participants[0].person_id')::BIGINT
        AS person_id_pipedrive,
    d.sending_at,
    d.was_in_doubt,
    d.was_resent,
    d.said LIKE 'settled by %' AS is_settled_by_hand,
    (
        d.settled_at BETWEEN r.remembered_since AND r.until
        AND (d.settled_at >= r.since OR d.was_in_doubt)
    )
    OR f.write_key IS NOT NULL AS is_due,
    CASE d.object
        WHEN 'activity'
            THEN json_object(
                    'subject', d.wanted ->> '$.subject',
                    'type', d.wanted ->> '$.type',
                    'due date', d.wanted ->> '$.due_date',
                    'text',
                    trim(regexp_replace(d.wanted ->> '$.note', '\s+', ' ', 'g')) || ' ref ' || d.marker
                )
        WHEN 'deal'
            THEN json_object(
                    'title', d.wanted ->> '$.title', 'value', (d.wanted ->> '$.value')::DOUBLE
                )
        WHEN 'note' THEN json_object(
                'text',
                trim(regexp_replace(d.wanted ->> '$.text', '\s+', ' ', 'g')) || ' ref ' || d.marker
            )
    END AS meant
FROM named AS d
CROSS JOIN audit.round AS r
LEFT JOIN open_findings AS f ON f.write_key = d.write_key
