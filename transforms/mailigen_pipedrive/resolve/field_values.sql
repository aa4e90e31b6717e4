-- One row per (selected contact, merge tag): the text that belongs on the list.
--
-- key     contact_id, merge_tag
-- reads   resolve.contacts, staging.syncline__fields, staging.pipedrive__field_options,
--         staging.pipedrive__persons, staging.pipedrive__organizations, staging.pipedrive__users
-- rule    Fields are found by code, never by name. An empty field is written as '' so that clearing
--         it in Pipedrive clears it on the list. Mailigen takes 255 characters a value.
--         Written as a person would: 12.50 EUR, 2026-11-02, 10:00, yes, options by label.
-- watch   A field that was deleted in Pipedrive has no row: its last value stays on the list
--         (MG-05). A field that names another person shows that person's name only when some bot
--         selects the person too: nobody else is read.

WITH wanted AS (
    SELECT
        c.contact_id,
        f.merge_tag,
        f.entity,
        f.field_code,
        f.field_type,
        p.phones,
        CASE f.entity WHEN 'person' THEN p.body ELSE o.body END AS body
    FROM resolve.contacts AS c
    INNER JOIN staging.pipedrive__persons AS p ON p.person_id_pipedrive = c.person_id_pipedrive
    LEFT JOIN staging.pipedrive__organizations AS o
        ON o.organization_id_pipedrive = p.organization_id_pipedrive
    CROSS JOIN staging.syncline__fields AS f
    WHERE c.is_selected AND NOT f.is_gone
),

found AS (
    SELECT
        *,
        CASE
            WHEN field_code IN ('phone', 'im') THEN json_extract(body, '$.' || field_code || 's')
            WHEN json_exists(body, '$.' || field_code) THEN json_extract(body, '$.' || field_code)
            ELSE json_extract(body, '$.custom_fields."' || field_code || '"')
        END AS value
    FROM wanted
),

chosen_phone AS (
    SELECT
        person_id_pipedrive,
        coalesce(list_filter(phones, lambda p: p.primary)[1], phones[1]).value AS phone
    FROM staging.pipedrive__persons
    WHERE len(phones) > 0
),

labelled AS (
    SELECT
        f.contact_id,
        f.merge_tag,
        string_agg(o.label, ', ' ORDER BY o.label) AS labels
    FROM found AS f
    INNER JOIN staging.pipedrive__field_options AS o
        ON
            o.entity = f.entity
            AND o.field_code = f.field_code
            AND (
                o.option_id = f.value ->> '$'
                OR list_contains(try_cast(f.value AS VARCHAR []), o.option_id)
            )
    WHERE f.field_type IN ('enum', 'set')
    GROUP BY f.contact_id, f.merge_tag
),

amounts AS (
    SELECT
        contact_id,
        merge_tag,
        regexp_replace(
            format('{:.2f}', try_cast(value ->> '$.value' AS DOUBLE)), '\.00$', ''
        ) AS amount
    FROM found
    WHERE field_type = 'monetary'
)

SELECT
    f.contact_id,
    f.merge_tag,
    left(
        coalesce(
            CASE
                WHEN f.field_type IN ('enum', 'set') THEN l.labels
                WHEN f.field_code = 'phone' THEN ph.phone
                WHEN f.field_type = 'user' THEN u.name
                WHEN f.field_type = 'people' THEN pp.name
                WHEN f.field_type = 'org' THEN org.name
                WHEN f.field_type = 'monetary'
                    THEN a.amount || coalesce(' ' || (f.value ->> '$.currency'), '')
                WHEN f.field_type = 'double' THEN regexp_replace(f.value ->> '$', '\.0+$', '')
                WHEN f.field_type = 'boolean'
                    THEN CASE f.value ->> '$' WHEN 'true' THEN 'yes' WHEN 'false' THEN 'no' END
                WHEN f.field_type = 'time'
                    THEN
                        regexp_replace(coalesce(f.value ->> '$.value', f.value ->> '$'), ':00$', '')
                WHEN f.field_type = 'timerange'
                    THEN concat_ws(
                            ' - ',
                            regexp_replace(f.value ->> '$.value', ':00$', ''),
                            regexp_replace(f.value ->> '$.until', ':00$', '')
                        )
                WHEN f.field_type = 'daterange'
                    THEN concat_ws(' - ', f.value ->> '$.value', f.value ->> '$.until')
                WHEN json_type(f.value) = 'OBJECT' THEN f.value ->> '$.value'
                ELSE f.value ->> '$'
            END,
            ''
        ),
        255
    ) AS value
FROM found AS f
INNER JOIN resolve.contacts AS c ON c.contact_id = f.contact_id
LEFT JOIN amounts AS a ON a.contact_id = f.contact_id AND a.merge_tag = f.merge_tag
LEFT JOIN labelled AS l ON l.contact_id = f.contact_id AND l.merge_tag = f.merge_tag
LEFT JOIN chosen_phone AS ph ON ph.person_id_pipedrive = c.person_id_pipedrive
LEFT JOIN staging.pipedrive__users AS u ON u.user_id_pipedrive = try_cast(f.value AS BIGINT)
LEFT JOIN staging.pipedrive__persons AS pp ON pp.person_id_pipedrive = try_cast(f.value AS BIGINT)
LEFT JOIN staging.pipedrive__organizations AS org
    ON org.organization_id_pipedrive = try_cast(f.value AS BIGINT)
