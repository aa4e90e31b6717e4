-- One row per audience and couple of a person and a member, or whoever of both is alone.
--
-- key     list_id_mailchimp, person_id_pipedrive, member_id_mailchimp
-- reads   resolve.matches
-- rule    Who has a couple is not alone as well: a person's first address is no contact of its own
--         when another of its addresses is. Whoever is left out says why.

WITH whole AS (
    SELECT
        list_id_mailchimp,
        person_id_pipedrive,
        member_id_mailchimp
    FROM resolve.matches
    WHERE
        skip_reason IS NULL
        AND person_id_pipedrive IS NOT NULL
        AND member_id_mailchimp IS NOT NULL
),

p AS (SELECT DISTINCT list_id_mailchimp, person_id_pipedrive FROM whole),

m AS (SELECT DISTINCT list_id_mailchimp, member_id_mailchimp FROM whole),

good AS (
    SELECT
        j.list_id_mailchimp,
        j.person_id_pipedrive,
        j.member_id_mailchimp,
        NULL::VARCHAR AS skip_reason
    FROM resolve.matches AS j
    LEFT JOIN p
        ON
            j.member_id_mailchimp IS NULL
            AND p.list_id_mailchimp = j.list_id_mailchimp
            AND p.person_id_pipedrive = j.person_id_pipedrive
    LEFT JOIN m
        ON
            j.person_id_pipedrive IS NULL
            AND m.list_id_mailchimp = j.list_id_mailchimp
            AND m.member_id_mailchimp = j.member_id_mailchimp
    WHERE
        j.skip_reason IS NULL
        AND p.list_id_mailchimp IS NULL
        AND m.list_id_mailchimp IS NULL
),

alone AS (
    SELECT
        list_id_mailchimp,
        person_id_pipedrive,
        NULL::VARCHAR AS member_id_mailchimp,
        skip_reason
    FROM resolve.matches
    WHERE skip_reason IS NOT NULL AND is_for_person

    UNION ALL

    SELECT
        list_id_mailchimp,
        NULL AS person_id_pipedrive,
        member_id_mailchimp,
        skip_reason
    FROM resolve.matches
    WHERE skip_reason IS NOT NULL AND is_for_member
),

left_out AS (
    SELECT
        a.list_id_mailchimp,
        a.person_id_pipedrive,
        a.member_id_mailchimp,
        min(a.skip_reason) AS skip_reason
    FROM alone AS a
    ANTI JOIN good AS p
        ON
            p.list_id_mailchimp = a.list_id_mailchimp
            AND p.person_id_pipedrive = a.person_id_pipedrive
    ANTI JOIN good AS m
        ON
            m.list_id_mailchimp = a.list_id_mailchimp
            AND m.member_id_mailchimp = a.member_id_mailchimp
    GROUP BY a.list_id_mailchimp, a.person_id_pipedrive, a.member_id_mailchimp
)

SELECT
    list_id_mailchimp,
    person_id_pipedrive,
    member_id_mailchimp,
    skip_reason
FROM good
UNION ALL
SELECT
    list_id_mailchimp,
    person_id_pipedrive,
    member_id_mailchimp,
    skip_reason
FROM left_out
