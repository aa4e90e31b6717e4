-- One row per (bot, person) that an active bot selects.
--
-- key     bot_id, person_id_pipedrive
-- reads   staging.syncline__bots, staging.pipedrive__persons, staging.pipedrive__filter_members
-- rule    A bot selects all contacts or those in one Pipedrive filter (MG-09).
-- watch   A bot that Syncline had to suspend (dead filter) was not walked and selects nobody here;
--         what it had contributed to `source` is kept in plan.members.

SELECT
    b.bot_id,
    p.person_id_pipedrive
FROM staging.syncline__bots AS b
INNER JOIN staging.pipedrive__persons AS p ON b.selection = 'all'
WHERE b.is_active

UNION

SELECT
    b.bot_id,
    p.person_id_pipedrive
FROM staging.syncline__bots AS b
INNER JOIN staging.pipedrive__filter_members AS m
    ON m.filter_id_pipedrive = b.filter_id_pipedrive
INNER JOIN staging.pipedrive__persons AS p ON p.person_id_pipedrive = m.person_id_pipedrive
WHERE b.is_active AND b.selection = 'filter'
