-- One row per audience and who is synced with it: a person, a member, or both as one contact.
--
-- key     list_id_mailchimp, contact_id
-- reads   resolve.couples, staging.syncline__person_links, staging.syncline__member_links,
--         staging.syncline__sweep
-- rule    A contact is known by its links. Two contacts that turn out to be one go on as the
--         person's.
-- watch   Contact ids are made from data, so that a dry run and the run after it agree.

WITH placed AS (
    SELECT
        c.*,
        own.contact_id AS person_contact_id,
        met.contact_id AS member_contact_id,
        coalesce(
            'person:' || c.person_id_pipedrive,
            c.list_id_mailchimp || '/' || c.member_id_mailchimp
        ) AS founder
    FROM resolve.couples AS c
    LEFT JOIN staging.syncline__person_links AS own
        ON own.person_id_pipedrive = c.person_id_pipedrive
    LEFT JOIN staging.syncline__member_links AS met
        ON
            met.list_id_mailchimp = c.list_id_mailchimp
            AND met.member_id_mailchimp = c.member_id_mailchimp
)

SELECT
    p.list_id_mailchimp,
    coalesce(
        p.person_contact_id,
        p.member_contact_id,
        'c' || left(sha256(concat_ws('|', w.engagement, p.founder, 1)), 16)
    ) AS contact_id,
    p.person_id_pipedrive,
    p.member_id_mailchimp,
    p.founder,
    CASE
        WHEN p.skip_reason IS NULL AND p.person_contact_id <> p.member_contact_id
            THEN p.member_contact_id
    END AS merged_contact_id,
    p.skip_reason
FROM placed AS p
CROSS JOIN staging.syncline__sweep AS w
