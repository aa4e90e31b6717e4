-- STOP: two contacts would be written to one address of the list.
--
-- reads   plan.members
-- rule    Mailigen keeps one subscriber per address; two writers would overwrite each other for
--         ever.

SELECT
    email,
    count(*) AS contact_count
FROM plan.members
WHERE action IN ('create', 'update', 'move')
GROUP BY email
HAVING count(*) > 1
