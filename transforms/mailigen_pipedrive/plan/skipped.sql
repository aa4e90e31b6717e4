-- One row per selected person, contact or newcomer that is not written, with the reason.
--
-- key     object, subject
-- reads   resolve.addresses, resolve.winners, plan.members, plan.persons
-- rule    Every skip has a reason an operator understands (ALL-10).
-- watch   Ids and reasons only: values and addresses stay in the tables they belong to.

SELECT
    'person' AS object,
    a.person_id_pipedrive::VARCHAR AS subject,
    a.skip_reason AS reason
FROM resolve.addresses AS a
WHERE a.skip_reason IS NOT NULL

UNION ALL

SELECT
    'person' AS object,
    a.person_id_pipedrive::VARCHAR AS subject,
    'another person with the same address was contacted later' AS reason
FROM resolve.addresses AS a
INNER JOIN resolve.winners AS w ON w.email = a.email
WHERE w.person_id_pipedrive <> a.person_id_pipedrive

UNION ALL

SELECT
    'contact' AS object,
    contact_id AS subject,
    reason
FROM plan.members
WHERE action = 'skip'

UNION ALL

SELECT
    'newcomer' AS object,
    subject,
    reason
FROM plan.persons
WHERE action = 'skip'
