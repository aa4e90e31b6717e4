-- One row per wanted contact and mapped field: what each side holds, as text that compares.
--
-- key     flow_id, contact_id, field_code
-- reads   resolve.wanted, resolve.addresses, staging.syncline__mapping,
--         staging.pipedrive__persons, staging.mailchimp__members
-- rule    The address is a field like the others, by the first usable one of the person.
--         Both sides in one form, by the merge field's type: numbers without useless zeros, days as
--         2026-11-02, birthdays as 11/02, an address as its parts. '' is no value.
-- watch   A field is found by code and by the tag it has now: what it is called changes nothing.

WITH held AS (
    SELECT
        w.flow_id,
        w.contact_id,
        m.field_code,
        m.field_type,
        m.merge_tag,
        m.merge_type,
        p.phones,
        a.email AS crm_email,
        s.email AS engagement_email,
        CASE
            WHEN json_exists(p.body, '$.' || m.field_code)
                THEN json_extract(p.body, '$.' || m.field_code)
            ELSE json_extract(p.body, '$.custom_fields."' || m.field_code || '"')
        END AS in_crm,
        json_extract(s.merge_fields, '$."' || m.merge_tag || '"') AS in_engagement
    FROM resolve.wanted AS w
    INNER JOIN staging.syncline__mapping AS m ON m.flow_id = w.flow_id
    LEFT JOIN staging.pipedrive__persons AS p ON p.person_id_pipedrive = w.person_id_pipedrive
    LEFT JOIN resolve.addresses AS a
        ON a.person_id_pipedrive = w.person_id_pipedrive AND a.skip_reason IS NULL
    LEFT JOIN staging.mailchimp__members AS s
        ON
            s.list_id_mailchimp = w.list_id_mailchimp
            AND s.member_id_mailchimp = w.member_id_mailchimp
),

plain AS (
    SELECT
        *,
        CASE
            WHEN merge_type = 'email' THEN crm_email
            WHEN field_code = 'phone'
                THEN coalesce(list_filter(phones, lambda p: p.primary)[1], phones[1]).value
            WHEN json_type(in_crm) = 'OBJECT' THEN in_crm ->> '$.value'
            ELSE in_crm ->> '$'
        END AS crm_text,
        CASE
            WHEN merge_type = 'email' THEN engagement_email ELSE in_engagement ->> '$'
        END AS engagement_text
    FROM held
),

addresses AS (
    SELECT
        flow_id,
        contact_id,
        field_code,
        json_object(
            'addr1', coalesce(
                nullif(
                    concat_ws(' ', in_crm ->> '$.route', in_crm ->> '$.street_number'), ''
                ),
                crm_text
            ),
            'city', in_crm ->> '$.locality',
            'state', coalesce(in_crm ->> '$.admin_area_level_1', ''),
            'zip', in_crm ->> '$.postal_code',
            'country', in_crm ->> '$.country'
        ) AS parts
    FROM plain
    WHERE merge_type = 'address' AND in_crm ->> '$.locality' <> ''
)

SELECT
    p.flow_id,
    p.contact_id,
    p.field_code,
    p.field_type,
    p.merge_tag,
    p.merge_type,
    coalesce(
        CASE p.merge_type
            WHEN 'number'
                THEN regexp_replace(format('{:.4f}', try_cast(p.crm_text AS DOUBLE)), '\.?0+$', '')
            WHEN 'birthday' THEN strftime(try_cast(p.crm_text AS DATE), '%m/%d')
            WHEN 'address' THEN a.parts::VARCHAR
            ELSE trim(p.crm_text)
        END,
        ''
    ) AS crm_value,
    coalesce(
        CASE p.merge_type
            WHEN 'number'
                THEN
                    regexp_replace(
                        format('{:.4f}', try_cast(p.engagement_text AS DOUBLE)), '\.?0+$', ''
                    )
            WHEN 'address'
                THEN CASE WHEN json_type(p.in_engagement) = 'OBJECT' THEN p.engagement_text END
            ELSE trim(p.engagement_text)
        END,
        ''
    ) AS engagement_value
FROM plain AS p
LEFT JOIN addresses AS a
    ON
        a.flow_id = p.flow_id
        AND a.contact_id = p.contact_id
        AND a.field_code = p.field_code
