-- One row per activity that was read to break a tie: the last one done of a person who shares an
-- address.
--
-- key     activity_id_pipedrive
-- reads   raw.pipedrive__activities
-- rule    "Contacted last" takes the time an activity was marked done, not its due date (MG-08).

SELECT
    (body ->> '$.id')::BIGINT AS activity_id_pipedrive,
    (body ->> '$.marked_as_done_time')::TIMESTAMP AS done_at
FROM raw.pipedrive__activities
WHERE (body ->> '$.done')::BOOLEAN
