-- One row per deed of the sync that is done: what it should have left at the vendor.
--
-- key     write_key
-- reads   audit.ledger, audit.round, history.findings, history.writes
-- rule    Looked at (`is_due`) are deeds settled in the round; for 30 days those that were ever in
--         doubt, for a copy may land after the first look; and those with an open finding. What
--         is older than the vendor's memory of deleted things is left alone: it would look lost.
--         What neither a person nor an id tells where to look is not looked at.
-- watch   `reference` of set-up is a name, of a person its address: people may give both to things
--         of their own; `noun` is what the vendor calls it. A link to a person is no deed at the
--         vendor. Sent again after a refusal was never in doubt. What `adopt` restored has no
--         attempt: nobody knows when it was sent, only that it was there.

WITH refused AS (
    SELECT
        w.write_key,
        count(DISTINCT w.attempt) AS refused_count
    FROM history.writes AS w
    INNER JOIN audit.ledger AS l
        ON l.write_key = w.write_key AND w.sweep >= l.sweep AND w.attempt < l.attempt
    WHERE w.state = 'refused'
    GROUP BY w.write_key
),

done_deeds AS (
    SELECT
        l.*,
        l.body::JSON AS wanted,
        CASE l.object WHEN 'audience_person' THEN 'person' ELSE l.object END AS noun,
        noun IN ('activity', 'deal', 'note', 'person') AS is_marked,
        l.is_adopted AND l.attempt = 0 AS is_restored,
        l.attempt - greatest(l.tries, coalesce(r.refused_count, 0)) > 1 AS was_resent
    FROM audit.ledger AS l
    LEFT JOIN refused AS r ON r.write_key = l.write_key
    WHERE l.state = 'done' AND l.object <> 'person_link'
),

named AS (
    SELECT
        *,
        was_resent OR (is_adopted AND NOT is_restored) AS was_in_doubt,
        coalesce(wanted ->> '$.person_id', wanted ->> '$.participants[0].person_id')::BIGINT
            AS person_id_pipedrive,
        CASE
            WHEN noun = 'person' THEN lower(trim(wanted ->> '$.emails[0].value'))
            WHEN is_marked THEN marker
            ELSE coalesce(wanted ->> '$.title', wanted ->> '$.tag', wanted ->> '$.name')
        END AS reference
    FROM done_deeds
),

open_findings AS (
    SELECT
        write_key,
        flatten(list(remote_ids)) AS remote_ids
    FROM history.findings
    WHERE closed_at IS NULL AND finding <> 'late'
    GROUP BY write_key
),

findable AS (
    SELECT
        d.*,
        f.write_key IS NOT NULL AS has_finding,
        list_sort(
            list_distinct(
                list_filter(
                    list_append(coalesce(f.remote_ids, []), d.remote_id),
                    lambda id: id IS NOT NULL AND id <> ''
                )
            )
        ) AS known_ids
    FROM named AS d
    LEFT JOIN open_findings AS f ON f.write_key = d.write_key
)

SELECT
    d.write_key,
    d.account,
    d.object,
    d.noun,
    d.subject,
    d.is_marked,
    d.reference,
    nullif(d.remote_id, '') AS remote_id,
    d.known_ids,
    d.person_id_pipedrive,
    coalesce(d.sending_at, d.settled_at) AS sending_at,
    d.was_in_doubt,
    d.was_resent,
    d.is_restored,
    d.said LIKE 'settled by %' AS is_settled_by_hand,
    (
        d.has_finding
        OR (
            d.settled_at BETWEEN r.remembered_since AND r.until
            AND (d.settled_at >= r.since OR d.was_in_doubt)
        )
    )
    AND (NOT d.is_marked OR d.person_id_pipedrive IS NOT NULL OR len(d.known_ids) > 0) AS is_due,
    CASE d.object
        WHEN 'activity'
            THEN json_object(
                    'subject', d.wanted ->> '$.subject',
                    'type', d.wanted ->> '$.type',
                    'due date', d.wanted ->> '$.due_date',
                    'text', (d.wanted ->> '$.note') || ' ref ' || d.marker
                )
        WHEN 'deal'
            THEN json_object(
                    'title', d.wanted ->> '$.title', 'value', (d.wanted ->> '$.value')::DOUBLE
                )
        WHEN 'note' THEN json_object('text', (d.wanted ->> '$.text') || ' ref ' || d.marker)
    END AS meant
FROM findable AS d
CROSS JOIN audit.round AS r
