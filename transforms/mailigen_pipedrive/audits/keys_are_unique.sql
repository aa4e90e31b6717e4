-- STOP: two intended writes carry one key; only one of them would happen.
--
-- reads   plan.members, plan.activities, plan.deals, plan.notes, plan.persons

WITH keys AS (
    SELECT write_key FROM plan.members
    UNION ALL
    SELECT write_key FROM plan.activities
    UNION ALL
    SELECT write_key FROM plan.deals
    UNION ALL
    SELECT write_key FROM plan.notes
    UNION ALL
    SELECT write_key FROM plan.persons
)

SELECT
    write_key,
    count(*) AS row_count
FROM keys
GROUP BY write_key
HAVING count(*) > 1
