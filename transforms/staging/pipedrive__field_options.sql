-- One row per option of a single- or multiple-option field, of persons and organizations.
--
-- key     entity, field_code, option_id
-- reads   raw.pipedrive__fields

WITH options AS (
    SELECT
        body ->> '$.entity' AS entity,
        body ->> '$.field_code' AS field_code,
        unnest(from_json(json_extract(body, '$.options'), '["JSON"]')) AS field_option
    FROM raw.pipedrive__fields
    WHERE json_type(body, '$.options') = 'ARRAY'
)

SELECT
    entity,
    field_code,
    field_option ->> '$.id' AS option_id,
    field_option ->> '$.label' AS label
FROM options
