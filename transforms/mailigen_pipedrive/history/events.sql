-- One row per increment of engagement: what this sweep is the first to see.
--
-- key     campaign, email, kind, link, sweep
-- reads   staging.mailigen__engagement, history.events, staging.syncline__sweep
-- rule    Opens carry no date, so what is new is the difference between the count read now and all
--         that was seen before; the sweep that first sees it is its time. One event counts once,
--         however often it is read.
-- watch   A count that shrank at the vendor is no event: differences below one are dropped.
--         Only what was read is summed: of ten million events a sweep reads some thousands.

WITH seen AS (
    SELECT
        h.campaign,
        h.email,
        h.kind,
        h.link,
        sum(h.times) AS times
    FROM history.events AS h
    SEMI JOIN staging.mailigen__engagement AS e
        ON
            e.campaign_id_mailigen = h.campaign
            AND e.email = h.email
            AND e.kind = h.kind
            AND e.link = h.link
    GROUP BY h.campaign, h.email, h.kind, h.link
)

SELECT
    e.campaign_id_mailigen AS campaign,
    e.email,
    e.kind,
    e.link,
    e.sweep,
    (e.times - coalesce(s.times, 0))::BIGINT AS times,
    e.happened_at,
    w.read_at AS first_seen_at
FROM staging.mailigen__engagement AS e
CROSS JOIN staging.syncline__sweep AS w
LEFT JOIN seen AS s
    ON
        s.campaign = e.campaign_id_mailigen
        AND s.email = e.email
        AND s.kind = e.kind
        AND s.link = e.link
WHERE e.times > coalesce(s.times, 0)
