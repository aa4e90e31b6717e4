-- One row per bot and contact it was once overridden for: when the contact last fell back to it.
--
-- key     bot_id, contact_id
-- reads   history.overrides, resolve.heirs
-- rule    Falling back to a bot for all contacts counts from zero at that moment: like an
--         activation, the reading of the sweep that found it is the baseline (MG-17). Whoever
--         takes over a contact's events, by a merge or a fork, takes over its fallback.
-- watch   A contact that is overridden now has a row if it ever fell back before. After a merge the
--         later of both fallbacks is the contact's.

WITH inherited AS (
    SELECT DISTINCT
        contact_id,
        ancestor_id,
        up_to_sweep
    FROM resolve.heirs
),

ended AS (
    SELECT
        bot_id,
        contact_id,
        until_sweep
    FROM history.overrides
    WHERE until_sweep IS NOT NULL

    UNION ALL

    SELECT
        o.bot_id,
        i.contact_id,
        least(coalesce(o.until_sweep, i.up_to_sweep), i.up_to_sweep) AS until_sweep
    FROM inherited AS i
    INNER JOIN history.overrides AS o
        ON o.contact_id = i.ancestor_id AND o.from_sweep < i.up_to_sweep
)

SELECT
    bot_id,
    contact_id,
    max(until_sweep) AS fell_back_in
FROM ended
GROUP BY bot_id, contact_id
