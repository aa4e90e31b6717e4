-- STOP: somebody who opted out, bounced hard or was removed would be put on the list.
--
-- reads   plan.members, staging.mailigen__members, staging.syncline__consent
-- rule    Consent is a ratchet (ALL-08). This asks the sources again instead of trusting
--         resolve.consent.

SELECT p.contact_id
FROM plan.members AS p
INNER JOIN staging.mailigen__members AS m ON m.email = p.after ->> '$.email'
WHERE p.action IN ('create', 'move') AND m.status <> 'subscribed'

UNION

SELECT p.contact_id
FROM plan.members AS p
INNER JOIN staging.syncline__consent AS k ON k.email = p.after ->> '$.email'
WHERE p.action IN ('create', 'move')
