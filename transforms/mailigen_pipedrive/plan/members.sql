-- One row per list member to write, or to leave out with the reason.
--
-- key     write_key
-- reads   resolve.places, resolve.differences, staging.syncline__sweep
-- rule    Each row says what is there, how we know, what will be there, and why (ALL-05).
-- watch   `forget` writes nothing: the place is empty already; what was acknowledged is dropped.
--         `is_source_only`: an update of nothing but the names of the bots.

WITH members AS (
    SELECT
        p.contact_id,
        action,
        CASE WHEN is_selected THEN email ELSE coalesce(acknowledged_email, email) END AS email,
        acknowledged_email,
        acknowledged,
        is_selected,
        is_verified,
        merge_values,
        d.changed,
        action = 'update' AND d.is_source_only AS is_source_only,
        CASE
            WHEN action = 'update' AND is_selected AND acknowledged_email <> email
                THEN NOT is_old_wanted AND old_status = 'subscribed'
            ELSE FALSE
        END AS leaves_old_behind,
        CASE
            WHEN action = 'delete'
                THEN 'the person was deleted in Pipedrive, or has another place on the list'
            WHEN action = 'forget' AND is_old_wanted
                THEN 'another contact has the place on the list now'
            WHEN action = 'forget' THEN 'already gone from the list'
            WHEN action = 'create' THEN 'selected by ' || array_to_string(bots, ', ')
            WHEN action = 'move' THEN 'the first e-mail address changed'
            WHEN action = 'update' AND NOT is_selected
                THEN 'no active bot selects the contact any more'
            WHEN action = 'update' AND acknowledged IS NULL
                THEN 'already on the list, values never written'
            WHEN action = 'update' AND acknowledged_email <> email
                THEN 'the first e-mail address changed to one already on the list'
            WHEN action = 'update' THEN coalesce(nullif(d.reason, ''), 'source changed')
            WHEN action = 'skip' THEN
                coalesce(
                    barred_because,
                    CASE WHEN is_removed THEN 'was removed from the list by hand' END,
                    'is ' || status || ' on the list'
                )
        END AS reason
    FROM resolve.places AS p
    INNER JOIN resolve.differences AS d ON d.contact_id = p.contact_id
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
        WHEN m.is_verified THEN 'live'
        ELSE 'live membership + last acknowledged values'
    END AS before_source,
    CASE
        WHEN m.action NOT IN ('delete', 'skip', 'forget')
            THEN json_object('email', m.email, 'merges', m.merge_values)
    END AS after,
    CASE WHEN m.action IN ('delete', 'skip', 'forget') THEN [] ELSE m.changed END AS changed,
    m.is_source_only,
    m.leaves_old_behind,
    m.is_selected,
    m.reason,
    CASE m.action
        WHEN 'create' THEN 0.01
        WHEN 'delete' THEN 2
        WHEN 'skip' THEN 0
        WHEN 'forget' THEN 0
        ELSE 1
    END
    + CASE WHEN m.leaves_old_behind THEN 2 ELSE 0 END AS cost_calls
FROM members AS m
CROSS JOIN staging.syncline__sweep AS w
