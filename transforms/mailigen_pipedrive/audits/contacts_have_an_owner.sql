-- WARN: an activity has nobody to be assigned to; the connecting user will own it.
--
-- reads   plan.activities

SELECT contact_id
FROM plan.activities
WHERE owner_id_pipedrive IS NULL
