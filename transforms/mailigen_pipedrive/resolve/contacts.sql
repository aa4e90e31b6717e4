-- One row per contact: where it is now, who speaks for it, which bots select it.
--
-- key     contact_id
-- reads   resolve.identity, resolve.winners, staging.syncline__contacts,
--         staging.pipedrive__confirmations
-- rule    A contact nobody selects stays as it is (MG-25). `is_gone` needs the vendor's own word
--         that the person was deleted, and nobody else speaking for the address (MG-12); a contact
--         merged into another is gone as well.

WITH selected AS (
    SELECT
        i.contact_id,
        i.email,
        i.person_id_pipedrive,
        w.owner_id_pipedrive,
        w.bots
    FROM resolve.identity AS i
    INNER JOIN resolve.winners AS w ON w.email = i.email
),

merged AS (
    SELECT from_contact_id AS contact_id
    FROM resolve.identity
    WHERE decision = 'merge'
)

SELECT
    contact_id,
    email,
    person_id_pipedrive,
    owner_id_pipedrive,
    bots,
    TRUE AS is_selected,
    FALSE AS is_gone
FROM selected

UNION ALL

SELECT
    c.contact_id,
    c.email,
    c.person_id_pipedrive,
    NULL AS owner_id_pipedrive,
    []::VARCHAR [] AS bots,
    FALSE AS is_selected,
    coalesce(k.is_gone, FALSE) OR m.contact_id IS NOT NULL OR c.merged_into IS NOT NULL AS is_gone
FROM staging.syncline__contacts AS c
LEFT JOIN selected AS s ON s.contact_id = c.contact_id
LEFT JOIN merged AS m ON m.contact_id = c.contact_id
LEFT JOIN staging.pipedrive__confirmations AS k ON k.person_id_pipedrive = c.person_id_pipedrive
WHERE s.contact_id IS NULL
