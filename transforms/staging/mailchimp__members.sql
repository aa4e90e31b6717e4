-- One row per contact of an audience as last received, archived ones included.
--
-- key     list_id_mailchimp, member_id_mailchimp
-- reads   raw.mailchimp__members
-- rule    A member is known by its contact_id: the id by which it is listed is the hash of its
--         address, which changes, and the same address has the same hash in every audience.
-- watch   Empty times come as ''. Addresses are compared lower-cased; `shown_email` is as given.

SELECT
    list_id AS list_id_mailchimp,
    contact_id AS member_id_mailchimp,
    lower(trim(body ->> '$.email_address')) AS email,
    body ->> '$.email_address' AS shown_email,
    body ->> '$.status' AS status,
    json_extract(body, '$.merge_fields') AS merge_fields,
    try_cast(nullif(body ->> '$.last_changed', '') AS TIMESTAMPTZ) AS last_changed_at,
    fetched_at
FROM raw.mailchimp__members
