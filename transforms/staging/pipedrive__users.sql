-- One row per user of the Pipedrive company.
--
-- key     user_id_pipedrive
-- reads   raw.pipedrive__users

SELECT
    (body ->> '$.id')::BIGINT AS user_id_pipedrive,
    body ->> '$.name' AS name,
    lower(body ->> '$.email') AS email,
    coalesce((body ->> '$.active_flag')::BOOLEAN, FALSE) AS is_active
FROM raw.pipedrive__users
