-- One row per finding on a deed of ours that was looked at, or met on the way.
--
-- key     finding, write_key
-- reads   audit.deeds, audit.met, audit.ours, audit.delays, audit.looked_at, audit.round,
--         history.findings
-- rule    duplicate: two things carry one reference, deleted ones counted where the vendor lists
--         them; told again only while two are living. deleted: the vendor says so. lost:
--         acknowledged longer ago than the horizon, and neither a living nor a deleted thing of
--         that id or reference. drift: edited. late: see audit.delays.
-- watch   A person the vendor does not know was deleted or merged: people do that to people. What
--         a person settled is never lost: the person's word stands. Nor is what was restored:
--         what the vendor had forgotten by then would look lost.

WITH doubled AS (
    SELECT
        'duplicate' AS finding,
        o.write_key,
        o.remote_ids,
        len(o.remote_ids) || ' things carry its reference, name or address' AS said
    FROM audit.ours AS o
    LEFT JOIN history.findings AS f ON f.write_key = o.write_key AND f.finding = 'duplicate'
    WHERE len(o.remote_ids) > 1 AND (o.living_count > 1 OR f.write_key IS NULL)
),

lost AS (
    SELECT
        'lost' AS finding,
        d.write_key,
        [d.remote_id] AS remote_ids,
        'the vendor knows neither its id nor its reference' AS said
    FROM audit.looked_at AS l
    INNER JOIN audit.deeds AS d ON d.write_key = l.write_key
    CROSS JOIN audit.round AS r
    WHERE
        d.is_marked
        AND d.remote_id IS NOT NULL
        AND NOT d.is_settled_by_hand
        AND NOT d.is_restored
        AND d.noun <> 'person'
        AND d.sending_at < r.vendor_now - to_seconds(r.horizon_seconds)
        AND NOT EXISTS (SELECT 1 FROM audit.ours AS o WHERE o.write_key = l.write_key)
),

deleted AS (
    SELECT
        'deleted' AS finding,
        write_key,
        remote_ids,
        'somebody deleted it; it is not made again' AS said
    FROM audit.ours
    WHERE living_count = 0 AND is_own_deleted AND is_marked

    UNION ALL

    SELECT
        'deleted' AS finding,
        d.write_key,
        [d.remote_id] AS remote_ids,
        'somebody deleted or merged it; it is not made again' AS said
    FROM audit.looked_at AS l
    INNER JOIN audit.deeds AS d ON d.write_key = l.write_key
    WHERE
        d.noun = 'person'
        AND d.remote_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM audit.ours AS o WHERE o.write_key = l.write_key)
),

drifted AS (
    SELECT
        'drift' AS finding,
        write_key,
        [remote_id] AS remote_ids,
        'somebody edited its ' || array_to_string(edited_fields, ', ') AS said
    FROM audit.met
    WHERE remote_id = remote_id_in_ledger AND NOT is_deleted AND len(edited_fields) > 0
),

late AS (
    SELECT
        'late' AS finding,
        write_key,
        remote_ids,
        'it showed ' || round(delay_seconds)::BIGINT || ' s after it was sent' AS said
    FROM audit.delays
),

found AS (
    SELECT * FROM doubled
    UNION ALL
    SELECT * FROM lost
    UNION ALL
    SELECT * FROM deleted
    UNION ALL
    SELECT * FROM drifted
    UNION ALL
    SELECT * FROM late
)

SELECT
    f.finding,
    f.write_key,
    d.account,
    d.object,
    f.remote_ids,
    d.subject,
    f.said
FROM found AS f
INNER JOIN audit.deeds AS d ON d.write_key = f.write_key
