-- One row per wanted contact and mapped field that another flow brings the other way, or may.
--
-- key     flow_id, contact_id, field_code
-- reads   resolve.field_pairs, resolve.wanted, staging.syncline__flows, staging.syncline__mapping
-- rule    A flow of the opposite direction that writes the same pair for the same contact. One that
--         is not due may bring anybody of its audience: whom is not known.

WITH ways AS (
    SELECT
        v.flow_id,
        v.contact_id,
        v.field_code,
        v.merge_tag,
        w.list_id_mailchimp,
        w.is_into_crm
    FROM resolve.field_pairs AS v
    INNER JOIN resolve.wanted AS w ON w.flow_id = v.flow_id AND w.contact_id = v.contact_id
),

brought AS (
    SELECT
        w.contact_id,
        w.list_id_mailchimp,
        w.is_into_crm,
        c.field_code,
        c.merge_tag
    FROM resolve.wanted AS w
    INNER JOIN staging.syncline__mapping AS c ON c.flow_id = w.flow_id
    WHERE w.skip_reason IS NULL
),

not_due AS (
    SELECT
        f.list_id_mailchimp,
        f.is_into_crm,
        c.field_code,
        c.merge_tag
    FROM staging.syncline__flows AS f
    INNER JOIN staging.syncline__mapping AS c ON c.flow_id = f.flow_id
    WHERE f.is_running AND NOT f.is_active
)

SELECT
    w.flow_id,
    w.contact_id,
    w.field_code
FROM ways AS w
SEMI JOIN brought AS o
    ON
        o.contact_id = w.contact_id
        AND o.list_id_mailchimp = w.list_id_mailchimp
        AND o.is_into_crm = (NOT w.is_into_crm)
        AND o.field_code = w.field_code
        AND o.merge_tag = w.merge_tag
UNION
SELECT
    w.flow_id,
    w.contact_id,
    w.field_code
FROM ways AS w
SEMI JOIN not_due AS o
    ON
        o.list_id_mailchimp = w.list_id_mailchimp
        AND o.is_into_crm = (NOT w.is_into_crm)
        AND o.field_code = w.field_code
        AND o.merge_tag = w.merge_tag
