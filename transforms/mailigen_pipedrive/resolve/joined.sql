-- One row per address that joined the list by itself since the import was switched on.
--
-- key     email
-- reads   staging.mailigen__members, staging.syncline__places, staging.syncline__new_subscribers,
--         history.imports, history.arrivals
-- rule    Subscribed now, by a stretch that began after the switching-on (MG-22): who was
--         subscribed then was there before, and joins like anybody after leaving. An address at
--         which any sync of the account has a place, or something of ours may still arrive, is
--         ours (MG-24).
-- watch   A place given up explains an address for as long as the list may show it late, or a write
--         that was in doubt may still arrive: from the last reading without it on.

WITH import AS (
    SELECT
        i.from_sweep,
        to_seconds(s.horizon_seconds) AS horizon
    FROM history.imports AS i
    CROSS JOIN staging.syncline__new_subscribers AS s
    WHERE i.until_sweep IS NULL
),

ours AS (
    SELECT
        email,
        bool_or(is_held) AS is_held,
        max(settled_at) AS settled_at,
        max(doubt_at) AS doubt_at
    FROM staging.syncline__places
    GROUP BY email
)

SELECT
    m.email,
    a.from_sweep,
    a.first_seen_at
FROM staging.mailigen__members AS m
CROSS JOIN import AS i
INNER JOIN history.arrivals AS a
    ON a.email = m.email AND a.until_sweep IS NULL AND a.from_sweep > i.from_sweep
LEFT JOIN ours AS o ON o.email = m.email
WHERE
    m.status = 'subscribed'
    AND NOT coalesce(o.is_held, FALSE)
    AND coalesce(o.settled_at + i.horizon < a.first_seen_at, TRUE)
    AND coalesce(o.doubt_at + i.horizon < coalesce(a.absent_at, a.first_seen_at), TRUE)
