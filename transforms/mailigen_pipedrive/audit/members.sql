-- One row per place on the list that the ledger knows: what Mailigen last acknowledged of it.
--
-- key     write_key
-- reads   audit.places, audit.round, history.findings
-- rule    Looked at (`is_due`) is what was settled in the round, what was in doubt during the last
--         30 days, and what has an open finding.
-- watch   A place that was never acknowledged, or given up, has no values; its address still tells
--         whether a create of ours that was in doubt has subscribed somebody. A write that was
--         withdrawn after a doubt may have come late: its place should hold what was there before.

WITH open_findings AS (
    SELECT DISTINCT write_key
    FROM history.findings
    WHERE closed_at IS NULL
),

addressed AS (
    SELECT
        concat_ws('|', 'member', account, aspect, subject) AS write_key,
        account,
        subject,
        lower(trim(coalesce(
            acknowledged::JSON ->> '$.email', desired::JSON ->> '$.email', natural_key
        ))) AS email,
        CASE
            WHEN
                acknowledged <> 'null'
                AND (state = 'done' OR (state = 'withdrawn' AND doubt_at IS NOT NULL))
                THEN acknowledged::JSON -> '$.merges'
        END AS meant,
        settled_at,
        doubt_at
    FROM audit.places
    WHERE object = 'list_member'
)

SELECT
    a.write_key,
    a.account,
    a.subject,
    a.email,
    a.meant,
    coalesce(a.doubt_at >= r.remembered_since, FALSE) AS was_in_doubt,
    coalesce(
        a.settled_at BETWEEN greatest(r.since, r.remembered_since) AND r.until
        OR a.doubt_at >= r.remembered_since,
        FALSE
    )
    OR o.write_key IS NOT NULL AS is_due
FROM addressed AS a
CROSS JOIN audit.round AS r
LEFT JOIN open_findings AS o ON o.write_key = a.write_key
