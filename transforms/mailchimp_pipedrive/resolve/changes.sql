-- One row per wanted contact and mapped field: what becomes of it, and why.
--
-- key     flow_id, contact_id, field_code
-- reads   resolve.field_pairs, resolve.wanted, resolve.two_ways, resolve.agreements,
--         staging.syncline__mapping, staging.pipedrive__persons, staging.mailchimp__members
-- rule    A side changed when it no longer holds its base. Only a source that changed is written: a
--         write of ours moved the base with it, so it is no change, and whatever the vendor made of
--         the value ends no loop and begins none. Of two ways (resolve.two_ways), where both sides
--         changed, or differ at their first meeting, it is a conflict: the later record wins, a tie
--         is the CRM's, unless the definition says.
-- watch   An empty source clears nothing at a first meeting; emptied later, it is a change.
--         `equal` and `meet` are remembered as a base, and not sent: of addresses that differ when
--         two first meet neither side is wrong.

WITH sides AS (
    SELECT
        v.*,
        w.list_id_mailchimp,
        w.is_into_crm,
        w.position,
        m.rule,
        b.contact_id IS NOT NULL AS has_base,
        CASE WHEN w.is_into_crm THEN v.engagement_value ELSE v.crm_value END AS source,
        CASE WHEN w.is_into_crm THEN v.crm_value ELSE v.engagement_value END AS target,
        b.engagement_value AS base_engagement_value,
        (v.crm_value IS DISTINCT FROM b.crm_value) AS crm_changed,
        (v.engagement_value IS DISTINCT FROM b.engagement_value) AS engagement_changed,
        t.flow_id IS NOT NULL AS is_two_way,
        p.updated_at AS crm_changed_at,
        s.last_changed_at AS engagement_changed_at,
        (w.person_id_pipedrive IS NULL OR w.member_id_mailchimp IS NULL) AS is_first
    FROM resolve.field_pairs AS v
    INNER JOIN resolve.wanted AS w ON w.flow_id = v.flow_id AND w.contact_id = v.contact_id
    INNER JOIN staging.syncline__mapping AS m
        ON m.flow_id = v.flow_id AND m.field_code = v.field_code
    LEFT JOIN resolve.two_ways AS t
        ON
            t.flow_id = v.flow_id
            AND t.contact_id = v.contact_id
            AND t.field_code = v.field_code
    LEFT JOIN resolve.agreements AS b
        ON
            b.contact_id = v.contact_id
            AND b.list_id_mailchimp = w.list_id_mailchimp
            AND b.field_code = v.field_code
            AND b.merge_tag = v.merge_tag
    LEFT JOIN staging.pipedrive__persons AS p ON p.person_id_pipedrive = w.person_id_pipedrive
    LEFT JOIN staging.mailchimp__members AS s
        ON
            s.list_id_mailchimp = w.list_id_mailchimp
            AND s.member_id_mailchimp = w.member_id_mailchimp
    -- What is archived is left alone: of it nothing is in conflict either.
    WHERE w.skip_reason IS NULL AND s.status IS DISTINCT FROM 'archived'
),

compared AS (
    SELECT
        *,
        CASE WHEN is_into_crm THEN engagement_changed ELSE crm_changed END AS source_changed,
        CASE WHEN is_into_crm THEN crm_changed ELSE engagement_changed END AS target_changed,
        CASE
            WHEN rule <> 'last_writer' THEN rule
            WHEN engagement_changed_at > crm_changed_at AT TIME ZONE 'UTC' THEN 'engagement'
            ELSE 'crm'
        END AS winner
    FROM sides
)

SELECT
    flow_id,
    contact_id,
    field_code,
    field_type,
    merge_tag,
    merge_type,
    list_id_mailchimp,
    is_into_crm,
    position,
    rule,
    crm_value,
    engagement_value,
    base_engagement_value,
    crm_changed_at,
    engagement_changed_at,
    winner,
    CASE
        WHEN source = target THEN 'equal'
        WHEN is_first THEN CASE WHEN source = '' THEN 'leave' ELSE 'write' END
        WHEN NOT has_base AND merge_type = 'email' THEN 'meet'
        WHEN NOT has_base AND source = '' THEN 'leave'
        WHEN NOT has_base AND (NOT is_two_way OR target = '') THEN 'write'
        WHEN has_base AND NOT source_changed THEN 'leave'
        WHEN has_base AND NOT (is_two_way AND target_changed) THEN 'write'
        WHEN (winner = 'engagement') = is_into_crm THEN 'win'
        ELSE 'lose'
    END AS decision,
    coalesce(decision IN ('write', 'win'), FALSE) AS is_written,
    merge_type = 'email' AS is_address,
    is_first,
    source,
    target
FROM compared
