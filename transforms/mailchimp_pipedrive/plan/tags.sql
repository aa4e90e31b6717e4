-- One row per member that is to get its flow's tag.
--
-- key     write_key
-- reads   resolve.wanted, staging.syncline__flows, staging.syncline__tagged,
--         staging.mailchimp__members, staging.syncline__sweep
-- rule    Everybody a flow syncs, who was there before as well (MC-13). Put on once and never taken
--         off: one that somebody took off stays off. New members bring theirs with them. Who was
--         erased and is another member by now is marked there.

SELECT
    concat_ws('|', 'tag', s.engagement, s.sync, w.flow_id, w.contact_id) AS write_key,
    w.flow_id,
    w.contact_id,
    'tag' AS action,
    w.list_id_mailchimp,
    w.member_id_mailchimp,
    m.email,
    f.tag,
    NULL::VARCHAR AS before,
    'what this sync put on before' AS before_source,
    'flow ' || w.flow_id || ' marks whom it syncs' AS reason,
    1 AS cost_calls
FROM resolve.wanted AS w
INNER JOIN staging.syncline__flows AS f ON f.flow_id = w.flow_id AND f.tag IS NOT NULL
INNER JOIN staging.mailchimp__members AS m
    ON
        m.list_id_mailchimp = w.list_id_mailchimp
        AND m.member_id_mailchimp = w.member_id_mailchimp
        AND m.status <> 'archived'
ANTI JOIN staging.syncline__tagged AS t
    ON
        t.flow_id = w.flow_id AND t.contact_id = w.contact_id AND t.tag = f.tag
        AND coalesce(t.member_id_mailchimp, w.member_id_mailchimp) = w.member_id_mailchimp
CROSS JOIN staging.syncline__sweep AS s
WHERE NOT w.is_into_crm AND w.skip_reason IS NULL
