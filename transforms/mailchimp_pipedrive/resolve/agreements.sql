-- One row per contact, audience and pair of fields: what each side held when last dealt with.
--
-- key     contact_id, list_id_mailchimp, field_code, merge_tag
-- reads   staging.syncline__held, history.agreed
-- rule    The youngest word, whichever flow of the audience it comes from and whichever way: what
--         the ledger keeps of each answered write, and where both sides were seen to be equal.
-- watch   Without a base nobody can say which side changed; then the two meet for the first time.

WITH keys AS (
    SELECT
        contact_id,
        list_id_mailchimp,
        held,
        unnest(json_keys(held)) AS field_code
    FROM staging.syncline__held
),

written AS (
    SELECT
        contact_id,
        list_id_mailchimp,
        field_code,
        json_extract(held, '$."' || field_code || '"') AS entry
    FROM keys
),

words AS (
    SELECT
        contact_id,
        list_id_mailchimp,
        field_code,
        entry ->> '$.tag' AS merge_tag,
        entry ->> '$.crm' AS crm_value,
        entry ->> '$.engagement' AS engagement_value,
        (entry ->> '$.at')::TIMESTAMPTZ AS agreed_at
    FROM written

    UNION ALL

    SELECT
        contact_id,
        list_id_mailchimp,
        field_code,
        merge_tag,
        crm_value,
        engagement_value,
        agreed_at
    FROM history.agreed
),

ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY contact_id, list_id_mailchimp, field_code, merge_tag
            ORDER BY agreed_at DESC, crm_value ASC
        ) AS place
    FROM words
)

SELECT
    contact_id,
    list_id_mailchimp,
    field_code,
    merge_tag,
    crm_value,
    engagement_value,
    agreed_at
FROM ranked
WHERE place = 1
