-- One row per setting that the ledger knows: fields or a tag of a member, or fields of a person.
--
-- key     write_key
-- reads   audit.places, audit.round, history.findings
-- rule    Looked at (`is_due`) is what was settled in the round, what was in doubt during the last
--         30 days, and what has an open finding. `place` is its turn: the same in every audit.
-- watch   What was never acknowledged has no values; its address still tells whether a create of
--         ours that was in doubt has subscribed somebody. What `adopt` restored has no values
--         either. `is_create`: the last thing sent was the creation of a member, and answered. What
--         was withdrawn after a doubt may have come late: `taken_back` is what it was.

WITH open_findings AS (
    SELECT DISTINCT write_key
    FROM history.findings
    WHERE closed_at IS NULL
),

acknowledged_ones AS (
    SELECT
        *,
        CASE WHEN state = 'done' AND acknowledged_hash IS NOT NULL THEN acknowledged::JSON END
            AS said_last,
        CASE WHEN state = 'withdrawn' AND doubt_at IS NOT NULL THEN desired::JSON END AS taken_back
    FROM audit.places
    WHERE object IN ('audience_member', 'audience_person')
),

known AS (
    SELECT
        concat_ws('|', object, account, aspect, subject) AS write_key,
        account,
        object,
        subject,
        split_part(aspect, '/', 3) AS list_id_mailchimp,
        coalesce(
            nullif(split_part(remote_id, '/', 2), ''),
            said_last ->> '$.member',
            taken_back ->> '$.member'
        ) AS member_id_mailchimp,
        coalesce(said_last ->> '$.person', taken_back ->> '$.person')::BIGINT
            AS person_id_pipedrive,
        lower(trim(coalesce(
            said_last ->> '$.email', desired::JSON ->> '$.email', natural_key
        ))) AS email,
        said_last ->> '$.tag' AS tag,
        said_last -> '$.sources' AS sources,
        taken_back,
        CASE WHEN json_exists(said_last, '$.sources') AND held <> 'null' THEN held::JSON END
            AS held,
        coalesce(json_exists(said_last, '$.list') OR json_exists(said_last, '$.person'), FALSE)
            AS is_done,
        coalesce(
            object = 'audience_member'
            AND json_exists(said_last, '$.list')
            AND (said_last ->> '$.member') IS NULL
            AND NOT is_adopted,
            FALSE
        ) AS is_create,
        sending_at AS sent_at,
        settled_at,
        doubt_at
    FROM acknowledged_ones
)

SELECT
    k.write_key,
    ('0x' || left(sha256(k.write_key), 15))::BIGINT AS place,
    k.account,
    k.object,
    k.subject,
    k.list_id_mailchimp,
    k.member_id_mailchimp,
    k.person_id_pipedrive,
    k.email,
    k.tag,
    k.sources,
    k.taken_back,
    k.held,
    k.is_done,
    k.is_create,
    k.sent_at,
    k.settled_at,
    k.doubt_at,
    coalesce(k.doubt_at >= r.remembered_since, FALSE) AS was_in_doubt,
    coalesce(
        k.settled_at BETWEEN greatest(r.since, r.remembered_since) AND r.until
        OR k.doubt_at >= r.remembered_since,
        FALSE
    )
    OR o.write_key IS NOT NULL AS is_due
FROM known AS k
CROSS JOIN audit.round AS r
LEFT JOIN open_findings AS o ON o.write_key = k.write_key
