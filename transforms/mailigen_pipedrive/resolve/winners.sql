-- One row per address: the single selected person that speaks for it.
--
-- key     email
-- reads   resolve.addresses, resolve.selected, staging.pipedrive__persons,
--         staging.pipedrive__activities
-- rule    Mailigen keeps one subscriber per address. Of several persons sharing one, the person
--         contacted last wins: latest of last mail out, last mail in, last activity marked done;
--         ties to the lower id, so that two runs agree (MG-08).
-- watch   Last activities are read for persons sharing an address only; for all others it does not
--         matter.

WITH candidates AS (
    SELECT
        a.email,
        a.person_id_pipedrive,
        p.owner_id_pipedrive,
        greatest(p.last_mail_at, act.done_at) AS last_contacted_at
    FROM resolve.addresses AS a
    INNER JOIN staging.pipedrive__persons AS p ON p.person_id_pipedrive = a.person_id_pipedrive
    LEFT JOIN staging.pipedrive__activities AS act
        ON act.activity_id_pipedrive = p.last_activity_id_pipedrive
    WHERE a.skip_reason IS NULL
),

ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY email
            ORDER BY last_contacted_at DESC NULLS LAST, person_id_pipedrive ASC
        ) AS place,
        count(*) OVER (PARTITION BY email) AS sharing_count
    FROM candidates
),

selecting AS (
    SELECT
        person_id_pipedrive,
        list(bot_id ORDER BY bot_id) AS bots
    FROM resolve.selected
    GROUP BY person_id_pipedrive
)

SELECT
    r.email,
    r.person_id_pipedrive,
    r.owner_id_pipedrive,
    s.bots,
    r.last_contacted_at,
    r.sharing_count
FROM ranked AS r
INNER JOIN selecting AS s ON s.person_id_pipedrive = r.person_id_pipedrive
WHERE r.place = 1
