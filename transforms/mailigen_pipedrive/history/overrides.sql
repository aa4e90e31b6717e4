-- One row per (bot, contact) that this sweep finds overridden and no earlier stretch still covers.
--
-- key     bot_id, contact_id, from_sweep
-- reads   resolve.contacts, history.overrides, staging.syncline__sweep
-- rule    Falling back to a bot for all contacts counts from zero at that moment (MG-17), so when
--         filter bots overrode it is kept. Stretches that ended are closed beforehand.

WITH now_overridden AS (
    SELECT
        contact_id,
        unnest(overridden) AS bot_id
    FROM resolve.contacts
    WHERE is_selected
)

SELECT
    n.bot_id,
    n.contact_id,
    w.sweep AS from_sweep,
    NULL::BIGINT AS until_sweep
FROM now_overridden AS n
CROSS JOIN staging.syncline__sweep AS w
LEFT JOIN history.overrides AS o
    ON o.bot_id = n.bot_id AND o.contact_id = n.contact_id AND o.until_sweep IS NULL
WHERE o.contact_id IS NULL
