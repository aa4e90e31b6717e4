-- One row per linked person that no walk returned and that was asked for by id.
--
-- key     person_id_pipedrive
-- reads   raw.pipedrive__confirmations
-- rule    Absence from a filter is never a deletion (MG-25): only `is_gone`, the vendor's own
--         answer, is.

SELECT
    (body ->> '$.person_id')::BIGINT AS person_id_pipedrive,
    (body ->> '$.is_gone')::BOOLEAN AS is_gone
FROM raw.pipedrive__confirmations
