-- One row per finding on a member or person that a flow wrote, or that a doubtful create made.
--
-- key     finding, write_key
-- reads   audit.settings, audit.asked, audit.gone, audit.edits, audit.barred, audit.doubted,
--         audit.round, history.members_seen, history.runs
-- rule    lost: see audit.gone, and a value that was not kept though nobody changed the record
--         since (audit.edits). deleted: erased or archived by somebody. drift: left by its own act,
--         its tag taken off, edited, or overwritten by a late write of ours. duplicate: a create in
--         doubt came late and made a second member. breach: barred, subscribed, and a write of ours
--         for it was in doubt.
--         Who was a member already when it was barred cannot have been made one by a late create.
-- watch   A person that is not there any more was not made by a setting: audit.findings tells of
--         those. A tag may be taken off by anybody, and nothing tells by whom: never lost. Values
--         and addresses are never told, only fields.

WITH own AS (
    SELECT
        s.*,
        a.is_there,
        a.remote_id,
        a.status,
        a.tags
    FROM audit.settings AS s
    INNER JOIN audit.asked AS a ON a.write_key = s.write_key AND a.is_own
    WHERE s.is_done
),

told AS (
    SELECT
        write_key,
        CASE WHEN is_lost THEN 'lost' ELSE 'deleted' END AS finding,
        CASE
            WHEN is_lost THEN 'the vendor knows neither its id nor its address'
            WHEN is_archived THEN 'somebody archived it; it is left alone'
            ELSE 'somebody erased it; it is not made again'
        END AS said
    FROM audit.gone

    UNION ALL

    SELECT write_key, 'drift' AS finding, 'is ' || status || ' in the audience' AS said
    FROM own
    WHERE is_create AND status IN ('unsubscribed', 'cleaned')

    UNION ALL

    SELECT o.write_key, 'drift' AS finding, 'somebody took its tag off' AS said
    FROM own AS o
    CROSS JOIN audit.round AS r
    WHERE
        o.tag IS NOT NULL
        AND o.is_there
        AND o.status <> 'archived'
        AND NOT list_contains(o.tags, lower(o.tag))
        AND o.sent_at < r.vendor_now - to_seconds(r.engagement_horizon_seconds)

    UNION ALL

    SELECT
        write_key,
        CASE WHEN is_lost THEN 'lost' ELSE 'drift' END AS finding,
        CASE
            WHEN is_lost THEN 'acknowledged and not kept: '
            WHEN was_in_doubt THEN 'a write of ours came late, or somebody edited its '
            ELSE 'somebody edited its '
        END
        || string_agg(field, ', ' ORDER BY field) AS said
    FROM audit.edits
    GROUP BY write_key, is_lost, was_in_doubt

    UNION ALL

    SELECT o.write_key, 'duplicate' AS finding, 'two members carry its addresses' AS said
    FROM own AS o
    INNER JOIN audit.asked AS a ON a.write_key = o.write_key AND NOT a.is_own AND a.is_there
    WHERE
        o.is_there
        AND a.remote_id <> o.remote_id
        AND a.status <> 'archived'
        AND a.joined_at >= o.doubt_at - INTERVAL 1 HOUR

    UNION ALL

    SELECT
        d.write_key,
        'breach' AS finding,
        'barred (' || any_value(b.kind) || ') and subscribed, after a write of ours was in doubt'
            AS said
    FROM audit.doubted AS d
    INNER JOIN audit.barred AS b ON b.address = d.email
    INNER JOIN audit.asked AS a
        ON a.write_key = d.write_key AND a.email = d.email AND a.status = 'subscribed'
    INNER JOIN audit.settings AS s ON s.write_key = d.write_key
    LEFT JOIN history.members_seen AS m
        ON m.list_id_mailchimp || '/' || m.member_id_mailchimp = a.remote_id
    LEFT JOIN history.runs AS r ON r.sweep = m.first_sweep
    WHERE
        NOT coalesce(r.ended_at <= b.first_seen_at, FALSE)
        AND NOT (s.is_done AND s.settled_at <= b.first_seen_at)
    GROUP BY d.write_key
)

SELECT
    t.finding,
    t.write_key,
    s.account,
    s.object,
    coalesce(list_sort(list_distinct(list(a.remote_id) FILTER (WHERE a.remote_id IS NOT NULL))), [])
        AS remote_ids,
    s.subject,
    string_agg(DISTINCT t.said, '; ' ORDER BY t.said) AS said
FROM told AS t
INNER JOIN audit.settings AS s ON s.write_key = t.write_key
LEFT JOIN audit.asked AS a ON a.write_key = t.write_key AND a.is_there
GROUP BY t.finding, t.write_key, s.account, s.object, s.subject
