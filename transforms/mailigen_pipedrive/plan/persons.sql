-- One row per newcomer: the person to create, the one it is linked to, or why neither.
--
-- key     write_key
-- reads   resolve.newcomers, staging.pipedrive__holders, staging.pipedrive__person_emails,
--         staging.mailigen__newcomers, staging.syncline__created,
--         staging.syncline__new_subscribers
-- rule    A person who has the address, as any of its addresses, is linked and left untouched; of
--         several the oldest (MG-22). Else a person is created: name, e-mail, phone, first and last
--         name, the chosen owner, and nothing else. A member that carries the source of a sync was
--         put there by one (MG-24).
-- watch   `is_read` is false where nobody asked for the values yet, since the guards will stop the
--         run anyway: such a row is counted, and never sealed.

WITH met AS (
    SELECT
        email,
        person_id_pipedrive
    FROM staging.pipedrive__holders

    UNION ALL

    SELECT
        email,
        person_id_pipedrive
    FROM staging.pipedrive__person_emails
),

holders AS (
    SELECT
        email,
        min(person_id_pipedrive) AS person_id_pipedrive
    FROM met
    GROUP BY email
),

decided AS (
    SELECT
        n.*,
        h.person_id_pipedrive,
        m.email IS NOT NULL AS is_read,
        coalesce(m.shown_email, n.email) AS shown_email,
        m.first_name,
        m.last_name,
        m.phone,
        CASE
            WHEN n.bar = 'forgotten' THEN 'was erased on request and stays erased'
            WHEN n.bar IS NOT NULL
                THEN 'has left the list before, and nothing shows that it came back by itself'
            WHEN h.person_id_pipedrive IS NOT NULL THEN NULL
            WHEN c.email IS NOT NULL
                THEN 'was a person that sync ' || c.sync || ' made, and that was deleted since'
            WHEN m.email IS NOT NULL AND coalesce(m.status, '') <> 'subscribed'
                THEN 'left the list while it was read'
            WHEN regexp_full_match(m.source, 'Pipedrive(\|.*)?')
                THEN 'was put on the list by a sync'
        END AS skip_reason
    FROM resolve.newcomers AS n
    LEFT JOIN holders AS h ON h.email = n.email
    LEFT JOIN staging.mailigen__newcomers AS m ON m.email = n.email
    LEFT JOIN staging.syncline__created AS c ON c.email = n.email
),

acted AS (
    SELECT
        *,
        CASE
            WHEN skip_reason IS NOT NULL THEN 'skip'
            WHEN person_id_pipedrive IS NOT NULL THEN 'link'
            ELSE 'create'
        END AS action
    FROM decided
)

SELECT
    CASE WHEN a.action = 'link' THEN a.link_key ELSE a.create_key END AS write_key,
    a.subject,
    a.action,
    a.email,
    a.person_id_pipedrive,
    CASE WHEN a.action = 'create' THEN s.owner_id_pipedrive END AS owner_id_pipedrive,
    a.shown_email,
    coalesce(nullif(concat_ws(' ', a.first_name, a.last_name), ''), a.shown_email) AS name,
    a.first_name,
    a.last_name,
    a.phone,
    a.is_read,
    json_object('event', 'subscribe', 'sweep', a.from_sweep) AS cause,
    coalesce(
        a.skip_reason,
        CASE a.action
            WHEN 'link' THEN 'joined the list; a person has the address already'
            ELSE 'joined the list; no person has the address'
        END
    ) AS reason,
    CASE WHEN a.action = 'create' THEN 5 ELSE 0 END AS cost_tokens
FROM acted AS a
CROSS JOIN staging.syncline__new_subscribers AS s
