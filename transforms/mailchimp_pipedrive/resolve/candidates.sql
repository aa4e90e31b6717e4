-- One row per audience and person or member that some flow is about, with whom it may belong to.
--
-- key     list_id_mailchimp, person_id_pipedrive, member_id_mailchimp
-- reads   resolve.selected, resolve.addresses, staging.syncline__flows, staging.syncline__synced,
--         staging.syncline__person_links, staging.syncline__member_links,
--         staging.mailchimp__members, staging.pipedrive__person_emails, staging.pipedrive__persons
-- rule    A link decides; where there is none the address does: a person's first address finds its
--         member, any address of a person is found by a member.
-- watch   A person who is linked to another member of the audience is no candidate for this one,
--         and no more is a member whose person is somebody else and alive.

WITH person_links AS (
    SELECT l.*
    FROM staging.syncline__person_links AS l
    SEMI JOIN staging.pipedrive__persons AS p ON p.person_id_pipedrive = l.person_id_pipedrive
),

units AS (
    SELECT DISTINCT
        list_id_mailchimp,
        person_id_pipedrive,
        member_id_mailchimp
    FROM resolve.selected

    UNION

    SELECT DISTINCT
        f.list_id_mailchimp,
        CASE WHEN NOT f.is_into_crm THEN p.person_id_pipedrive END AS person_id_pipedrive,
        CASE WHEN f.is_into_crm THEN m.member_id_mailchimp END AS member_id_mailchimp
    FROM staging.syncline__flows AS f
    INNER JOIN staging.syncline__synced AS s ON s.flow_id = f.flow_id
    LEFT JOIN person_links AS p ON p.contact_id = s.contact_id
    LEFT JOIN staging.syncline__member_links AS m
        ON m.contact_id = s.contact_id AND m.list_id_mailchimp = f.list_id_mailchimp
    WHERE f.is_active
),

bound_members AS (
    SELECT
        m.list_id_mailchimp,
        m.member_id_mailchimp,
        p.person_id_pipedrive
    FROM staging.syncline__member_links AS m
    INNER JOIN person_links AS p ON p.contact_id = m.contact_id
),

by_person AS (
    SELECT
        u.list_id_mailchimp,
        u.person_id_pipedrive,
        coalesce(b.member_id_mailchimp, m.member_id_mailchimp) AS member_id_mailchimp,
        b.member_id_mailchimp IS NOT NULL AS is_linked
    FROM units AS u
    LEFT JOIN bound_members AS b
        ON
            b.list_id_mailchimp = u.list_id_mailchimp
            AND b.person_id_pipedrive = u.person_id_pipedrive
    LEFT JOIN resolve.addresses AS a
        ON a.person_id_pipedrive = u.person_id_pipedrive AND a.skip_reason IS NULL
    LEFT JOIN staging.mailchimp__members AS m
        ON m.list_id_mailchimp = u.list_id_mailchimp AND m.email = a.email
    WHERE u.person_id_pipedrive IS NOT NULL
),

by_member AS (
    SELECT
        u.list_id_mailchimp,
        coalesce(b.person_id_pipedrive, e.person_id_pipedrive) AS person_id_pipedrive,
        u.member_id_mailchimp,
        b.person_id_pipedrive IS NOT NULL AS is_linked
    FROM units AS u
    LEFT JOIN bound_members AS b
        ON
            b.list_id_mailchimp = u.list_id_mailchimp
            AND b.member_id_mailchimp = u.member_id_mailchimp
    LEFT JOIN staging.mailchimp__members AS m
        ON
            m.list_id_mailchimp = u.list_id_mailchimp
            AND m.member_id_mailchimp = u.member_id_mailchimp
    LEFT JOIN staging.pipedrive__person_emails AS e ON e.email = m.email
    WHERE u.member_id_mailchimp IS NOT NULL
)

SELECT
    found.list_id_mailchimp,
    found.person_id_pipedrive,
    found.member_id_mailchimp,
    bool_or(found.is_linked) AS is_linked,
    bool_or(found.is_for_person) AS is_for_person,
    bool_or(NOT found.is_for_person) AS is_for_member
FROM (
    SELECT
        *,
        TRUE AS is_for_person
    FROM by_person
    UNION ALL
    SELECT
        *,
        FALSE AS is_for_person
    FROM by_member
) AS found
GROUP BY found.list_id_mailchimp, found.person_id_pipedrive, found.member_id_mailchimp
