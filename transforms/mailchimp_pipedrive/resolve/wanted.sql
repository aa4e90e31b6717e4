-- One row per flow and contact that it may write now.
--
-- key     flow_id, contact_id
-- reads   resolve.pairs, resolve.selected, staging.syncline__flows, staging.syncline__synced
-- rule    Into Pipedrive: who matches now; nobody else, whoever was synced before stays as it is
--         (MC-05, MC-06). Out of it by filters: who matches, and everybody the flow ever synced as
--         long as the person exists (MC-11). New contacts and stages: once for each fact.

WITH matching AS (
    SELECT
        s.flow_id,
        p.contact_id,
        s.fact_key
    FROM resolve.selected AS s
    INNER JOIN resolve.pairs AS p
        ON
            p.list_id_mailchimp = s.list_id_mailchimp
            AND p.person_id_pipedrive = s.person_id_pipedrive

    UNION ALL

    SELECT
        s.flow_id,
        p.contact_id,
        s.fact_key
    FROM resolve.selected AS s
    INNER JOIN resolve.pairs AS p
        ON
            p.list_id_mailchimp = s.list_id_mailchimp
            AND p.member_id_mailchimp = s.member_id_mailchimp
),

going_on AS (
    SELECT
        s.flow_id,
        s.contact_id,
        NULL::VARCHAR AS fact_key
    FROM staging.syncline__synced AS s
    INNER JOIN staging.syncline__flows AS f ON f.flow_id = s.flow_id
    WHERE f.is_active AND f.trigger = 'filters'
),

wanted AS (
    SELECT
        flow_id,
        contact_id,
        max(fact_key) AS fact_key,
        bool_or(is_matching) AS is_matching
    FROM (
        SELECT *, TRUE AS is_matching FROM matching
        UNION ALL
        SELECT *, FALSE AS is_matching FROM going_on
    ) AS found
    GROUP BY flow_id, contact_id
)

SELECT
    w.flow_id,
    w.contact_id,
    w.fact_key,
    w.is_matching,
    f.position,
    f.trigger,
    f.is_into_crm,
    f.list_id_mailchimp,
    p.person_id_pipedrive,
    p.member_id_mailchimp,
    p.skip_reason
FROM wanted AS w
INNER JOIN staging.syncline__flows AS f ON f.flow_id = w.flow_id
INNER JOIN resolve.pairs AS p
    ON p.contact_id = w.contact_id AND p.list_id_mailchimp = f.list_id_mailchimp
