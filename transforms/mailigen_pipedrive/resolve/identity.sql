-- One row per winner: which contact it is, and by what reasoning.
--
-- key     email
-- reads   resolve.winners, staging.syncline__contacts, staging.syncline__links,
--         staging.syncline__sweep
-- rule    A contact follows the person that speaks for it to a new address (`move`), unless
--         somebody else takes over the old one: it stays then, and the leaver becomes a `fork`.
--         A winner takes the contact at its address if that one is not leaving (`take`; `merge` if
--         the winner had one of its own).
-- watch   Contact ids are made from data, so that a dry run and the run after it agree.

WITH contacts AS (
    SELECT *
    FROM staging.syncline__contacts
    WHERE merged_into IS NULL
),

holders AS (
    SELECT
        email,
        min(contact_id) AS contact_id
    FROM contacts
    WHERE email IS NOT NULL
    GROUP BY email
),

linked AS (
    SELECT
        w.email,
        w.person_id_pipedrive,
        own.contact_id AS own_id,
        own.email AS own_email,
        l.contact_id AS known_id
    FROM resolve.winners AS w
    LEFT JOIN contacts AS own
        ON own.person_id_pipedrive = w.person_id_pipedrive
    LEFT JOIN staging.syncline__links AS l ON l.person_id_pipedrive = w.person_id_pipedrive
),

following AS (
    SELECT
        l.*,
        l.own_id IS NOT NULL
        AND (
            l.own_email = l.email
            OR heir.email IS NULL
            OR heir.own_id IS NOT NULL
        ) AS is_followed
    FROM linked AS l
    LEFT JOIN linked AS heir ON heir.email = l.own_email AND l.own_email <> l.email
),

placed AS (
    SELECT
        f.*,
        holder.contact_id AS holder_id
    FROM following AS f
    LEFT JOIN holders AS holder ON holder.email = f.email
    LEFT JOIN following AS leaving
        ON leaving.own_id = holder.contact_id AND leaving.is_followed
    WHERE leaving.email IS NULL OR leaving.email = f.email
),

all_placed AS (
    SELECT
        f.*,
        p.holder_id
    FROM following AS f
    LEFT JOIN placed AS p ON p.email = f.email
),

founded AS (
    SELECT
        founder_person_id,
        count(*) AS contact_count
    FROM staging.syncline__contacts
    GROUP BY founder_person_id
),

decided AS (
    SELECT
        *,
        CASE
            WHEN is_followed AND own_email = email THEN 'same'
            WHEN is_followed AND holder_id IS NOT NULL AND holder_id <> own_id THEN 'merge'
            WHEN is_followed THEN 'move'
            WHEN holder_id IS NOT NULL THEN 'take'
            WHEN coalesce(own_id, known_id) IS NOT NULL THEN 'fork'
            ELSE 'new'
        END AS decision
    FROM all_placed
)

SELECT
    d.email,
    d.person_id_pipedrive,
    d.decision,
    CASE
        WHEN d.decision IN ('same', 'move') THEN d.own_id
        WHEN d.decision IN ('merge', 'take') THEN d.holder_id
        ELSE
            'c' || left(
                sha256(
                    concat_ws(
                        '|', s.crm, d.person_id_pipedrive, coalesce(f.contact_count, 0) + 1
                    )
                ),
                16
            )
    END AS contact_id,
    CASE
        WHEN d.decision IN ('merge', 'fork') THEN coalesce(d.own_id, d.known_id)
        WHEN d.decision = 'take' THEN nullif(coalesce(d.own_id, d.known_id), d.holder_id)
    END AS from_contact_id
FROM decided AS d
CROSS JOIN staging.syncline__sweep AS s
LEFT JOIN founded AS f ON f.founder_person_id = d.person_id_pipedrive
