-- One row per crossing that has fired already, or whose deed is under way.
--
-- key     bot_id, rule_id, contact_id, crossing
-- reads   resolve.crossings, resolve.lineage, staging.syncline__rules, staging.syncline__deeds,
--         staging.syncline__sweep
-- rule    Told by the write key, the contact's own or that of an ancestor up to the parting: a
--         changed address, a merge or a new tie-break winner fires nothing again (MG-18).
-- watch   A merge may bring another fallback along, and with it other names for repeated crossings.
--         As many as were fired under other names since that fallback count as fired, the earliest
--         first: never twice for the same events.

WITH rules AS (
    SELECT DISTINCT
        c.bot_id,
        c.rule_id,
        c.contact_id,
        c.fell_back_in,
        r.is_repeated,
        concat_ws('|', r.does, w.crm, w.sync, c.bot_id, c.rule_id) AS key_stem
    FROM resolve.crossings AS c
    CROSS JOIN staging.syncline__sweep AS w
    INNER JOIN staging.syncline__rules AS r ON r.bot_id = c.bot_id AND r.rule_id = c.rule_id
),

subjects AS (
    SELECT
        *,
        contact_id AS subject,
        NULL::BIGINT AS up_to_sweep
    FROM rules

    UNION ALL

    SELECT
        r.*,
        l.ancestor_id AS subject,
        l.up_to_sweep
    FROM rules AS r
    INNER JOIN resolve.lineage AS l ON l.contact_id = r.contact_id
),

deeds AS (
    SELECT
        regexp_replace(write_key, '[|][^|]*$', '') AS key_head,
        regexp_extract(write_key, '[^|]*$') AS crossing,
        sweep,
        state
    FROM staging.syncline__deeds
),

done AS (
    SELECT
        s.*,
        d.crossing,
        s.is_repeated
        AND d.sweep > s.fell_back_in
        AND NOT ends_with(d.crossing, '@' || s.fell_back_in) AS is_of_other_name
    FROM subjects AS s
    INNER JOIN deeds AS d ON d.key_head = concat_ws('|', s.key_stem, s.subject)
    WHERE
        CASE
            WHEN s.up_to_sweep IS NULL THEN d.state <> 'refused'
            ELSE d.sweep <= s.up_to_sweep
        END
),

renamed AS (
    SELECT
        bot_id,
        rule_id,
        contact_id,
        count(*) AS fired_count
    FROM done
    WHERE is_of_other_name
    GROUP BY bot_id, rule_id, contact_id
),

named AS (
    SELECT DISTINCT
        c.bot_id,
        c.rule_id,
        c.contact_id,
        c.crossing,
        c.multiple,
        d.crossing IS NOT NULL AS is_named
    FROM resolve.crossings AS c
    LEFT JOIN done AS d
        ON
            d.bot_id = c.bot_id
            AND d.rule_id = c.rule_id
            AND d.contact_id = c.contact_id
            AND d.crossing = c.crossing
),

ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY bot_id, rule_id, contact_id, is_named
            ORDER BY multiple
        ) AS place
    FROM named
)

SELECT
    n.bot_id,
    n.rule_id,
    n.contact_id,
    n.crossing
FROM ranked AS n
LEFT JOIN renamed AS o
    ON o.bot_id = n.bot_id AND o.rule_id = n.rule_id AND o.contact_id = n.contact_id
WHERE n.is_named OR n.place <= coalesce(o.fired_count, 0)
