-- One row per deed that the vendor added later than half the horizon after it was sent.
--
-- key     write_key
-- reads   audit.deeds, audit.met, audit.round
-- rule    By the vendor's own time of adding: of a deed sent once its first thing, since further
--         ones are somebody's copies; of one sent again the last. A copy of what was looked for in
--         vain and sent again came later than the whole horizon, whatever that time says.
-- watch   A person with the address may be a colleague's: its time teaches nothing. Of the
--         others only deeds that were in doubt tell: else nobody waited for an answer. What was
--         added later than the longest horizon there is has nothing to teach.

WITH added AS (
    SELECT
        d.write_key,
        d.account,
        d.was_resent,
        d.sending_at,
        m.remote_id,
        epoch(m.added_at) - epoch(d.sending_at) AS added_after_seconds
    FROM audit.deeds AS d
    INNER JOIN audit.met AS m ON m.write_key = d.write_key
    WHERE d.was_in_doubt AND d.is_marked AND d.noun <> 'person'
),

delayed AS (
    SELECT
        a.write_key,
        a.account,
        a.sending_at,
        list(a.remote_id ORDER BY try_cast(a.remote_id AS BIGINT), a.remote_id) AS remote_ids,
        any_value(r.late_after_seconds) AS late_after_seconds,
        CASE
            WHEN a.was_resent AND count(*) > 1
                THEN greatest(max(a.added_after_seconds), any_value(r.horizon_seconds))
            WHEN a.was_resent THEN max(a.added_after_seconds)
            ELSE min(a.added_after_seconds)
        END AS delay_seconds
    FROM added AS a
    CROSS JOIN audit.round AS r
    WHERE a.added_after_seconds <= r.longest_seconds
    GROUP BY a.write_key, a.account, a.was_resent, a.sending_at
)

SELECT
    write_key,
    account,
    sending_at,
    remote_ids,
    delay_seconds
FROM delayed
WHERE delay_seconds > late_after_seconds
