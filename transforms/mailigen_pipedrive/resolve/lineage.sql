-- One row per contact and contact whose deeds count as its own.
--
-- key     contact_id, ancestor_id
-- reads   staging.syncline__lineage, resolve.identity, staging.syncline__sweep
-- rule    A changed address, a merge or a new tie-break winner fires nothing again: deeds of an
--         ancestor up to `up_to_sweep` stand for the contact's own. Ancestors of an ancestor count
--         as well.

WITH RECURSIVE direct AS (
    SELECT
        contact_id,
        ancestor_id,
        up_to_sweep
    FROM staging.syncline__lineage

    UNION

    SELECT
        i.contact_id,
        i.from_contact_id AS ancestor_id,
        w.sweep AS up_to_sweep
    FROM resolve.identity AS i
    CROSS JOIN staging.syncline__sweep AS w
    WHERE i.from_contact_id IS NOT NULL
),

chain AS (
    SELECT
        contact_id,
        ancestor_id,
        up_to_sweep
    FROM direct

    UNION

    SELECT
        c.contact_id,
        d.ancestor_id,
        least(c.up_to_sweep, d.up_to_sweep) AS up_to_sweep
    FROM chain AS c
    INNER JOIN direct AS d ON d.contact_id = c.ancestor_id
)

SELECT
    contact_id,
    ancestor_id,
    max(up_to_sweep) AS up_to_sweep
FROM chain
WHERE ancestor_id <> contact_id
GROUP BY contact_id, ancestor_id
