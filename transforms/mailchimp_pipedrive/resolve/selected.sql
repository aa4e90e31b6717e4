-- One row per flow and record that its trigger brings up now, a person or a member.
--
-- key     flow_id, person_id_pipedrive, member_id_mailchimp, fact_key
-- reads   staging.syncline__flows, staging.syncline__flow_filters, staging.syncline__flow_segments,
--         staging.syncline__facts, staging.pipedrive__filter_members,
--         staging.mailchimp__segment_members
-- rule    Filters, segments and tags: who is in any of them at this walk (MC-04, MC-09), each once.
--         New contacts and stages: each arrival and passage that is not dealt with (MC-08, MC-14).
-- watch   Nothing is concluded from who is missing here: a flow out of Pipedrive goes on with whom
--         it ever synced (MC-11), one into it freezes (MC-05). resolve.wanted says so.

SELECT DISTINCT
    f.flow_id,
    f.list_id_mailchimp,
    m.person_id_pipedrive,
    NULL::VARCHAR AS member_id_mailchimp,
    NULL::VARCHAR AS fact_key
FROM staging.syncline__flows AS f
INNER JOIN staging.syncline__flow_filters AS x ON x.flow_id = f.flow_id
INNER JOIN staging.pipedrive__filter_members AS m
    ON m.filter_id_pipedrive = x.filter_id_pipedrive
WHERE f.is_active

UNION ALL

SELECT DISTINCT
    f.flow_id,
    f.list_id_mailchimp,
    NULL AS person_id_pipedrive,
    m.member_id_mailchimp,
    NULL AS fact_key
FROM staging.syncline__flows AS f
INNER JOIN staging.syncline__flow_segments AS x ON x.flow_id = f.flow_id
INNER JOIN staging.mailchimp__segment_members AS m
    ON
        m.list_id_mailchimp = f.list_id_mailchimp
        AND m.segment_id_mailchimp = x.segment_id_mailchimp
WHERE f.is_active

UNION ALL

-- The last of several passages of one person by one flow: the earlier ones are dealt with by it.
SELECT
    f.flow_id,
    f.list_id_mailchimp,
    t.person_id_pipedrive,
    t.member_id_mailchimp,
    max_by(t.fact_key, (t.happened_at, t.fact_key)) AS fact_key
FROM staging.syncline__flows AS f
INNER JOIN staging.syncline__facts AS t ON t.flow_id = f.flow_id AND NOT t.is_settled
WHERE f.is_active
GROUP BY f.flow_id, f.list_id_mailchimp, t.person_id_pipedrive, t.member_id_mailchimp
