-- One row per contact that must not be created in the audience, with the reason an operator reads.
--
-- key     contact_id
-- reads   resolve.pairs, staging.syncline__addresses, staging.syncline__consent,
--         staging.pipedrive__person_emails, staging.mailchimp__members
-- rule    Consent is a ratchet: an opt-out under any address that the person has, or the contact
--         ever had, bars it under every other, in every audience of the account (ALL-08). What
--         state remembers covers those who have vanished; the audiences are asked each time.
-- watch   It bars creating alone: values of who is there are written whatever the status.

WITH addresses AS (
    SELECT
        contact_id,
        email
    FROM staging.syncline__addresses

    UNION

    SELECT
        p.contact_id,
        e.email
    FROM resolve.pairs AS p
    INNER JOIN staging.pipedrive__person_emails AS e
        ON e.person_id_pipedrive = p.person_id_pipedrive
),

reasons AS (
    SELECT
        a.contact_id,
        k.kind
    FROM addresses AS a
    INNER JOIN staging.syncline__consent AS k ON k.email = a.email

    UNION

    SELECT
        a.contact_id,
        CASE m.status
            WHEN 'cleaned' THEN 'bounced' WHEN 'archived' THEN 'removed' ELSE m.status
        END AS kind
    FROM addresses AS a
    INNER JOIN staging.mailchimp__members AS m ON m.email = a.email
    WHERE m.status IN ('unsubscribed', 'cleaned', 'archived')
),

ranked AS (
    SELECT
        contact_id,
        kind,
        row_number() OVER (
            PARTITION BY contact_id
            ORDER BY list_position(
                ['forgotten', 'erased', 'unsubscribed', 'bounced', 'removed', 'absent'], kind
            )
        ) AS place
    FROM reasons
)

SELECT
    contact_id,
    kind,
    CASE kind
        WHEN 'forgotten' THEN 'was erased on request and stays erased'
        WHEN 'erased' THEN 'was erased and stays erased'
        WHEN 'unsubscribed' THEN 'has unsubscribed'
        WHEN 'bounced' THEN 'address has bounced hard'
        WHEN 'absent' THEN 'was not in the audience when the lost state was rebuilt'
        ELSE 'was archived or removed by hand'
    END AS reason
FROM ranked
WHERE place = 1
