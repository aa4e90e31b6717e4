-- One row per newcomer that was asked for: how it stands on the list, and the values it gave.
--
-- key     email
-- reads   raw.mailigen__newcomers
-- watch   `status` is NULL for an address that had left the list when it was asked for.

SELECT
    body ->> '$.email' AS email,
    body ->> '$.status' AS status,
    coalesce(nullif(trim(body ->> '$.shown_email'), ''), body ->> '$.email') AS shown_email,
    nullif(trim(body ->> '$.merges.FNAME'), '') AS first_name,
    nullif(trim(body ->> '$.merges.LNAME'), '') AS last_name,
    nullif(trim(body ->> '$.phone'), '') AS phone,
    coalesce(body ->> '$.merges.SOURCE', '') AS source
FROM raw.mailigen__newcomers
