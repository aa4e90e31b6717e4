-- One row per campaign of the list.
--
-- key     campaign_id_mailigen
-- reads   raw.mailigen__campaigns

SELECT
    body ->> '$.id' AS campaign_id_mailigen,
    body ->> '$.title' AS title,
    body ->> '$.subject' AS subject,
    try_cast(body ->> '$.send_time' AS TIMESTAMP) AS sent_at
FROM raw.mailigen__campaigns
