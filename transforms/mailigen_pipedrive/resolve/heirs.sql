-- One row per stretch of an address that a contact took over from another, by a merge or a fork.
--
-- key     contact_id, email, from_sweep, ancestor_id
-- reads   resolve.holdings, resolve.lineage
-- rule    Who takes over a contact's addresses takes over its events (MG-18); what selected or
--         overrode whom when they were first seen, is asked of who held them then (MG-16, MG-17).
-- watch   Told by a stretch that both have. A new tie-break winner takes over deeds, but no events:
--         it has no row.

SELECT
    mine.contact_id,
    mine.email,
    mine.from_sweep,
    l.ancestor_id,
    l.up_to_sweep
FROM resolve.lineage AS l
INNER JOIN resolve.holdings AS mine ON mine.contact_id = l.contact_id
INNER JOIN resolve.holdings AS theirs
    ON
        theirs.contact_id = l.ancestor_id
        AND theirs.email = mine.email
        AND theirs.from_sweep = mine.from_sweep
