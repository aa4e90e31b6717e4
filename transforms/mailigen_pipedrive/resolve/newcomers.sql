-- One row per address that joined and is neither imported nor linked yet.
--
-- key     email
-- reads   resolve.joined, staging.syncline__joined, staging.syncline__deeds,
--         staging.syncline__sweep
-- rule    Once per address for ever: the keys name the account, the sync and a keyed hash of the
--         address (MG-22). What was sealed and not sent, or was refused, is decided anew.
-- watch   A key holds no address, and cannot be made without the key of the hashes.

WITH keyed AS (
    SELECT
        j.email,
        j.from_sweep,
        h.bar,
        'n' || left(h.address_hash, 16) AS subject,
        concat_ws('|', 'person', w.crm, w.sync, h.address_hash) AS create_key,
        concat_ws('|', 'link', w.crm, w.sync, h.address_hash) AS link_key
    FROM resolve.joined AS j
    INNER JOIN staging.syncline__joined AS h ON h.email = j.email
    CROSS JOIN staging.syncline__sweep AS w
)

SELECT
    k.email,
    k.from_sweep,
    k.bar,
    k.subject,
    k.create_key,
    k.link_key,
    coalesce(c.state, '') AS create_state
FROM keyed AS k
LEFT JOIN staging.syncline__deeds AS c ON c.write_key = k.create_key
LEFT JOIN staging.syncline__deeds AS l ON l.write_key = k.link_key
WHERE
    coalesce(c.state, '') NOT IN ('sending', 'unknown', 'done')
    AND coalesce(l.state, '') NOT IN ('sending', 'unknown', 'done')
