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

WITH automated AS (
    SELECT
        contact_id,
        unnest(automated_by) AS bot_id
    FROM resolve.contacts
    WHERE is_selected
),

qualified AS (
    SELECT
        a.contact_id,
        a.bot_id,
        f.fell_back_in
    FROM automated AS a
    LEFT JOIN resolve.fallbacks AS f
        ON f.bot_id = a.bot_id AND f.contact_id = a.contact_id AND f.held_by = a.contact_id
),

counted AS (
    SELECT
        r.bot_id,
        r.rule_id,
        e.contact_id,
        e.campaign_id_mailigen,
        e.sweep,
        CASE
            WHEN r.event = 'click' THEN sum(e.times)
            WHEN
                row_number() OVER (
                    PARTITION BY r.bot_id, r.rule_id, e.contact_id, e.campaign_id_mailigen
                    ORDER BY e.sweep
                ) = 1
                THEN 1
            ELSE 0
        END::BIGINT AS added
    FROM staging.syncline__rules AS r
    INNER JOIN qualified AS q ON q.bot_id = r.bot_id
    INNER JOIN resolve.contact_events AS e
        ON
            e.contact_id = q.contact_id
            AND e.kind = r.event
            AND e.sweep > r.counting_since
    LEFT JOIN resolve.fallbacks AS f
        ON
            f.bot_id = q.bot_id
            AND f.contact_id = e.contact_id
            AND f.held_by = coalesce(e.held_by, e.contact_id)
    LEFT JOIN staging.syncline__pauses AS p
        ON
            p.bot_id = r.bot_id
            AND e.sweep >= p.from_sweep
            AND e.sweep < coalesce(p.until_sweep, e.sweep + 1)
    WHERE p.bot_id IS NULL AND e.sweep > coalesce(f.fell_back_in, -1)
    GROUP BY r.bot_id, r.rule_id, r.event, e.contact_id, e.campaign_id_mailigen, e.sweep
),

stepped AS (
    SELECT
        bot_id,
        rule_id,
        contact_id,
        sweep,
        sum(sum(added)) OVER (
            PARTITION BY bot_id, rule_id, contact_id
            ORDER BY sweep
        )::BIGINT AS event_count,
        sum(added)::BIGINT AS added
    FROM counted
    GROUP BY bot_id, rule_id, contact_id, sweep
),

reached AS (
    SELECT
        s.bot_id,
        s.rule_id,
        s.contact_id,
        s.sweep,
        s.event_count,
        r.threshold,
        r.is_repeated,
        r.effective_since,
        q.fell_back_in,
        unnest(
            range((s.event_count - s.added) // r.threshold + 1, s.event_count // r.threshold + 1)
        ) AS multiple
    FROM stepped AS s
    INNER JOIN staging.syncline__rules AS r ON r.bot_id = s.bot_id AND r.rule_id = s.rule_id
    INNER JOIN qualified AS q ON q.bot_id = s.bot_id AND q.contact_id = s.contact_id
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
