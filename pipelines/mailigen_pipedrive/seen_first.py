"""What a sweep was the first to see, and whom it selected: kept in the history, in one commit."""

from pipelines.mailigen_pipedrive import newcomers
from pipelines.mailigen_pipedrive.sweep import SYNC, Sweep
from transforms.build import append, count_up

EVENT_KEY = ("campaign", "email", "kind", "link", "sweep")


def remember(sweep: Sweep) -> int:
    """Keep what this sweep saw first, whom each bot selected, who overrode whom and who joined, in
    one commit of the history file; return how many happenings were new."""
    db = sweep.db
    db.execute("BEGIN")
    seen = count_up(db, SYNC, "history.events", EVENT_KEY, "times")
    db.execute(CLOSE_SELECTIONS, {"sweep": sweep.sweep})
    append(db, SYNC, "history.selections")
    db.execute(CLOSE_OVERRIDES, [sweep.sweep])
    append(db, SYNC, "history.overrides")
    newcomers.remember(sweep)
    db.execute("COMMIT")
    return seen


# A stretch ends when the bot runs and no longer selects the contact; a bot that was suspended
# this time keeps its stretches open, since nobody knows whom it would have selected. It ends as
# well in a user's pause, be it over already when the sweep comes.
CLOSE_SELECTIONS = """
UPDATE history.selections AS s SET until_sweep = $sweep
WHERE
    s.until_sweep IS NULL
    AND NOT EXISTS (
        SELECT 1 FROM staging.syncline__bots AS b WHERE b.bot_id = s.bot_id AND b.is_suspended
    )
    AND NOT EXISTS (
        SELECT 1 FROM resolve.contacts AS c
        WHERE
            c.contact_id = s.contact_id
            AND list_contains(c.bots, s.bot_id)
            AND NOT list_contains(c.overridden, s.bot_id)
            AND NOT EXISTS (
                SELECT 1 FROM staging.syncline__pauses AS p
                WHERE
                    p.bot_id = s.bot_id
                    AND p.from_sweep <= $sweep
                    AND coalesce(p.until_sweep > $sweep, TRUE)
            )
    )
"""
# Whatever ends the overriding (a pause, a dead filter, the contact leaving it) falls back at once.
CLOSE_OVERRIDES = """
UPDATE history.overrides AS o SET until_sweep = ?
WHERE
    o.until_sweep IS NULL
    AND NOT EXISTS (
        SELECT 1 FROM resolve.contacts AS c
        WHERE c.contact_id = o.contact_id AND list_contains(c.overridden, o.bot_id)
    )
"""
