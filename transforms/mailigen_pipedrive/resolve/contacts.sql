-- One row per contact: where it is now, who speaks for it, which bots select and automate it.
--
-- key     contact_id
-- reads   resolve.identity, resolve.winners, staging.syncline__bots, staging.syncline__contacts,
--         staging.pipedrive__confirmations
-- rule    A contact nobody selects stays as it is (MG-25). `is_gone` needs the vendor's own word
--         that the person was deleted, and nobody else speaking for the address (MG-12); a contact
--         merged into another is gone as well. `automated_by` are the filter bots that select it
--         and have automations; where there is none, every bot that selects it (MG-17).
-- watch   `bots` make the source, `automated_by` the automations. `overridden` are bots for all
--         contacts, as history remembers it: one that waits for its first approval overrides in the
--         plan that is shown, and leaves no trace should it never be approved.

WITH running AS (
    SELECT
        coalesce(list(bot_id) FILTER (WHERE selection = 'filter' AND has_automations), [])
            AS overriding,
        coalesce(
            list(bot_id) FILTER (WHERE selection = 'filter' AND has_automations AND NOT is_waiting),
            []
        ) AS overriding_for_good,
        coalesce(list(bot_id) FILTER (WHERE selection = 'all'), []) AS for_everybody
    FROM staging.syncline__bots
    WHERE is_active
),

selected AS (
    SELECT
        i.contact_id,
        i.email,
        i.person_id_pipedrive,
        w.owner_id_pipedrive,
        w.bots,
        CASE
            WHEN list_has_any(w.bots, r.overriding)
                THEN list_sort(list_intersect(w.bots, r.overriding))
            ELSE w.bots
        END AS automated_by,
        CASE
            WHEN list_has_any(w.bots, r.overriding_for_good)
                THEN list_sort(list_intersect(w.bots, r.for_everybody))
            ELSE []
        END AS overridden
    FROM resolve.identity AS i
    INNER JOIN resolve.winners AS w ON w.email = i.email
    CROSS JOIN running AS r
),

merged AS (
    SELECT from_contact_id AS contact_id
    FROM resolve.identity
    WHERE decision = 'merge'
)

SELECT
    contact_id,
    email,
    person_id_pipedrive,
    owner_id_pipedrive,
    bots,
    automated_by,
    overridden,
    TRUE AS is_selected,
    FALSE AS is_gone
FROM selected

UNION ALL

SELECT
    c.contact_id,
    c.email,
    c.person_id_pipedrive,
    NULL AS owner_id_pipedrive,
    []::VARCHAR [] AS bots,
    []::VARCHAR [] AS automated_by,
    []::VARCHAR [] AS overridden,
    FALSE AS is_selected,
    coalesce(k.is_gone, FALSE) OR m.contact_id IS NOT NULL OR c.merged_into IS NOT NULL AS is_gone
FROM staging.syncline__contacts AS c
LEFT JOIN selected AS s ON s.contact_id = c.contact_id
LEFT JOIN merged AS m ON m.contact_id = c.contact_id
LEFT JOIN staging.pipedrive__confirmations AS k ON k.person_id_pipedrive = c.person_id_pipedrive
WHERE s.contact_id IS NULL
