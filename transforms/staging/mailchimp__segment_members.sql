-- One row per contact in a segment or tag at the last walk.
--
-- key     list_id_mailchimp, segment_id_mailchimp, member_id_mailchimp
-- reads   raw.mailchimp__segment_members
-- rule    Nothing tells when somebody came in or left: one walk is held against the next.

SELECT DISTINCT
    list_id AS list_id_mailchimp,
    segment_id AS segment_id_mailchimp,
    contact_id AS member_id_mailchimp
FROM raw.mailchimp__segment_members
