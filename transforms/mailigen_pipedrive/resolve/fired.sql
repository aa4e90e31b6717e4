-- One row per crossing that has fired already, or whose deed is under way.
--
-- key     bot_id, rule_id, contact_id, crossing
-- reads   resolve.crossings, resolve.lineage, resolve.heirs, resolve.fallbacks,
--         staging.syncline__rules, staging.syncline__deeds, staging.syncline__sweep
-- rule    Told by the write key, the contact's own or that of an ancestor up to the parting: a
--         changed address, a merge or a new tie-break winner fires nothing again (MG-18).
-- watch   An ancestor's repeated crossing may be named for a fallback that is not the contact's. It
--         stands for the contact's of the same count, if the ancestor's events count since then.

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

heirs AS (
    SELECT DISTINCT
        contact_id,
        ancestor_id
    FROM resolve.heirs
),

subjects AS (
    SELECT
        *,
        contact_id AS subject,
        NULL::BIGINT AS up_to_sweep,
        fell_back_in AS counts_since
    FROM rules

    UNION ALL

    SELECT
        r.*,
        l.ancestor_id AS subject,
        l.up_to_sweep,
        CASE WHEN h.contact_id IS NULL THEN r.fell_back_in ELSE f.fell_back_in END AS counts_since
    FROM rules AS r
    INNER JOIN resolve.lineage AS l ON l.contact_id = r.contact_id
    LEFT JOIN heirs AS h ON h.contact_id = l.contact_id AND h.ancestor_id = l.ancestor_id
    LEFT JOIN resolve.fallbacks AS f
        ON
            f.bot_id = r.bot_id
            AND f.contact_id = l.contact_id
            AND f.held_by = l.ancestor_id
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
        s.bot_id,
        s.rule_id,
        s.contact_id,
        split_part(d.crossing, '@', 1) AS count_reached
    FROM subjects AS s
    INNER JOIN deeds AS d ON d.key_head = concat_ws('|', s.key_stem, s.subject)
    WHERE
        CASE
            WHEN s.up_to_sweep IS NULL THEN d.state <> 'refused'
            ELSE d.sweep <= s.up_to_sweep
        END
        AND (
            NOT s.is_repeated
            OR d.sweep > coalesce(s.counts_since, -1)
            OR ends_with(d.crossing, '@' || s.fell_back_in)
        )
)

SELECT DISTINCT
    c.bot_id,
    c.rule_id,
    c.contact_id,
    c.crossing
FROM resolve.crossings AS c
INNER JOIN done AS d
    ON
        d.bot_id = c.bot_id
        AND d.rule_id = c.rule_id
        AND d.contact_id = c.contact_id
        AND d.count_reached = split_part(c.crossing, '@', 1)
