-- One row per (rule, contact, crossing): a count that reached its threshold, or a multiple of it.
--
-- key     bot_id, rule_id, contact_id, crossing
-- reads   resolve.contact_events, resolve.contacts, resolve.fallbacks, staging.syncline__rules,
--         staging.syncline__pauses
-- rule    Fires when the count reaches N, once per contact and rule; with `repeat: every` again at
--         each multiple, a jump over two making two (MG-18). Opens, sends and bounces count
--         e-mails, clicks count every click (MG-14). Events count from the activation's baseline
--         on, for whoever qualifies now; those first seen in a user's pause do not count. A bot
--         that others overrode counts only what came after the contact fell back to it (MG-17).
-- watch   `crossing` is the count that was reached, not a serial number, so that editing N never
--         reuses the name of a crossing that has fired. After a fallback a repeated one is named
--         `<count>@<sweep of the fallback>`, since counting began anew; a single one stays `1`.
--         Crossings at or before `effective_since` predate an edit.

WITH rules AS (
    SELECT
        *,
        row_number() OVER (ORDER BY bot_id, rule_id)::INTEGER AS rule
    FROM staging.syncline__rules
),

automated AS (
    SELECT
        contact_id,
        unnest(automated_by) AS bot_id
    FROM resolve.contacts
    WHERE is_selected
),

eligible AS (
    SELECT
        r.rule,
        r.event,
        e.contact_id,
        e.campaign_id_mailigen,
        e.sweep,
        e.times
    FROM resolve.contact_events AS e
    INNER JOIN rules AS r ON r.event = e.kind AND e.sweep > r.counting_since
    SEMI JOIN automated AS a ON a.contact_id = e.contact_id AND a.bot_id = r.bot_id
    ANTI JOIN staging.syncline__pauses AS p
        ON
            p.bot_id = r.bot_id
            AND e.sweep >= p.from_sweep
            AND e.sweep < coalesce(p.until_sweep, e.sweep + 1)
    LEFT JOIN resolve.fallbacks AS f
        ON
            f.bot_id = r.bot_id
            AND f.contact_id = e.contact_id
            AND f.held_by = coalesce(e.held_by, e.contact_id)
    WHERE e.sweep > coalesce(f.fell_back_in, -1)
),

steps AS (
    SELECT
        rule,
        contact_id,
        min(sweep) AS sweep,
        1::BIGINT AS added
    FROM eligible
    WHERE event <> 'click'
    GROUP BY rule, contact_id, campaign_id_mailigen
    UNION ALL
    SELECT
        rule,
        contact_id,
        sweep,
        times AS added
    FROM eligible
    WHERE event = 'click'
),

stepped AS (
    SELECT
        rule,
        contact_id,
        sweep,
        sum(added)::BIGINT AS added,
        sum(sum(added)) OVER (PARTITION BY rule, contact_id ORDER BY sweep)::BIGINT AS event_count
    FROM steps
    GROUP BY rule, contact_id, sweep
),

reached AS (
    SELECT
        r.*,
        s.contact_id,
        s.sweep,
        s.event_count,
        f.fell_back_in,
        unnest(
            range((s.event_count - s.added) // r.threshold + 1, s.event_count // r.threshold + 1)
        ) AS multiple
    FROM stepped AS s
    INNER JOIN rules AS r ON r.rule = s.rule
    LEFT JOIN resolve.fallbacks AS f
        ON f.bot_id = r.bot_id AND f.contact_id = s.contact_id AND f.held_by = s.contact_id
    WHERE s.event_count >= r.threshold
)

SELECT
    bot_id,
    rule_id,
    contact_id,
    CASE WHEN is_repeated THEN concat_ws('@', multiple * threshold, fell_back_in) ELSE '1' END
        AS crossing,
    multiple,
    event_count,
    sweep AS crossed_in_sweep,
    fell_back_in
FROM reached
WHERE (is_repeated OR multiple = 1) AND sweep > coalesce(effective_since, -1)
