-- One row per e-mail entry of a person, in the person's own order.
--
-- key     person_id_pipedrive, position
-- reads   staging.pipedrive__persons
-- rule    Addresses are compared lower-cased and trimmed; Pipedrive keeps what was typed.

WITH entries AS (
    SELECT
        person_id_pipedrive,
        unnest(emails) AS entry,
        generate_subscripts(emails, 1) AS position
    FROM staging.pipedrive__persons
)

SELECT
    person_id_pipedrive,
    position,
    lower(trim(entry.value)) AS email,
    coalesce(entry.primary, FALSE) AS is_primary
FROM entries
