-- One row per contact in a segment or tag at the last walk.
--
-- key     list_id_mailchimp, segment_id_mailchimp, member_id_mailchimp
-- reads   raw.mailchimp__segment_members, raw.mailchimp__members
-- rule    Nothing tells when somebody came in or left: one walk is held against the next.
-- watch   Segments list the hash of the address, which moves with it; who moved between the two
--         readings is met at the next one.

SELECT DISTINCT
    s.list_id AS list_id_mailchimp,
    s.segment_id AS segment_id_mailchimp,
    m.contact_id AS member_id_mailchimp
FROM raw.mailchimp__segment_members AS s
INNER JOIN raw.mailchimp__members AS m ON m.list_id = s.list_id AND m.body ->> '$.id' = s.id
