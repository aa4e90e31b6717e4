-- One row per address on the list that no stretch covers yet, while the import is on.
--
-- key     email, from_sweep
-- reads   staging.mailigen__members, staging.syncline__sweep, history.imports, history.arrivals
-- rule    New subscribers are those who join after the import was switched on (MG-22), so who was
--         subscribed when is kept. Stretches that ended are closed beforehand.
-- watch   `absent_at` is the last reading without it.

SELECT
    m.email,
    w.sweep AS from_sweep,
    i.read_at AS absent_at,
    w.read_at AS first_seen_at
FROM staging.mailigen__members AS m
CROSS JOIN staging.syncline__sweep AS w
INNER JOIN history.imports AS i ON i.until_sweep IS NULL
LEFT JOIN history.arrivals AS a ON a.email = m.email AND a.until_sweep IS NULL
WHERE a.email IS NULL AND m.status = 'subscribed'
