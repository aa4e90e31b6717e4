-- One row per place on the list: in what its wanted values differ from the acknowledged, and why.
--
-- key     contact_id
-- reads   resolve.places
-- rule    An update names its cause: the person's own values, a field that was added, bots that
--         came to select the contact or ceased to (ALL-10).
-- watch   A tag that is no longer mapped keeps its value and makes no difference (MG-05). An added
--         field differs also where its value is empty. Of what was read from the list itself
--         nobody can tell who changed it, the CRM or somebody on the list.

WITH compared AS (
    SELECT
        contact_id,
        is_verified,
        list_filter(
            map_keys(merge_values),
            lambda tag: coalesce(acknowledged[tag], '') <> merge_values[tag]
        ) AS changed,
        list_filter(
            map_keys(merge_values), lambda tag: tag <> 'SOURCE' AND acknowledged[tag] IS NULL
        ) AS added,
        list_filter(
            string_split(coalesce(acknowledged['SOURCE'], ''), '|'),
            lambda bot: bot NOT IN ('', 'Pipedrive')
        ) AS bots_before,
        list_filter(
            string_split(merge_values['SOURCE'], '|'), lambda bot: bot NOT IN ('', 'Pipedrive')
        ) AS bots_now
    FROM resolve.places
),

told AS (
    SELECT
        contact_id,
        changed,
        coalesce(is_verified, FALSE) AS is_verified,
        len(
            list_filter(changed, lambda tag: tag <> 'SOURCE' AND NOT list_contains(added, tag))
        ) > 0 AS has_values,
        array_to_string(added, ', ') AS added,
        array_to_string(
            list_filter(bots_now, lambda bot: NOT list_contains(bots_before, bot)), ' '
        ) AS bots_added,
        array_to_string(
            list_filter(bots_before, lambda bot: NOT list_contains(bots_now, bot)), ' '
        ) AS bots_removed
    FROM compared
)

SELECT
    contact_id,
    changed,
    NOT is_verified AND NOT has_values AND added = '' AS is_source_only,
    concat_ws(
        '; ',
        CASE
            WHEN is_verified THEN 'the list holds other values than Pipedrive'
            WHEN has_values THEN 'values changed in Pipedrive'
        END,
        'field added: ' || nullif(added, ''),
        CASE
            WHEN bots_added || bots_removed <> ''
                THEN 'source changed: ' || concat_ws(
                        ', ',
                        'added ' || nullif(bots_added, ''),
                        'removed ' || nullif(bots_removed, '')
                    )
        END
    ) AS reason
FROM told
