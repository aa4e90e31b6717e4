-- One row per crossing that has not fired yet, with the words and dates its record will carry.
--
-- key     write_key
-- reads   resolve.crossings, resolve.fired, resolve.contacts, resolve.contact_events,
--         staging.syncline__rules, staging.pipedrive__persons, staging.mailigen__campaigns,
--         staging.syncline__sweep
-- rule    The key names bot, rule, contact and crossing and nothing of the moment, so the same
--         crossing is the same write whenever it is planned (MG-18).
-- watch   The campaign and link named are those of the latest event in the sweep that crossed.
--         Opens have no date: of those a sweep saw first, the mail met for the first time goes
--         before one opened again, and the mail sent last before the others.

WITH keyed AS (
    SELECT
        c.*,
        r.does,
        r.event,
        r.threshold,
        concat_ws('|', r.does, w.crm, w.sync, c.bot_id, c.rule_id) AS key_stem
    FROM resolve.crossings AS c
    CROSS JOIN staging.syncline__sweep AS w
    INNER JOIN staging.syncline__rules AS r ON r.bot_id = c.bot_id AND r.rule_id = c.rule_id
    ANTI JOIN resolve.fired AS f
        ON
            f.bot_id = c.bot_id
            AND f.rule_id = c.rule_id
            AND f.contact_id = c.contact_id
            AND f.crossing = c.crossing
),

happenings AS (
    SELECT
        e.*,
        e.sweep = min(e.sweep) OVER (
            PARTITION BY e.contact_id, e.kind, e.campaign_id_mailigen
        ) AS is_first
    FROM resolve.contact_events AS e
    SEMI JOIN keyed AS k ON k.contact_id = e.contact_id AND k.event = e.kind
),

placed AS (
    SELECT
        e.contact_id,
        e.kind,
        e.sweep,
        e.campaign_id_mailigen,
        e.link,
        coalesce(e.happened_at, e.first_seen_at) AS happened_at,
        row_number() OVER (
            PARTITION BY e.contact_id, e.kind, e.sweep
            ORDER BY
                coalesce(e.happened_at, e.first_seen_at) DESC,
                e.is_first DESC,
                m.sent_at DESC NULLS LAST,
                e.campaign_id_mailigen DESC,
                e.link DESC
        ) AS place
    FROM happenings AS e
    LEFT JOIN staging.mailigen__campaigns AS m ON m.campaign_id_mailigen = e.campaign_id_mailigen
),

latest AS (
    SELECT
        contact_id,
        kind,
        sweep,
        campaign_id_mailigen,
        link,
        happened_at
    FROM placed
    WHERE place = 1
)

SELECT
    concat_ws('|', k.key_stem, k.contact_id, k.crossing) AS write_key,
    k.does,
    k.bot_id,
    k.rule_id,
    k.contact_id,
    k.crossing,
    k.event,
    k.event_count,
    k.crossed_in_sweep,
    c.person_id_pipedrive,
    c.owner_id_pipedrive,
    p.name AS person_name,
    l.campaign_id_mailigen,
    coalesce(m.title, m.subject, l.campaign_id_mailigen) AS campaign_title,
    l.link,
    l.happened_at,
    json_merge_patch(
        json_object(
            'event', k.event,
            'count', k.event_count,
            'campaign', l.campaign_id_mailigen,
            'link', l.link,
            'sweep', k.crossed_in_sweep
        ),
        CASE
            WHEN k.fell_back_in IS NOT NULL
                THEN json_object('counted since the fallback in sweep', k.fell_back_in)
            ELSE json_object()
        END
    ) AS cause,
    concat(
        'reached ', k.event_count, ' of ', k.threshold, ' ', k.event, ' events',
        CASE WHEN k.fell_back_in IS NOT NULL THEN ' since no filter bot overrides ' || k.bot_id END
    ) AS reason
FROM keyed AS k
INNER JOIN resolve.contacts AS c ON c.contact_id = k.contact_id
INNER JOIN staging.pipedrive__persons AS p ON p.person_id_pipedrive = c.person_id_pipedrive
LEFT JOIN latest AS l
    ON l.contact_id = k.contact_id AND l.kind = k.event AND l.sweep = k.crossed_in_sweep
LEFT JOIN staging.mailigen__campaigns AS m ON m.campaign_id_mailigen = l.campaign_id_mailigen
