-- STOP: a person would be created for an address that the CRM has, or that is ours on the list.
--
-- reads   plan.persons, staging.pipedrive__person_emails, staging.pipedrive__holders,
--         staging.syncline__places
-- rule    A subscriber that a sync put on the list never comes back as a person (MG-24), and who is
--         a person already is linked (MG-22). This asks the sources again instead of trusting
--         resolve.joined.

SELECT p.subject
FROM plan.persons AS p
INNER JOIN staging.pipedrive__person_emails AS e ON e.email = p.email
WHERE p.action = 'create'

UNION

SELECT p.subject
FROM plan.persons AS p
INNER JOIN staging.pipedrive__holders AS h ON h.email = p.email
WHERE p.action = 'create'

UNION

SELECT p.subject
FROM plan.persons AS p
INNER JOIN staging.syncline__places AS o ON o.email = p.email
WHERE p.action = 'create' AND o.is_held
