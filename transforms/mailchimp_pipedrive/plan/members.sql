-- One row per contact that a flow out of Pipedrive writes in Mailchimp, or leaves out and why.
--
-- key     write_key
-- reads   resolve.wanted, resolve.changes, resolve.consent, resolve.addresses,
--         resolve.destinations, staging.mailchimp__members, staging.syncline__flows,
--         staging.syncline__sweep
-- rule    Who has no record in the audience in any status is created as subscribed, unless barred
--         (MC-13, ALL-08); who has one gets the fields that changed, by a call without a status.
--         A changed first address moves the member and adds none (MC-10). An archived one is left
--         alone. Of several flows the first in the file creates, the others update afterwards.
-- watch   `settles`: the passage or arrival dealt with, by `nothing` too. A create looks first.

WITH fields AS (
    SELECT
        flow_id,
        contact_id,
        map_from_entries(
            list((merge_tag, source) ORDER BY merge_tag)
            FILTER (WHERE is_written AND NOT is_address)
        ) AS changed,
        map_from_entries(
            list((merge_tag, target) ORDER BY merge_tag)
            FILTER (WHERE is_written AND NOT is_address)
        ) AS before,
        map_from_entries(
            list((field_code, source) ORDER BY field_code) FILTER (WHERE is_written)
        ) AS sources,
        max(source) FILTER (WHERE is_written AND is_address) AS moved_to,
        bool_and(base_engagement_value IS NULL) FILTER (WHERE is_written) AS is_meeting
    FROM resolve.changes
    WHERE NOT is_into_crm
    GROUP BY flow_id, contact_id
),

candidates AS (
    SELECT
        w.*,
        m.status,
        m.email AS member_email,
        a.email,
        f.* EXCLUDE (flow_id, contact_id),
        k.reason AS barred_because,
        coalesce(d.is_taken, FALSE) AS is_taken,
        coalesce(
            w.skip_reason,
            CASE WHEN a.person_id_pipedrive IS NULL THEN 'was deleted in Pipedrive' END,
            CASE WHEN w.member_id_mailchimp IS NULL THEN a.skip_reason END,
            CASE WHEN m.status = 'archived' THEN 'is archived in Mailchimp' END,
            CASE WHEN w.member_id_mailchimp IS NULL THEN k.reason END
        ) AS left_out_because,
        row_number() OVER (
            PARTITION BY w.list_id_mailchimp, w.contact_id
            ORDER BY w.position
        ) AS place
    FROM resolve.wanted AS w
    LEFT JOIN staging.mailchimp__members AS m
        ON
            m.list_id_mailchimp = w.list_id_mailchimp
            AND m.member_id_mailchimp = w.member_id_mailchimp
    LEFT JOIN resolve.addresses AS a ON a.person_id_pipedrive = w.person_id_pipedrive
    LEFT JOIN fields AS f ON f.flow_id = w.flow_id AND f.contact_id = w.contact_id
    LEFT JOIN resolve.consent AS k ON k.contact_id = w.contact_id
    LEFT JOIN resolve.destinations AS d
        ON d.list_id_mailchimp = w.list_id_mailchimp AND d.contact_id = w.contact_id
    WHERE NOT w.is_into_crm AND w.person_id_pipedrive IS NOT NULL
),

judged AS (
    SELECT
        *,
        CASE WHEN NOT is_taken AND barred_because IS NULL THEN moved_to END AS new_email,
        map_from_entries(
            list_filter(
                map_entries(sources),
                lambda one: one.key <> 'email' OR NOT is_taken AND barred_because IS NULL
            )
        ) AS written_sources,
        CASE
            WHEN left_out_because IS NOT NULL THEN 'skip'
            WHEN member_id_mailchimp IS NULL AND place > 1 THEN 'wait'
            WHEN member_id_mailchimp IS NULL THEN 'create'
            WHEN moved_to IS NOT NULL AND NOT is_taken AND barred_because IS NULL THEN 'move'
            WHEN cardinality(changed) > 0 THEN 'update'
            WHEN moved_to IS NOT NULL THEN 'skip'
            ELSE 'nothing'
        END AS action
    FROM candidates
)

SELECT
    concat_ws('|', 'member', s.engagement, s.sync, j.flow_id, j.contact_id) AS write_key,
    j.flow_id,
    j.contact_id,
    j.action,
    j.list_id_mailchimp,
    j.person_id_pipedrive,
    j.member_id_mailchimp,
    CASE WHEN j.action = 'create' THEN j.email ELSE j.member_email END AS email,
    j.new_email,
    j.before,
    'live' AS before_source,
    j.changed AS after,
    j.written_sources AS sources,
    f.tag,
    j.fact_key AS settles,
    CASE
        WHEN j.left_out_because IS NOT NULL THEN j.left_out_because
        WHEN j.action = 'skip' THEN 'the new address is another contact''s, or barred'
        WHEN j.action = 'create' THEN 'flow ' || j.flow_id || ' brings the person to the audience'
        WHEN j.action = 'move' THEN 'the first e-mail address changed'
        WHEN j.action = 'update' AND j.is_meeting
            THEN 'they meet for the first time, and Pipedrive has it otherwise'
        WHEN j.action = 'update' THEN 'changed in Pipedrive'
    END AS reason,
    CASE j.action WHEN 'create' THEN 2 WHEN 'move' THEN 1 WHEN 'update' THEN 1 ELSE 0 END
        AS cost_calls
FROM judged AS j
INNER JOIN staging.syncline__flows AS f ON f.flow_id = j.flow_id
CROSS JOIN staging.syncline__sweep AS s
WHERE j.action <> 'wait' AND (j.action <> 'nothing' OR j.fact_key IS NOT NULL)
