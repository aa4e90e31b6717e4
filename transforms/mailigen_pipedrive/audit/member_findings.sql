-- One row per finding on an address that Mailigen acknowledged, or that a lost create may have met.
--
-- key     finding, write_key
-- reads   audit.members, audit.listed, audit.asked, audit.barred, audit.doubted
-- rule    duplicate: one address twice under one status. deleted: on the list in no status, asked
--         for by itself too. drift: left by its own act, or other values: somebody's, or those of a
--         write of ours that came later than the horizon. breach: barred, subscribed, and a write
--         of ours for it was in doubt, or was found to have done it and nobody has mended it yet,
--         however old that doubt is.
-- watch   The four listings are read one after another: an address that changed its status in
--         between stands in two, and is no duplicate. Addresses and values are never told,
--         only the tags of what was edited.

WITH due AS (
    SELECT *
    FROM audit.members
    WHERE is_due AND meant IS NOT NULL
),

on_the_list AS (
    SELECT
        email,
        status,
        count(*) AS row_count
    FROM audit.listed
    GROUP BY email, status
),

doubled AS (
    SELECT DISTINCT d.write_key, 'duplicate' AS finding, 'its address is on the list twice' AS said
    FROM due AS d
    INNER JOIN on_the_list AS l ON l.email = d.email
    WHERE l.row_count > 1
),

taken_off AS (
    SELECT d.write_key, 'deleted' AS finding, 'somebody took it off the list' AS said
    FROM due AS d
    INNER JOIN audit.asked AS a ON a.email = d.email
    LEFT JOIN on_the_list AS l ON l.email = d.email
    WHERE NOT a.is_there AND l.email IS NULL
),

edited AS (
    SELECT
        d.*,
        CASE
            WHEN a.email IS NOT NULL THEN list_filter(
                    json_keys(d.meant),
                    lambda tag: coalesce(d.meant ->> tag, '') <> coalesce(a.shown ->> tag, '')
                )
        END AS edited
    FROM due AS d
    LEFT JOIN audit.asked AS a ON a.email = d.email AND a.is_there
),

drifted AS (
    SELECT
        d.write_key,
        'drift' AS finding,
        CASE
            WHEN l.email IS NULL
                THEN
                    CASE
                        WHEN any_value(d.was_in_doubt)
                            THEN 'a write of ours came late, or somebody edited its '
                        ELSE 'somebody edited its '
                    END
                    || array_to_string(any_value(d.edited), ', ')
            ELSE 'is ' || any_value(l.status) || ' on the list'
        END AS said
    FROM edited AS d
    LEFT JOIN on_the_list AS l ON l.email = d.email AND l.status <> 'subscribed'
    WHERE l.email IS NOT NULL OR len(d.edited) > 0
    GROUP BY d.write_key, l.email
),

breached AS (
    SELECT
        d.write_key,
        'breach' AS finding,
        'barred ('
        || any_value(b.kind)
        || ') and subscribed, after a write of ours was in doubt' AS said
    FROM audit.doubted AS d
    INNER JOIN audit.barred AS b ON b.address = d.email
    INNER JOIN on_the_list AS l ON l.email = d.email AND l.status = 'subscribed'
    GROUP BY d.write_key
),

found AS (
    SELECT write_key, finding, said FROM doubled
    UNION ALL
    SELECT write_key, finding, said FROM taken_off
    UNION ALL
    SELECT write_key, finding, said FROM drifted
    UNION ALL
    SELECT write_key, finding, said FROM breached
)

SELECT
    f.finding,
    f.write_key,
    m.account,
    'list_member' AS object,
    []::VARCHAR[] AS remote_ids,
    m.subject,
    f.said
FROM found AS f
INNER JOIN audit.members AS m ON m.write_key = f.write_key
