-- One row per contact that must not be subscribed, with the reason an operator reads.
--
-- key     contact_id
-- reads   resolve.contacts, resolve.holdings, staging.syncline__consent, staging.mailigen__members
-- rule    Consent is a ratchet: an opt-out under any address a contact ever held, forks and merges
--         included, bars it under every other (ALL-08). The list is asked each time; what state
--         remembers covers those who have vanished from it.
-- watch   A live subscription of the present address overrules this in plan.members: it is the
--         person's own act, since no sync ever makes one here.

WITH held AS (
    SELECT DISTINCT
        contact_id,
        email
    FROM resolve.holdings
),

reasons AS (
    SELECT
        h.contact_id,
        k.kind
    FROM held AS h
    INNER JOIN staging.syncline__consent AS k ON k.email = h.email

    UNION

    SELECT
        h.contact_id,
        m.status AS kind
    FROM held AS h
    INNER JOIN staging.mailigen__members AS m ON m.email = h.email
    WHERE m.status IN ('unsubscribed', 'bounced')

    UNION

    SELECT
        c.contact_id,
        m.status AS kind
    FROM resolve.contacts AS c
    INNER JOIN staging.mailigen__members AS m ON m.email = c.email
    WHERE m.status = 'inactive'
),

ranked AS (
    SELECT
        contact_id,
        kind,
        row_number() OVER (
            PARTITION BY contact_id
            ORDER BY list_position(
                ['forgotten', 'unsubscribed', 'bounced', 'removed', 'absent', 'inactive'], kind
            )
        ) AS place
    FROM reasons
)

SELECT
    contact_id,
    kind,
    CASE kind
        WHEN 'forgotten' THEN 'was erased on request and stays erased'
        WHEN 'unsubscribed' THEN 'has unsubscribed'
        WHEN 'bounced' THEN 'address has bounced hard'
        WHEN 'removed' THEN 'was removed from the list by hand'
        WHEN 'absent' THEN 'was not on the list when the lost state was rebuilt'
        ELSE 'has not confirmed the subscription yet'
    END AS reason
FROM ranked
WHERE place = 1
