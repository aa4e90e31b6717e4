-- One row per contact whose place on the list is decided in this sweep: what to write, or why not.
--
-- key     write_key
-- reads   resolve.contacts, resolve.field_values, resolve.consent, resolve.addresses,
--         resolve.winners, staging.mailigen__members, staging.syncline__members,
--         staging.syncline__removed, staging.syncline__bots, staging.syncline__sweep
-- rule    Live membership decides between create and update; what Mailigen last acknowledged
--         decides what differs (MG-12). Nobody who opted out is created or moved (ALL-08). A
--         contact no bot selects keeps its values and loses the source (MG-11, MG-25). Members that
--         are unsubscribed, bounced or unconfirmed are left exactly as they are.
-- watch   A bot that Syncline suspended keeps its part of the source: an automatic pause takes
--         nothing away. Tags that are no longer mapped keep their acknowledged value (MG-05).

WITH wanted_values AS (
    SELECT
        contact_id,
        map_from_entries(list((merge_tag, value) ORDER BY merge_tag)) AS merges
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
        a.merges AS acknowledged,
        live.status AS status,
        old.status AS old_status,
        heir.email IS NOT NULL AS is_old_wanted,
        coalesce(w.merges, MAP {}::MAP(VARCHAR, VARCHAR)) AS wanted,
        k.reason AS barred_because,
        r.email IS NOT NULL AS is_removed,
        list_sort(
            list_distinct(
                list_concat(
                    c.bots,
                    list_intersect(
                        string_split(coalesce(a.merges['SOURCE'], ''), '|'), coalesce(s.bots, [])
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
                        coalesce(acknowledged, MAP {}::MAP(VARCHAR, VARCHAR)),
                        wanted,
                        MAP {
                            'SOURCE': CASE
                                WHEN len(source_bots) = 0 THEN ''
                                ELSE 'Pipedrive|' || array_to_string(source_bots, '|')
                            END
                        }
                    )
                )
            )
        ) AS merges
    FROM known
),

judged AS (
    SELECT
        *,
        CASE
            WHEN is_gone AND old_status IS NULL THEN 'forget'
            WHEN is_gone AND is_old_wanted THEN 'forget'
            WHEN is_gone THEN 'delete'
            WHEN NOT is_selected AND coalesce(old_status, '') <> 'subscribed' THEN 'leave'
            WHEN NOT is_selected AND merges = acknowledged THEN 'leave'
            WHEN NOT is_selected THEN 'update'
            WHEN
                status = 'subscribed'
                AND (acknowledged IS NULL OR acknowledged_email <> email OR merges <> acknowledged)
                THEN 'update'
            WHEN status = 'subscribed' THEN 'leave'
            WHEN status IS NOT NULL OR barred_because IS NOT NULL OR is_removed THEN 'skip'
            WHEN
                acknowledged_email <> email AND old_status = 'subscribed' AND NOT is_old_wanted
                THEN 'move'
            ELSE 'create'
        END AS action
    FROM aimed
),

members AS (
    SELECT
        contact_id,
        action,
        CASE WHEN is_selected THEN email ELSE coalesce(acknowledged_email, email) END AS email,
        acknowledged_email,
        acknowledged,
        merges,
        CASE
            WHEN action = 'update' AND is_selected AND acknowledged_email <> email
                THEN NOT is_old_wanted AND old_status = 'subscribed'
            ELSE FALSE
        END AS leaves_old_behind,
        CASE
            WHEN action = 'delete' THEN 'the person was deleted in Pipedrive, or is now on the list under another address'
            WHEN action = 'forget' THEN 'already gone from the list'
            WHEN action = 'create' THEN 'selected by ' || array_to_string(bots, ', ')
            WHEN action = 'move' THEN 'the first e-mail address changed'
            WHEN action = 'update' AND NOT is_selected THEN 'no active bot selects the contact any more'
            WHEN action = 'update' AND acknowledged IS NULL THEN 'already on the list, values never written'
            WHEN action = 'update' AND acknowledged_email <> email THEN 'the first e-mail address changed to one already on the list'
            WHEN action = 'update' THEN 'values changed in Pipedrive'
            WHEN action = 'skip' THEN
                coalesce(
                    barred_because,
                    CASE WHEN is_removed THEN 'was removed from the list by hand' END,
                    'is ' || status || ' on the list'
                )
        END AS reason
    FROM judged
    WHERE action <> 'leave'
)

SELECT
    concat_ws('|', 'member', w.engagement, w.list_key, m.contact_id) AS write_key,
    m.contact_id,
    m.action,
    m.email,
    CASE
        WHEN m.acknowledged IS NULL THEN NULL
        ELSE json_object('email', m.acknowledged_email, 'merges', m.acknowledged)
    END AS before,
    CASE
        WHEN m.action IN ('create', 'skip') THEN 'live membership'
        WHEN m.acknowledged IS NULL THEN 'live membership; values never read'
        ELSE 'live membership + last acknowledged values'
    END AS before_source,
    CASE
        WHEN m.action NOT IN ('delete', 'skip', 'forget')
            THEN json_object('email', m.email, 'merges', m.merges)
    END AS after,
    CASE
        WHEN m.action IN ('delete', 'skip', 'forget') THEN []
        ELSE list_filter(
            map_keys(m.merges),
            lambda tag: coalesce(m.acknowledged[tag], '') <> m.merges[tag]
        )
    END AS changed,
    m.leaves_old_behind,
    m.reason,
    CASE m.action WHEN 'create' THEN 0.01 WHEN 'skip' THEN 0 WHEN 'forget' THEN 0 WHEN 'delete' THEN 2 ELSE 1 END
    + CASE WHEN m.leaves_old_behind THEN 2 ELSE 0 END AS cost_calls
FROM members AS m
CROSS JOIN staging.syncline__sweep AS w
