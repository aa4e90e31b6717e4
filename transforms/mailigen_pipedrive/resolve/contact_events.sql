-- One row per increment of engagement and contact it belongs to.
--
-- key     contact_id, campaign_id_mailigen, email, kind, link, sweep
-- made    a view: as a table it would be the whole history once more, in every run. It cannot be
--         read where the published copy is attached beside a database called `history`.
-- reads   history.events, resolve.holdings, resolve.heirs
-- rule    An event belongs to the contact that held its address in the sweep that first saw it,
--         former addresses included (MG-18); a fork carries the events from before it.
-- watch   `held_by` is the other contact it belonged to when it was first seen, `inherited_in` the
--         sweep in which it came to this one, by a merge or a fork; both NULL where it never did.

WITH belonging AS (
    SELECT
        h.contact_id,
        h.from_sweep,
        e.*
    FROM history.events AS e
    INNER JOIN resolve.holdings AS h
        ON
            h.email = e.email
            AND e.sweep >= h.from_sweep
            AND (h.until_sweep IS NULL OR e.sweep < h.until_sweep)
),

inherited AS (
    SELECT
        b.contact_id,
        b.email,
        b.from_sweep,
        b.sweep,
        arg_min(i.ancestor_id, i.up_to_sweep) AS held_by,
        max(i.up_to_sweep) AS inherited_in
    FROM belonging AS b
    INNER JOIN resolve.heirs AS i
        ON
            i.contact_id = b.contact_id
            AND i.email = b.email
            AND i.from_sweep = b.from_sweep
            AND b.sweep < i.up_to_sweep
    GROUP BY b.contact_id, b.email, b.from_sweep, b.sweep
)

SELECT
    b.contact_id,
    b.campaign AS campaign_id_mailigen,
    b.email,
    b.kind,
    b.link,
    b.sweep,
    b.times,
    b.happened_at,
    b.first_seen_at,
    i.held_by,
    i.inherited_in
FROM belonging AS b
LEFT JOIN inherited AS i
    ON
        i.contact_id = b.contact_id
        AND i.email = b.email
        AND i.from_sweep = b.from_sweep
        AND i.sweep = b.sweep
