-- One row per deed of which something was met at the vendor: which ids, and which counts as ours.
--
-- key     write_key
-- reads   audit.met
-- rule    Of several living ones the lowest id counts as ours (docs/decisions, "The audit").

SELECT
    write_key,
    is_marked,
    any_value(remote_id_in_ledger) AS remote_id_in_ledger,
    list(remote_id ORDER BY try_cast(remote_id AS BIGINT), remote_id) AS remote_ids,
    count(*) FILTER (WHERE NOT is_deleted) AS living_count,
    coalesce(bool_or(is_deleted AND remote_id = remote_id_in_ledger), FALSE) AS is_own_deleted,
    CASE
        WHEN is_marked
            THEN (min(try_cast(remote_id AS BIGINT)) FILTER (WHERE NOT is_deleted))::VARCHAR
    END AS lowest_living_id
FROM audit.met
GROUP BY write_key, is_marked
