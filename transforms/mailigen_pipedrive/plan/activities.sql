-- One row per Pipedrive activity to create: a rule whose count a contact has reached.
--
-- key     write_key
-- reads   resolve.due, staging.syncline__rules
-- rule    Assigned to the contact's owner, not done, due on the event's date (MG-14).
-- watch   Opens have no date at Mailigen: the time of the sweep that first saw them stands in.

SELECT
    d.write_key,
    d.contact_id,
    'create' AS action,
    d.bot_id,
    d.rule_id,
    d.crossing,
    d.person_id_pipedrive,
    d.owner_id_pipedrive,
    r.activity_type,
    replace(
        replace(
            replace(r.text, '{count}', d.event_count::VARCHAR),
            '{campaign}',
            coalesce(d.campaign_title, '')
        ),
        '{link}',
        coalesce(d.link, '')
    ) AS subject,
    d.happened_at::DATE AS due_on,
    concat_ws(
        '; ',
        d.event || ' count ' || d.event_count || ' reached ' || r.threshold,
        'last: ' || d.campaign_title,
        nullif(d.link, '')
    ) AS note,
    d.cause,
    d.reason,
    5 AS cost_tokens
FROM resolve.due AS d
INNER JOIN staging.syncline__rules AS r ON r.bot_id = d.bot_id AND r.rule_id = d.rule_id
WHERE d.does = 'activity'
