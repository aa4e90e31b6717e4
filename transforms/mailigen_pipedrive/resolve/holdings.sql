-- One row per stretch of sweeps in which an address was a contact's.
--
-- key     contact_id, email, from_sweep
-- reads   staging.syncline__addresses, resolve.identity, staging.syncline__sweep
-- rule    An address nobody ever held belongs to its first contact from the beginning; one that
--         changes hands does so in this sweep. A contact that moved away keeps its old address
--         until another takes it; merged and forked contacts take the history along.
-- watch   This is what the identity map will hold once this sweep is sealed; resolve.identity
--         decides, the map records.

WITH taken AS (
    SELECT
        i.email,
        i.contact_id,
        w.sweep
    FROM resolve.identity AS i
    CROSS JOIN staging.syncline__sweep AS w
),

known AS (
    SELECT
        a.contact_id,
        a.email,
        a.from_sweep,
        CASE
            WHEN t.contact_id IS NOT NULL AND a.until_sweep IS NULL THEN t.sweep
            ELSE a.until_sweep
        END AS until_sweep
    FROM staging.syncline__addresses AS a
    LEFT JOIN taken AS t ON t.email = a.email AND t.contact_id <> a.contact_id
),

inherited AS (
    SELECT
        i.contact_id,
        k.email,
        k.from_sweep,
        CASE
            WHEN i.decision = 'fork' THEN least(coalesce(k.until_sweep, w.sweep), w.sweep)
            ELSE k.until_sweep
        END AS until_sweep
    FROM resolve.identity AS i
    INNER JOIN known AS k ON k.contact_id = i.from_contact_id
    CROSS JOIN staging.syncline__sweep AS w
    WHERE i.decision IN ('merge', 'fork')
),

ever_held AS (
    SELECT DISTINCT email
    FROM staging.syncline__addresses
),

begun AS (
    SELECT
        t.contact_id,
        t.email,
        CASE WHEN ever.email IS NULL THEN 0 ELSE t.sweep END AS from_sweep,
        NULL::BIGINT AS until_sweep
    FROM taken AS t
    LEFT JOIN ever_held AS ever ON ever.email = t.email
    LEFT JOIN staging.syncline__addresses AS own
        ON own.contact_id = t.contact_id AND own.email = t.email AND own.until_sweep IS NULL
    WHERE own.contact_id IS NULL
),

every_stretch AS (
    SELECT
        contact_id,
        email,
        from_sweep,
        until_sweep
    FROM known

    UNION

    SELECT
        contact_id,
        email,
        from_sweep,
        until_sweep
    FROM inherited

    UNION

    SELECT
        contact_id,
        email,
        from_sweep,
        until_sweep
    FROM begun
)

SELECT
    contact_id,
    email,
    from_sweep,
    CASE WHEN bool_or(until_sweep IS NULL) THEN NULL ELSE max(until_sweep) END AS until_sweep
FROM every_stretch
GROUP BY contact_id, email, from_sweep
