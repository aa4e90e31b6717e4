-- One row per field that both sides changed: who wins, and why.
--
-- key     flow_id, contact_id, field_code
-- reads   resolve.changes
-- rule    The later record wins, by the vendors' own times, and a tie is the CRM's; `conflicts` in
--         the definition names another winner by field. The other flow of the pair writes where
--         this one lost.

SELECT
    flow_id,
    contact_id,
    field_code,
    merge_tag,
    crm_value,
    crm_changed_at,
    engagement_value,
    engagement_changed_at,
    winner,
    CASE
        WHEN rule <> 'last_writer' THEN 'the definition says so'
        WHEN winner = 'engagement' THEN 'changed later in Mailchimp'
        WHEN crm_changed_at = engagement_changed_at::TIMESTAMP
            THEN 'changed at the same time: the CRM wins'
        ELSE 'changed later in Pipedrive'
    END AS reason
FROM resolve.changes
WHERE decision IN ('win', 'lose')
