-- One row per (contact, campaign, kind, link) that an active bot wants on the contact's timeline.
--
-- key     contact_id, campaign_id_mailigen, kind, link
-- reads   resolve.contact_events, resolve.contacts, resolve.fallbacks, staging.syncline__notes,
--         staging.syncline__pauses, history.selections
-- rule    One note per contact, e-mail and kind, clicks also per link; twenty opens of one mail are
--         one note. An event first seen while no active bot with that note selected the contact
--         that held it then makes no note later (MG-16). A bot that other bots override now makes
--         none either, nor one for what came before the contact fell back to it (MG-17).
-- watch   Two bots that want the same note count an event once.

WITH overridden AS (
    SELECT
        contact_id,
        unnest(list_filter(bots, lambda b: NOT list_contains(automated_by, b))) AS bot_id
    FROM resolve.contacts
),

watched AS (
    SELECT
        e.contact_id,
        e.campaign_id_mailigen,
        e.email,
        e.kind,
        e.link,
        e.sweep,
        any_value(e.times) AS times,
        any_value(coalesce(e.happened_at, e.first_seen_at)) AS happened_at,
        list(DISTINCT n.bot_id) AS bots
    FROM resolve.contact_events AS e
    INNER JOIN staging.syncline__notes AS n ON n.kind = e.kind AND e.sweep > n.counting_since
    INNER JOIN history.selections AS s
        ON
            s.bot_id = n.bot_id
            AND s.contact_id = coalesce(e.held_by, e.contact_id)
            AND e.sweep >= s.from_sweep
            AND (s.until_sweep IS NULL OR e.sweep < s.until_sweep)
    LEFT JOIN staging.syncline__pauses AS p
        ON
            p.bot_id = n.bot_id
            AND e.sweep >= p.from_sweep
            AND e.sweep < coalesce(p.until_sweep, e.sweep + 1)
    LEFT JOIN overridden AS o ON o.bot_id = n.bot_id AND o.contact_id = e.contact_id
    LEFT JOIN resolve.fallbacks AS f
        ON
            f.bot_id = n.bot_id
            AND f.contact_id = e.contact_id
            AND f.held_by = coalesce(e.held_by, e.contact_id)
    WHERE p.bot_id IS NULL AND o.bot_id IS NULL AND e.sweep > coalesce(f.fell_back_in, -1)
    GROUP BY e.contact_id, e.campaign_id_mailigen, e.email, e.kind, e.link, e.sweep
)

SELECT
    contact_id,
    campaign_id_mailigen,
    kind,
    link,
    min(sweep) AS sweep,
    sum(times)::BIGINT AS times,
    min(happened_at) AS happened_at,
    list_sort(list_distinct(flatten(list(bots)))) AS bots
FROM watched
GROUP BY contact_id, campaign_id_mailigen, kind, link
