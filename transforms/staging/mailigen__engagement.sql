-- One row per (campaign, address, kind, link): how often it has happened up to now, as far as it
-- was read.
--
-- key     campaign_id_mailigen, email, kind, link
-- reads   raw.mailigen__reads, raw.mailigen__opens, raw.mailigen__not_opened, raw.mailigen__clicks,
--         raw.mailigen__bounces
-- rule    Mailigen dates clicks only; opens are cumulative counts. "Sent" is in no list: an e-mail
--         was sent to whoever opened it, did not open it, clicked in it or bounced. `sweep` is the
--         sweep the events count as seen in: this one, or, for a kind of event that nobody asked
--         for before, the one in which the campaign was first seen.
-- watch   Only campaigns whose totals moved are read: a campaign missing here has nothing new.

WITH happenings AS (
    SELECT
        body ->> '$.campaign_id' AS campaign_id_mailigen,
        lower(trim(body ->> '$.email')) AS email,
        'open' AS kind,
        '' AS link,
        (body ->> '$.count')::BIGINT AS times,
        NULL::TIMESTAMP AS happened_at
    FROM raw.mailigen__opens

    UNION ALL

    SELECT
        body ->> '$.campaign_id' AS campaign_id_mailigen,
        lower(trim(body ->> '$.email')) AS email,
        'click' AS kind,
        coalesce(body ->> '$.link', '') AS link,
        1 AS times,
        try_cast(body ->> '$.date' AS TIMESTAMP) AS happened_at
    FROM raw.mailigen__clicks

    UNION ALL

    SELECT
        body ->> '$.campaign_id' AS campaign_id_mailigen,
        lower(trim(body ->> '$.email')) AS email,
        'bounce' AS kind,
        '' AS link,
        1 AS times,
        NULL::TIMESTAMP AS happened_at
    FROM raw.mailigen__bounces
),

sent_to AS (
    SELECT
        campaign_id_mailigen,
        email
    FROM happenings

    UNION

    SELECT
        body ->> '$.campaign_id' AS campaign_id_mailigen,
        lower(trim(body ->> '$.email')) AS email
    FROM raw.mailigen__not_opened
),

everything AS (
    SELECT
        campaign_id_mailigen,
        email,
        kind,
        link,
        times,
        happened_at
    FROM happenings

    UNION ALL

    SELECT
        campaign_id_mailigen,
        email,
        'send' AS kind,
        '' AS link,
        1 AS times,
        NULL::TIMESTAMP AS happened_at
    FROM sent_to
),

feeds AS (
    SELECT
        body ->> '$.campaign_id' AS campaign_id_mailigen,
        body ->> '$.kind' AS kind,
        (body ->> '$.sweep')::BIGINT AS sweep
    FROM raw.mailigen__reads
)

SELECT
    e.campaign_id_mailigen,
    e.email,
    e.kind,
    e.link,
    f.sweep,
    CASE WHEN e.kind IN ('bounce', 'send') THEN 1 ELSE sum(e.times) END::BIGINT AS times,
    max(e.happened_at) AS happened_at
FROM everything AS e
INNER JOIN feeds AS f ON f.campaign_id_mailigen = e.campaign_id_mailigen AND f.kind = e.kind
GROUP BY e.campaign_id_mailigen, e.email, e.kind, e.link, f.sweep
