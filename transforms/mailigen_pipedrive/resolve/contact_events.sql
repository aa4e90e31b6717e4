-- One row per increment of engagement and contact it belongs to.
--
-- key     contact_id, campaign_id_mailigen, email, kind, link, sweep
-- reads   history.events, resolve.holdings
-- rule    An event belongs to the contact that held its address in the sweep that first saw it,
--         former addresses included (MG-18); a fork carries the events from before it.

SELECT
    h.contact_id,
    e.campaign AS campaign_id_mailigen,
    e.email,
    e.kind,
    e.link,
    e.sweep,
    e.times,
    e.happened_at,
    e.first_seen_at
FROM history.events AS e
INNER JOIN resolve.holdings AS h
    ON
        h.email = e.email
        AND e.sweep >= h.from_sweep
        AND (h.until_sweep IS NULL OR e.sweep < h.until_sweep)
