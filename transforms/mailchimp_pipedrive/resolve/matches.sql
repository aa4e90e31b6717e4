-- One row per audience and possible couple of a person and a member, with what speaks against it.
--
-- key     list_id_mailchimp, person_id_pipedrive, member_id_mailchimp
-- reads   resolve.candidates, resolve.addresses, staging.syncline__person_links,
--         staging.syncline__member_links, staging.pipedrive__persons
-- rule    One person a member and one member a person, the linked first, else the oldest.

WITH bound AS (
    SELECT
        m.list_id_mailchimp,
        m.member_id_mailchimp,
        l.person_id_pipedrive
    FROM staging.syncline__member_links AS m
    INNER JOIN staging.syncline__person_links AS l ON l.contact_id = m.contact_id
    SEMI JOIN staging.pipedrive__persons AS p ON p.person_id_pipedrive = l.person_id_pipedrive
),

checked AS (
    SELECT
        c.*,
        a.email,
        coalesce(of_member.person_id_pipedrive <> c.person_id_pipedrive, FALSE) AS is_taken,
        coalesce(of_person.member_id_mailchimp <> c.member_id_mailchimp, FALSE) AS is_another
    FROM resolve.candidates AS c
    LEFT JOIN resolve.addresses AS a ON a.person_id_pipedrive = c.person_id_pipedrive
    LEFT JOIN bound AS of_member
        ON
            of_member.list_id_mailchimp = c.list_id_mailchimp
            AND of_member.member_id_mailchimp = c.member_id_mailchimp
    LEFT JOIN bound AS of_person
        ON
            of_person.list_id_mailchimp = c.list_id_mailchimp
            AND of_person.person_id_pipedrive = c.person_id_pipedrive
),

ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY list_id_mailchimp, coalesce(member_id_mailchimp, email)
            ORDER BY is_taken OR is_another ASC, is_linked DESC, person_id_pipedrive ASC
        ) AS place_at_member,
        row_number() OVER (
            PARTITION BY
                list_id_mailchimp,
                coalesce(person_id_pipedrive::VARCHAR, member_id_mailchimp)
            ORDER BY is_taken OR is_another ASC, is_linked DESC, member_id_mailchimp ASC
        ) AS place_at_person
    FROM checked
)

SELECT
    r.list_id_mailchimp,
    r.person_id_pipedrive,
    r.member_id_mailchimp,
    r.is_for_person,
    r.is_for_member,
    CASE
        WHEN r.is_linked THEN NULL
        WHEN r.is_taken THEN 'the contact of this address is another person''s'
        WHEN r.is_another THEN 'the person of this address is another contact of the audience'
        WHEN r.person_id_pipedrive IS NULL THEN NULL
        WHEN coalesce(r.member_id_mailchimp, r.email) IS NULL THEN NULL
        WHEN r.place_at_member > 1 THEN 'another person has the same address'
        WHEN r.place_at_person > 1 THEN 'the person is another contact of the audience'
    END AS skip_reason
FROM ranked AS r
