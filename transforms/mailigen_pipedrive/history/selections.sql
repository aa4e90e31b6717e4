-- One row per (bot, contact) that this sweep selects and no earlier stretch still covers.
--
-- key     bot_id, contact_id, from_sweep
-- reads   resolve.contacts, history.selections, staging.syncline__pauses, staging.syncline__sweep
-- rule    A note is made only for an event first seen while an active bot with that note selected
--         the contact (MG-16) and no other bot overrode it (MG-17), so who was selected when is
--         kept. Stretches that ended are closed beforehand, also those of overridden bots. What the
--         sweep that ends a user's pause sees first happened meanwhile: it selects nobody yet.

WITH now_selected AS (
    SELECT
        contact_id,
        unnest(list_filter(bots, lambda b: NOT list_contains(overridden, b))) AS bot_id
    FROM resolve.contacts
    WHERE is_selected
)

SELECT
    n.bot_id,
    n.contact_id,
    w.sweep AS from_sweep,
    NULL::BIGINT AS until_sweep
FROM now_selected AS n
CROSS JOIN staging.syncline__sweep AS w
LEFT JOIN history.selections AS s
    ON s.bot_id = n.bot_id AND s.contact_id = n.contact_id AND s.until_sweep IS NULL
LEFT JOIN staging.syncline__pauses AS p
    ON
        p.bot_id = n.bot_id
        AND w.sweep >= p.from_sweep
        AND w.sweep < coalesce(p.until_sweep, w.sweep + 1)
WHERE s.contact_id IS NULL AND p.bot_id IS NULL
