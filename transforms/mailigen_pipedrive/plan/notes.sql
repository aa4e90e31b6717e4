-- One row per note to put on a person's timeline.
--
-- key     write_key
-- reads   resolve.noted, resolve.contacts, resolve.lineage, staging.syncline__deeds,
--         staging.mailigen__campaigns, staging.syncline__sweep
-- rule    One per contact, e-mail and kind, clicks also per link (MG-16). What an ancestor of the
--         contact noted is not noted again.

WITH keyed AS (
    SELECT
        n.*,
        c.person_id_pipedrive,
        concat_ws('|', 'note', w.crm, w.sync) AS key_stem,
        concat_ws(
            '|', n.campaign_id_mailigen, n.kind, nullif(left(sha256(nullif(n.link, '')), 12), '')
        ) AS key_tail
    FROM resolve.noted AS n
    INNER JOIN resolve.contacts AS c ON c.contact_id = n.contact_id AND NOT c.is_gone
    CROSS JOIN staging.syncline__sweep AS w
),

-- Materialized: else deeds and lineages are compared first, by nothing but their sweeps.
inherited AS MATERIALIZED (
    SELECT
        k.contact_id,
        k.key_tail,
        l.up_to_sweep,
        concat_ws('|', k.key_stem, l.ancestor_id, k.key_tail) AS write_key
    FROM keyed AS k
    INNER JOIN resolve.lineage AS l ON l.contact_id = k.contact_id
),

noted_before AS (
    SELECT
        k.contact_id,
        k.key_tail
    FROM keyed AS k
    INNER JOIN staging.syncline__deeds AS d
        ON
            d.write_key = concat_ws('|', k.key_stem, k.contact_id, k.key_tail)
            AND d.state <> 'refused'

    UNION

    SELECT
        k.contact_id,
        k.key_tail
    FROM inherited AS k
    INNER JOIN staging.syncline__deeds AS d
        ON d.write_key = k.write_key AND d.sweep <= k.up_to_sweep
)

SELECT
    concat_ws('|', k.key_stem, k.contact_id, k.key_tail) AS write_key,
    k.contact_id,
    'create' AS action,
    k.bots[1] AS bot_id,
    k.person_id_pipedrive,
    k.kind,
    k.link,
    coalesce(m.title, m.subject, k.campaign_id_mailigen) AS campaign_title,
    k.times,
    k.happened_at,
    json_object(
        'event', k.kind,
        'campaign', k.campaign_id_mailigen,
        'link', k.link,
        'times', k.times,
        'sweep', k.sweep
    ) AS cause,
    'first ' || k.kind || ' of this e-mail' AS reason,
    10 AS cost_tokens
FROM keyed AS k
LEFT JOIN staging.mailigen__campaigns AS m ON m.campaign_id_mailigen = k.campaign_id_mailigen
LEFT JOIN noted_before AS b ON b.contact_id = k.contact_id AND b.key_tail = k.key_tail
WHERE b.contact_id IS NULL
