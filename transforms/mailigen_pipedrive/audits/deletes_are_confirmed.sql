-- STOP: a subscriber would be deleted though nobody confirmed that the person is gone.
--
-- reads   plan.members, resolve.contacts, staging.pipedrive__confirmations, resolve.identity,
--         staging.syncline__contacts
-- rule    A delete follows from the vendor's own word or from a merge, never from absence (MG-12,
--         MG-25).

SELECT p.contact_id
FROM plan.members AS p
INNER JOIN resolve.contacts AS c ON c.contact_id = p.contact_id
LEFT JOIN staging.syncline__contacts AS s ON s.contact_id = p.contact_id
LEFT JOIN staging.pipedrive__confirmations AS k
    ON k.person_id_pipedrive = c.person_id_pipedrive AND k.is_gone
LEFT JOIN resolve.identity AS i ON i.from_contact_id = p.contact_id AND i.decision = 'merge'
WHERE
    p.action = 'delete'
    AND k.person_id_pipedrive IS NULL
    AND i.contact_id IS NULL
    AND s.merged_into IS NULL
