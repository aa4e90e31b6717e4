-- One row per record that is left out of this plan, with the reason.
--
-- key     flow_id, object, subject
-- reads   plan.members, plan.persons
-- rule    Every skip has a reason (ALL-10).

SELECT
    flow_id,
    'person' AS object,
    person_id_pipedrive::VARCHAR AS subject,
    reason
FROM plan.members
WHERE action = 'skip'

UNION ALL

SELECT
    flow_id,
    'member' AS object,
    list_id_mailchimp || '/' || member_id_mailchimp AS subject,
    reason
FROM plan.persons
WHERE action = 'skip'
