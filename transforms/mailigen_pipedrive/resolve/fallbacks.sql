-- One row per bot and contact it was once overridden for: when the contact last fell back to it.
--
-- key     bot_id, contact_id
-- reads   history.overrides, resolve.lineage, resolve.holdings
-- rule    Falling back to a bot for all contacts counts from zero at that moment: like an
--         activation, the reading of the sweep that found it is the baseline (MG-17). Whoever
--         takes over a contact's events, by a merge or a fork, takes over its fallback.
-- watch   A contact that is overridden now has a row if it ever fell back before. Heirs are told by
--         a stretch of an address that is theirs and the ancestor's: a new tie-break winner takes
--         over deeds, but no events, and so no fallback.

WITH inherited AS (
    SELECT DISTINCT
        l.contact_id,
        l.ancestor_id,
        l.up_to_sweep
    FROM resolve.lineage AS l
    INNER JOIN resolve.holdings AS mine ON mine.contact_id = l.contact_id
    INNER JOIN resolve.holdings AS theirs
        ON
            theirs.contact_id = l.ancestor_id
            AND theirs.email = mine.email
            AND theirs.from_sweep = mine.from_sweep
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
