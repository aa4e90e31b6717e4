-- One row per organization of a selected person.
--
-- key     organization_id_pipedrive
-- reads   raw.pipedrive__organizations

WITH latest AS (
    SELECT
        (body ->> '$.id')::BIGINT AS organization_id_pipedrive,
        body ->> '$.name' AS name,
        body,
        row_number() OVER (PARTITION BY body ->> '$.id' ORDER BY position DESC) AS place
    FROM raw.pipedrive__organizations
)

SELECT
    organization_id_pipedrive,
    name,
    body
FROM latest
WHERE place = 1
