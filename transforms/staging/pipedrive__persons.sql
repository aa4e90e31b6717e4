-- One row per Pipedrive person that is not deleted, as last received.
--
-- key     person_id_pipedrive
-- stored  as zstd: its bodies
-- reads   raw.pipedrive__persons
-- rule    Lists leave deleted persons out; one that slips in is dropped here.
-- watch   `body` is kept whole, because field selections name fields by the account's own codes.

WITH received AS (
    SELECT
        body,
        json_transform(
            body,
            '{
                "id": "BIGINT",
                "name": "VARCHAR",
                "first_name": "VARCHAR",
                "last_name": "VARCHAR",
                "owner_id": "BIGINT",
                "org_id": "BIGINT",
                "emails": [{"value": "VARCHAR", "primary": "BOOLEAN"}],
                "phones": [{"value": "VARCHAR", "primary": "BOOLEAN"}],
                "update_time": "TIMESTAMP",
                "last_incoming_mail_time": "TIMESTAMP",
                "last_outgoing_mail_time": "TIMESTAMP",
                "last_activity_id": "BIGINT",
                "is_deleted": "BOOLEAN"
            }'
        ) AS person
    FROM raw.pipedrive__persons
)

SELECT
    person.id AS person_id_pipedrive,
    person.name AS name,
    person.first_name AS first_name,
    person.last_name AS last_name,
    person.owner_id AS owner_id_pipedrive,
    person.org_id AS organization_id_pipedrive,
    person.emails AS emails,
    person.phones AS phones,
    person.update_time AS updated_at,
    greatest(person.last_incoming_mail_time, person.last_outgoing_mail_time) AS last_mail_at,
    person.last_activity_id AS last_activity_id_pipedrive,
    body
FROM received
WHERE NOT coalesce(person.is_deleted, FALSE)
