-- One row per Pipedrive deal to create: a rule whose count a contact has reached.
--
-- key     write_key
-- reads   resolve.due, staging.syncline__rules
-- rule    Linked to the contact, in the chosen stage (which decides the pipeline), owned by the
--         chosen user (MG-15).

SELECT
    d.write_key,
    d.contact_id,
    'create' AS action,
    d.bot_id,
    d.rule_id,
    d.crossing,
    d.person_id_pipedrive,
    r.owner_id_pipedrive,
    r.stage_id_pipedrive,
    r.value,
    replace(
        replace(
            replace(
                replace(r.text, '{count}', d.event_count::VARCHAR),
                '{campaign}',
                coalesce(d.campaign_title, '')
            ),
            '{link}',
            coalesce(d.link, '')
        ),
        '{name}',
        coalesce(d.person_name, '')
    ) AS title,
    d.cause,
    d.reason,
    5 AS cost_tokens
FROM resolve.due AS d
INNER JOIN staging.syncline__rules AS r ON r.bot_id = d.bot_id AND r.rule_id = d.rule_id
WHERE d.does = 'deal'
