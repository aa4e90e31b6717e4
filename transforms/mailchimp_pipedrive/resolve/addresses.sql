-- One row per person read: the one address it is synced by, or why it cannot be.
--
-- key     person_id_pipedrive
-- reads   staging.pipedrive__persons, staging.pipedrive__person_emails
-- rule    The address flagged primary; none flagged: the first in the array. No second choice: a
--         person whose first address is unusable is skipped until it is mended.

WITH chosen AS (
    SELECT
        person_id_pipedrive,
        email,
        row_number() OVER (
            PARTITION BY person_id_pipedrive
            ORDER BY is_primary DESC, position ASC
        ) AS place
    FROM staging.pipedrive__person_emails
)

SELECT
    p.person_id_pipedrive,
    c.email,
    CASE
        WHEN c.email IS NULL OR c.email = '' THEN 'no e-mail address'
        WHEN
            length(c.email) > 254
            OR NOT regexp_full_match(c.email, '[^@\s,;<>"()]+@[^@\s,;<>"().]+(\.[^@\s,;<>"().]+)+')
            THEN 'first e-mail address is not usable'
    END AS skip_reason
FROM staging.pipedrive__persons AS p
LEFT JOIN chosen AS c ON c.person_id_pipedrive = p.person_id_pipedrive AND c.place = 1
