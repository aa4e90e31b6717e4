-- One row per contact that is, was or should be on the list: where it stands and what follows.
--
-- key     contact_id
-- reads   resolve.contacts, resolve.field_values, resolve.consent, resolve.winners,
--         staging.mailigen__members, staging.syncline__members, staging.syncline__removed,
--         staging.syncline__bots
-- rule    Live membership decides between create and update, what Mailigen last acknowledged what
--         differs (MG-12). Nobody who opted out is created or moved (ALL-08). A contact no bot
--         selects loses the source alone (MG-11, MG-25). Who is not subscribed is left untouched.
-- watch   A bot that Syncline suspended keeps its part of the source; tags that are no longer
--         mapped keep their acknowledged value (MG-05).

WITH wanted_values AS (
    SELECT
        contact_id,
        map_from_entries(list((merge_tag, value) ORDER BY merge_tag)) AS merge_values
    FROM resolve.field_values
    GROUP BY contact_id
),

suspended AS (
    SELECT list(bot_id) AS bots
    FROM staging.syncline__bots
    WHERE is_suspended
),

known AS (
    SELECT
        c.contact_id,
        c.email,
        c.bots,
        c.is_selected,
        c.is_gone,
        a.email AS acknowledged_email,
        a.merge_values AS acknowledged,
        a.is_verified,
        live.status AS status,
        old.status AS old_status,
        heir.email IS NOT NULL AS is_old_wanted,
        coalesce(w.merge_values, MAP {}) AS wanted,
        k.reason AS barred_because,
        r.email IS NOT NULL AS is_removed,
        list_sort(
            list_distinct(
                list_concat(
                    c.bots,
                    list_intersect(
                        string_split(coalesce(a.merge_values['SOURCE'], ''), '|'),
                        coalesce(s.bots, [])
                    )
                )
            )
        ) AS source_bots
    FROM resolve.contacts AS c
    CROSS JOIN suspended AS s
    LEFT JOIN staging.syncline__members AS a ON a.contact_id = c.contact_id
    LEFT JOIN staging.mailigen__members AS live ON live.email = c.email
    LEFT JOIN staging.mailigen__members AS old ON old.email = a.email
    LEFT JOIN resolve.winners AS heir
        ON heir.email = a.email AND (heir.email <> c.email OR NOT c.is_selected)
    LEFT JOIN wanted_values AS w ON w.contact_id = c.contact_id
    LEFT JOIN resolve.consent AS k ON k.contact_id = c.contact_id
    LEFT JOIN staging.syncline__removed AS r ON r.email = c.email
    WHERE c.is_selected OR a.contact_id IS NOT NULL
),

aimed AS (
    SELECT
        *,
        map_from_entries(
            list_sort(
                map_entries(
                    map_concat(
                        coalesce(acknowledged, MAP {}),
                        wanted,
                        MAP {
                            'SOURCE': coalesce(
                                'Pipedrive|' || nullif(array_to_string(source_bots, '|'), ''), ''
                            )
                        }
                    )
                )
            )
        ) AS merge_values
    FROM known
)

SELECT
    contact_id,
    email,
    bots,
    is_selected,
    acknowledged_email,
    acknowledged,
    is_verified,
    status,
    old_status,
    is_old_wanted,
    barred_because,
    is_removed,
    merge_values,
    CASE
        WHEN is_gone AND (old_status IS NULL OR is_old_wanted) THEN 'forget'
        WHEN is_gone THEN 'delete'
        WHEN NOT is_selected AND is_old_wanted THEN 'forget'
        WHEN NOT is_selected AND coalesce(old_status, '') <> 'subscribed' THEN 'leave'
        WHEN NOT is_selected AND merge_values = acknowledged THEN 'leave'
        WHEN NOT is_selected THEN 'update'
        WHEN
            status = 'subscribed'
            AND (merge_values IS DISTINCT FROM acknowledged OR acknowledged_email <> email)
            THEN 'update'
        WHEN status = 'subscribed' THEN 'leave'
        WHEN status IS NOT NULL OR barred_because IS NOT NULL OR is_removed
            THEN CASE WHEN is_old_wanted THEN 'forget' ELSE 'skip' END
        WHEN acknowledged_email <> email AND old_status = 'subscribed' AND NOT is_old_wanted
            THEN 'move'
        ELSE 'create'
    END AS action
FROM aimed
