-- One row per deed that the vendor added later than half the horizon after it was sent.
--
-- key     write_key
-- reads   audit.deeds, audit.ours, audit.round
-- rule    By the vendor's own time of adding. A copy of what was looked for in vain and resent
--         came later than the whole horizon, whatever that time says.
-- watch   Only deeds that were in doubt tell: of the others nobody waited for an answer.

WITH delayed AS (
    SELECT
        d.write_key,
        d.account,
        o.remote_ids,
        r.late_after_seconds,
        greatest(
            epoch(o.last_added_at) - epoch(d.sending_at),
            if(d.was_resent AND len(o.remote_ids) > 1, r.horizon_seconds, 0)
        ) AS delay_seconds
    FROM audit.deeds AS d
    INNER JOIN audit.ours AS o ON o.write_key = d.write_key
    CROSS JOIN audit.round AS r
    WHERE d.was_in_doubt AND d.is_marked
)

SELECT
    write_key,
    account,
    remote_ids,
    delay_seconds
FROM delayed
WHERE delay_seconds > late_after_seconds
