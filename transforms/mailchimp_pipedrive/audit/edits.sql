-- One row per field that holds something else than we wrote last, or than was agreed before a write
-- of ours that was taken back.
--
-- key     write_key, field
-- reads   audit.settings, audit.asked, audit.round, resolve.agreements
-- rule    Ours is what the vendor's answer showed, as long as no later word on the pair is known:
--         no write of another flow, and nobody saw both sides equal since. `is_lost`: the record
--         was not changed since we wrote it, so nobody edited it and our value was not kept.
-- watch   A field or tag that the record does not show was renamed or deleted: nothing is said of
--         it. Where something of ours was in doubt, an old body of ours may have come late, and
--         nobody can say who it was. Vendors tell times in whole seconds, hence the two seconds.

WITH written AS (
    SELECT
        s.*,
        unnest(json_keys(s.held)) AS field_code
    FROM audit.settings AS s
    WHERE s.held IS NOT NULL AND s.is_done
),

entries AS (
    SELECT
        *,
        json_extract(held, '$."' || field_code || '"') AS entry,
        object = 'audience_person' AS is_in_crm
    FROM written
),

named AS (
    SELECT
        write_key,
        subject,
        list_id_mailchimp,
        field_code,
        sent_at,
        was_in_doubt,
        is_in_crm,
        entry ->> '$.tag' AS merge_tag,
        CASE WHEN is_in_crm THEN field_code ELSE entry ->> '$.tag' END AS field,
        CASE WHEN is_in_crm THEN entry ->> '$.crm' ELSE entry ->> '$.engagement' END AS meant,
        (entry ->> '$.at')::TIMESTAMPTZ AS written_at,
        list_contains(json_keys(sources), field_code) AS is_of_last_write
    FROM entries
),

taken_back AS (
    SELECT
        *,
        unnest(json_keys(taken_back -> '$.sources')) AS field_code
    FROM audit.settings
    WHERE was_in_doubt AND json_exists(taken_back, '$.sources')
),

agreed_before AS (
    SELECT
        t.write_key,
        t.subject,
        t.list_id_mailchimp,
        t.field_code,
        t.sent_at,
        t.was_in_doubt,
        t.object = 'audience_person' AS is_in_crm,
        b.merge_tag,
        CASE WHEN t.object = 'audience_person' THEN t.field_code ELSE b.merge_tag END AS field,
        CASE WHEN t.object = 'audience_person' THEN b.crm_value ELSE b.engagement_value END
            AS meant,
        b.agreed_at AS written_at,
        FALSE AS is_of_last_write
    FROM taken_back AS t
    INNER JOIN resolve.agreements AS b
        ON
            b.contact_id = t.subject
            AND b.list_id_mailchimp = t.list_id_mailchimp
            AND b.field_code = t.field_code
),

told AS (
    SELECT * FROM named
    UNION ALL BY NAME
    SELECT * FROM agreed_before
)

SELECT
    n.write_key,
    n.field,
    n.was_in_doubt,
    coalesce(
        NOT n.was_in_doubt
        AND n.is_of_last_write
        AND a.changed_at < n.sent_at - INTERVAL 2 SECOND
        AND n.sent_at < r.vendor_now - to_seconds(
            CASE WHEN n.is_in_crm THEN r.horizon_seconds ELSE r.engagement_horizon_seconds END
        ),
        FALSE
    ) AS is_lost
FROM told AS n
INNER JOIN audit.asked AS a ON a.write_key = n.write_key AND a.is_own AND a.is_there
CROSS JOIN audit.round AS r
INNER JOIN resolve.agreements AS b
    ON
        b.contact_id = n.subject
        AND b.list_id_mailchimp = n.list_id_mailchimp
        AND b.field_code = n.field_code
        AND b.merge_tag = n.merge_tag
        AND b.agreed_at = n.written_at
WHERE
    list_contains(json_keys(a.shown), n.field)
    AND json_extract_string(a.shown, '$."' || n.field || '"') IS DISTINCT FROM n.meant
