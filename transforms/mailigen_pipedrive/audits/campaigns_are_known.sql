-- WARN: engagement names a campaign that is not among the list's campaigns any more.
--
-- reads   resolve.contact_events, staging.mailigen__campaigns

SELECT DISTINCT e.campaign_id_mailigen
FROM resolve.contact_events AS e
LEFT JOIN staging.mailigen__campaigns AS c ON c.campaign_id_mailigen = e.campaign_id_mailigen
WHERE c.campaign_id_mailigen IS NULL
