-- One row per person in a walked filter.
--
-- key     filter_id_pipedrive, person_id_pipedrive
-- reads   raw.pipedrive__filter_members

SELECT DISTINCT
    (body ->> '$.filter_id')::BIGINT AS filter_id_pipedrive,
    (body ->> '$.person_id')::BIGINT AS person_id_pipedrive
FROM raw.pipedrive__filter_members
