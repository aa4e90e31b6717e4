-- One row per contact and audience that a flow out of Pipedrive brings to an address: is it free?
--
-- key     list_id_mailchimp, contact_id
-- reads   resolve.wanted, resolve.addresses, resolve.changes, resolve.consent,
--         staging.mailchimp__members
-- rule    An address is taken where a member has it already, in any status; and of several contacts
--         that are to have it after this run all but one wait: who is created comes first, then
--         the oldest person.
-- watch   Whoever is barred goes nowhere and is not here.

WITH wishes AS (
    SELECT DISTINCT
        w.list_id_mailchimp,
        w.contact_id,
        w.person_id_pipedrive,
        w.member_id_mailchimp IS NULL AS is_new,
        CASE WHEN is_new THEN a.email ELSE c.source END AS email
    FROM resolve.wanted AS w
    LEFT JOIN resolve.addresses AS a
        ON a.person_id_pipedrive = w.person_id_pipedrive AND a.skip_reason IS NULL
    LEFT JOIN resolve.changes AS c
        ON
            c.flow_id = w.flow_id
            AND c.contact_id = w.contact_id
            AND c.is_address
            AND c.is_written
    ANTI JOIN resolve.consent AS k ON k.contact_id = w.contact_id
    WHERE NOT w.is_into_crm AND w.skip_reason IS NULL
)

SELECT
    w.list_id_mailchimp,
    w.contact_id,
    w.email,
    m.member_id_mailchimp IS NOT NULL OR row_number() OVER (
        PARTITION BY w.list_id_mailchimp, w.email
        ORDER BY w.is_new DESC, w.person_id_pipedrive ASC
    ) > 1 AS is_taken
FROM wishes AS w
LEFT JOIN staging.mailchimp__members AS m
    ON m.list_id_mailchimp = w.list_id_mailchimp AND m.email = w.email
WHERE w.email IS NOT NULL
