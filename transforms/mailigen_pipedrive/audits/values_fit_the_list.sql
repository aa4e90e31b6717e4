-- WARN: a field is longer than Mailigen takes and was cut to 255 characters.
--
-- reads   resolve.field_values

SELECT
    contact_id,
    merge_tag
FROM resolve.field_values
WHERE length(value) >= 255
