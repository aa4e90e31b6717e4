-- One row per bot, contact and holder of its events: since when those count for the bot again.
--
-- key     bot_id, contact_id, held_by
-- reads   history.overrides, resolve.heirs
-- rule    Falling back to a bot for all contacts counts from zero at that moment: like an
--         activation, the reading of the sweep that found it is the baseline (MG-17). It is the
--         baseline of what the contact had by then. Who takes over events, by a merge or a fork,
--         takes over what they had fallen back from; its own events count on.
-- watch   `held_by` is the contact itself for what it saw itself. A contact that is overridden now
--         has a row if it ever fell back before.

WITH kin AS (
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
        contact_id AS overridden_id,
        until_sweep
    FROM history.overrides
    WHERE until_sweep IS NOT NULL

    UNION ALL

    SELECT
        o.bot_id,
        k.contact_id,
        k.ancestor_id AS overridden_id,
        least(coalesce(o.until_sweep, k.up_to_sweep), k.up_to_sweep) AS until_sweep
    FROM kin AS k
    INNER JOIN history.overrides AS o
        ON o.contact_id = k.ancestor_id AND o.from_sweep < k.up_to_sweep
),

covered AS (
    SELECT
        bot_id,
        contact_id,
        overridden_id AS held_by,
        until_sweep
    FROM ended

    UNION ALL

    -- What the overridden one had taken over by then.
    SELECT
        e.bot_id,
        e.contact_id,
        k.ancestor_id AS held_by,
        e.until_sweep
    FROM ended AS e
    INNER JOIN kin AS k ON k.contact_id = e.overridden_id AND k.up_to_sweep <= e.until_sweep
)

SELECT
    bot_id,
    contact_id,
    held_by,
    max(until_sweep) AS fell_back_in
FROM covered
GROUP BY bot_id, contact_id, held_by
