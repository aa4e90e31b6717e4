-- One row per person and newcomer's address it has, as any of its addresses.
--
-- key     email, person_id_pipedrive
-- reads   raw.pipedrive__holders
-- rule    Addresses are compared lower-cased and trimmed; Pipedrive keeps what was typed.

SELECT DISTINCT
    lower(trim(entry.value ->> '$.value')) AS email,
    (h.body ->> '$.id')::BIGINT AS person_id_pipedrive
FROM raw.pipedrive__holders AS h
CROSS JOIN unnest(json_extract(h.body, '$.emails[*]')) AS entry (value)
