-- One row per address on the list, with the status it is listed under.
--
-- key     email
-- reads   raw.mailigen__members
-- rule    Four listings are read one after another; an address that changed its status in between
--         may stand in two. The most restrictive wins: an opt-out seen once is an opt-out.

WITH ranked AS (
    SELECT
        lower(trim(body ->> '$.email')) AS email,
        body ->> '$.status' AS status,
        row_number() OVER (
            PARTITION BY lower(trim(body ->> '$.email'))
            ORDER BY list_position(
                ['unsubscribed', 'bounced', 'inactive', 'subscribed'], body ->> '$.status'
            )
        ) AS place
    FROM raw.mailigen__members
)

SELECT
    email,
    status
FROM ranked
WHERE place = 1
