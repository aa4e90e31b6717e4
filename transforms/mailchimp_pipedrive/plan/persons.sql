-- One row per contact that a flow into Pipedrive writes there, or leaves out and why.
--
-- key     write_key
-- reads   resolve.wanted, resolve.changes, staging.mailchimp__members,
--         staging.pipedrive__persons, staging.syncline__person_links, staging.syncline__sweep
-- rule    A member whose person is known gets the fields that changed; one that nobody in the CRM
--         has the address of becomes a person, once (MC-04, MC-08). The name is made of the name
--         fields, or is the address. A person that a colleague deleted is not made again.
-- watch   `replaced_email` is the entry of the person that was paired: only that one is changed.

WITH fields AS (
    SELECT
        flow_id,
        contact_id,
        map_from_entries(
            list((field_code, source) ORDER BY field_code)
            FILTER (WHERE is_written AND NOT is_address)
        ) AS changed,
        map_from_entries(
            list((field_code, target) ORDER BY field_code)
            FILTER (WHERE is_written AND NOT is_address)
        ) AS before,
        map_from_entries(
            list((field_code, source) ORDER BY field_code) FILTER (WHERE is_written)
        ) AS sources,
        max(source) FILTER (WHERE is_written AND is_address)
            AS new_email,
        max(base_engagement_value) FILTER (WHERE is_address) AS replaced_email,
        bool_and(base_engagement_value IS NULL) FILTER (WHERE is_written) AS is_meeting
    FROM resolve.changes
    WHERE is_into_crm
    GROUP BY flow_id, contact_id
),

deleted AS (
    SELECT l.contact_id
    FROM staging.syncline__person_links AS l
    ANTI JOIN staging.pipedrive__persons AS p ON p.person_id_pipedrive = l.person_id_pipedrive
),

judged AS (
    SELECT
        w.*,
        m.email,
        m.shown_email,
        nullif(trim(m.merge_fields ->> '$.FNAME'), '') AS first_name,
        nullif(trim(m.merge_fields ->> '$.LNAME'), '') AS last_name,
        f.changed,
        f.before,
        f.sources,
        CASE WHEN w.person_id_pipedrive IS NOT NULL THEN f.new_email END AS new_email,
        f.replaced_email,
        f.is_meeting,
        coalesce(
            w.skip_reason,
            CASE
                WHEN w.person_id_pipedrive IS NULL AND d.contact_id IS NOT NULL
                    THEN 'its person was deleted in Pipedrive'
            END,
            CASE WHEN m.status = 'archived' THEN 'is archived in Mailchimp' END
        ) AS left_out_because,
        row_number() OVER (
            PARTITION BY w.contact_id
            ORDER BY w.position
        ) AS place
    FROM resolve.wanted AS w
    INNER JOIN staging.mailchimp__members AS m
        ON
            m.list_id_mailchimp = w.list_id_mailchimp
            AND m.member_id_mailchimp = w.member_id_mailchimp
    LEFT JOIN fields AS f ON f.flow_id = w.flow_id AND f.contact_id = w.contact_id
    LEFT JOIN deleted AS d ON d.contact_id = w.contact_id
    WHERE w.is_into_crm
),

acted AS (
    SELECT
        *,
        CASE
            WHEN left_out_because IS NOT NULL THEN 'skip'
            WHEN person_id_pipedrive IS NULL AND place > 1 THEN 'wait'
            WHEN person_id_pipedrive IS NULL THEN 'create'
            WHEN cardinality(changed) > 0 OR new_email IS NOT NULL THEN 'update'
            ELSE 'nothing'
        END AS action
    FROM judged
)

SELECT
    CASE WHEN a.action = 'create'
            THEN concat_ws('|', 'person', s.crm, s.sync, a.contact_id)
        ELSE concat_ws('|', 'fields', s.crm, s.sync, a.flow_id, a.contact_id)
    END AS write_key,
    a.flow_id,
    a.contact_id,
    a.action,
    a.list_id_mailchimp,
    a.member_id_mailchimp,
    a.person_id_pipedrive,
    a.email,
    a.shown_email,
    a.new_email,
    a.replaced_email,
    coalesce(nullif(concat_ws(' ', a.first_name, a.last_name), ''), a.shown_email) AS name,
    a.before,
    'live' AS before_source,
    a.changed AS after,
    a.sources,
    a.fact_key AS settles,
    CASE
        WHEN a.action = 'skip' THEN a.left_out_because
        WHEN a.action = 'create' THEN 'nobody in Pipedrive has the address'
        WHEN a.action = 'update' AND a.is_meeting
            THEN 'they meet for the first time, and Mailchimp has it otherwise'
        WHEN a.action = 'update' THEN 'changed in Mailchimp'
    END AS reason,
    CASE WHEN a.action IN ('create', 'update') THEN 5 ELSE 0 END AS cost_tokens
FROM acted AS a
CROSS JOIN staging.syncline__sweep AS s
WHERE a.action <> 'wait' AND (a.action <> 'nothing' OR a.fact_key IS NOT NULL)
