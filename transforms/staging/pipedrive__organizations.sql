-- One row per organization of a selected person.
--
-- key     organization_id_pipedrive
-- reads   raw.pipedrive__organizations

SELECT
    id AS organization_id_pipedrive,
    body ->> '$.name' AS name,
    body
FROM raw.pipedrive__organizations
