-- One row per member that we wrote and that is erased or archived by now.
--
-- key     write_key
-- reads   audit.settings, audit.asked, audit.round, history.members_seen
-- rule    Erased: unknown by its id, while the audience answers. `is_lost`: an acknowledged create
--         of which nothing was ever seen, neither by its address nor by any reading; all else was
--         there once, so that somebody took it away.
-- watch   Of a create within the horizon nothing is said. That of a tag alone tells nothing more
--         than that of its member's fields.

SELECT
    s.write_key,
    a.is_there AS is_archived,
    s.is_create
    AND NOT a.is_there
    AND NOT a.is_known_by_address
    AND NOT s.was_in_doubt
    AND m.member_id_mailchimp IS NULL AS is_lost
FROM audit.settings AS s
INNER JOIN audit.asked AS a ON a.write_key = s.write_key AND a.is_own
CROSS JOIN audit.round AS r
LEFT JOIN history.members_seen AS m
    ON
        m.list_id_mailchimp = s.list_id_mailchimp
        AND m.member_id_mailchimp = s.member_id_mailchimp
WHERE
    s.object = 'audience_member'
    AND s.is_done
    AND s.sources IS NOT NULL
    AND s.sent_at < r.vendor_now - to_seconds(r.engagement_horizon_seconds)
    AND (NOT a.is_there OR a.status = 'archived')
