-- One row per (deed, thing at the vendor) that belong together, by reference or by id.
--
-- key     write_key, remote_id
-- reads   audit.deeds, audit.things
-- rule    The id counts as well: the reference may have been edited away. Edited is what we gave
--         and the vendor shows otherwise; of a deal, which is worked with, title and value only.
--         An address is no proof: a person who has it counts only where ours was sent twice.
-- watch   Deleted things are here where the vendor lists them, or was asked for them by id. Blanks
--         of every kind count as one blank on both sides: vendors and readers fold them.

WITH blanks AS (
    SELECT
        '[\s\v\x{1c}-\x{1f}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}'
        || '\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]+' AS pattern
)

SELECT DISTINCT
    d.write_key,
    d.is_marked,
    d.remote_id AS remote_id_in_ledger,
    t.remote_id,
    t.is_deleted,
    t.added_at,
    list_filter(
        json_keys(d.meant),
        lambda field: (d.meant ->> field) IS NOT NULL
        AND trim(regexp_replace(d.meant ->> field, b.pattern, ' ', 'g'))
        IS DISTINCT FROM trim(regexp_replace(t.shown ->> field, b.pattern, ' ', 'g'))
    ) AS edited_fields
FROM audit.deeds AS d
CROSS JOIN blanks AS b
INNER JOIN audit.things AS t
    ON
        t.object = d.noun
        AND (
            t.remote_id = d.remote_id
            OR (
                t.reference = d.reference
                AND (
                    d.noun <> 'person'
                    OR (d.was_resent AND t.added_at >= d.sending_at - INTERVAL 1 HOUR)
                )
            )
        )
