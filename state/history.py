"""The tables of the history file: what happened, kept for good.

No constraint but the keys that keep a second writing of the same thing out; a sync appends here,
analysts read. Events have none: of millions its index would be held in memory whole, so who adds
them joins (transforms.build.count_up).
"""

HISTORY_TABLES = (
    # An increment of engagement, in the sweep that first saw it, once per campaign, email, kind,
    # link and sweep. Baselines are rows too: sweep 0 for count_from all_time, else the sweep of
    # activation.
    """
    CREATE TABLE IF NOT EXISTS history.events (
        campaign VARCHAR NOT NULL,
        email VARCHAR NOT NULL,
        kind VARCHAR NOT NULL,
        link VARCHAR NOT NULL DEFAULT '',
        sweep BIGINT NOT NULL,
        times BIGINT NOT NULL,
        happened_at TIMESTAMPTZ,
        first_seen_at TIMESTAMPTZ NOT NULL
    )
    """,
    # Contact was selected by bot, and no other bot overrode it, from the one sweep until (not in)
    # the other. Before there was overriding: selected.
    """
    CREATE TABLE IF NOT EXISTS history.selections (
        bot_id VARCHAR NOT NULL,
        contact_id VARCHAR NOT NULL,
        from_sweep BIGINT NOT NULL,
        until_sweep BIGINT,
        PRIMARY KEY (bot_id, contact_id, from_sweep)
    )
    """,
    # Filter bots overrode bot for contact from the one sweep until the other, whose reading is the
    # baseline of what counts afterwards.
    """
    CREATE TABLE IF NOT EXISTS history.overrides (
        bot_id VARCHAR NOT NULL,
        contact_id VARCHAR NOT NULL,
        from_sweep BIGINT NOT NULL,
        until_sweep BIGINT,
        PRIMARY KEY (bot_id, contact_id, from_sweep)
    )
    """,
    # The import of new subscribers was on from the one sweep until (not in) the other. Who was on
    # the list in the first is older than it. Another list, or another key of the hashes that say
    # who was imported, is another import. `read_at` is when the list was read last.
    """
    CREATE TABLE IF NOT EXISTS history.imports (
        from_sweep BIGINT PRIMARY KEY,
        until_sweep BIGINT,
        list_id VARCHAR,
        key_fingerprint VARCHAR NOT NULL,
        read_at TIMESTAMPTZ
    )
    """,
    # Both sides of a mapped pair were seen to be equal, or as they were when they first met.
    """
    CREATE TABLE IF NOT EXISTS history.agreed (
        contact_id VARCHAR NOT NULL,
        list_id_mailchimp VARCHAR NOT NULL,
        field_code VARCHAR NOT NULL,
        merge_tag VARCHAR NOT NULL,
        crm_value VARCHAR NOT NULL,
        engagement_value VARCHAR NOT NULL,
        agreed_at TIMESTAMPTZ NOT NULL,
        PRIMARY KEY (contact_id, list_id_mailchimp, field_code, merge_tag)
    )
    """,
    # Contact of an audience was there in this sweep, the first that looked.
    """
    CREATE TABLE IF NOT EXISTS history.members_seen (
        list_id_mailchimp VARCHAR NOT NULL,
        member_id_mailchimp VARCHAR NOT NULL,
        first_sweep BIGINT NOT NULL,
        PRIMARY KEY (list_id_mailchimp, member_id_mailchimp)
    )
    """,
    # Address was subscribed from the one sweep until (not in) the other, as far as an import was
    # on. Who was on the list when it began, and not subscribed, has a stretch without length.
    """
    CREATE TABLE IF NOT EXISTS history.arrivals (
        email VARCHAR NOT NULL,
        from_sweep BIGINT NOT NULL,
        until_sweep BIGINT,
        absent_at TIMESTAMPTZ,
        first_seen_at TIMESTAMPTZ NOT NULL,
        PRIMARY KEY (email, from_sweep)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS history.runs (
        run_id VARCHAR PRIMARY KEY,
        sync VARCHAR NOT NULL,
        sweep BIGINT NOT NULL,
        started_at TIMESTAMPTZ NOT NULL,
        ended_at TIMESTAMPTZ,
        outcome VARCHAR,
        exit_code INTEGER,
        counts JSON,
        said VARCHAR
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS history.skipped (
        run_id VARCHAR NOT NULL,
        sweep BIGINT NOT NULL,
        stage VARCHAR NOT NULL,
        object VARCHAR NOT NULL,
        subject VARCHAR NOT NULL,
        reason VARCHAR NOT NULL,
        skipped_at TIMESTAMPTZ NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS history.checks (
        run_id VARCHAR NOT NULL,
        sweep BIGINT NOT NULL,
        stage VARCHAR NOT NULL,
        name VARCHAR NOT NULL,
        severity VARCHAR NOT NULL,
        is_passed BOOLEAN NOT NULL,
        guilty_count BIGINT NOT NULL,
        said VARCHAR,
        checked_at TIMESTAMPTZ NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS history.writes (
        write_key VARCHAR NOT NULL,
        run_id VARCHAR NOT NULL,
        sweep BIGINT NOT NULL,
        account VARCHAR NOT NULL,
        object VARCHAR NOT NULL,
        subject VARCHAR NOT NULL,
        action VARCHAR NOT NULL,
        state VARCHAR NOT NULL,
        attempt INTEGER NOT NULL,
        remote_id VARCHAR,
        before JSON,
        after JSON,
        reason VARCHAR,
        said VARCHAR,
        cost BIGINT,
        settled_at TIMESTAMPTZ
    )
    """,
    # What an audit, or a run that adopted late, found to differ from the ledger. Found again, the
    # row is brought up to date; no longer found, it is closed, and opened again should it return.
    """
    CREATE TABLE IF NOT EXISTS history.findings (
        finding VARCHAR NOT NULL,
        write_key VARCHAR NOT NULL,
        account VARCHAR NOT NULL,
        object VARCHAR NOT NULL,
        remote_ids VARCHAR[] NOT NULL,
        subject VARCHAR NOT NULL,
        first_seen_at TIMESTAMPTZ NOT NULL,
        last_seen_at TIMESTAMPTZ NOT NULL,
        run_id VARCHAR NOT NULL,
        said VARCHAR NOT NULL,
        closed_at TIMESTAMPTZ,
        PRIMARY KEY (finding, write_key)
    )
    """,
)

# A file from before: the same rows without the index.
EVENTS_HAVE_A_KEY = """
SELECT count(*) FROM duckdb_constraints()
WHERE database_name = 'history' AND table_name = 'events' AND constraint_type = 'PRIMARY KEY'
"""
WITHOUT_THE_KEY = (
    "BEGIN",
    "ALTER TABLE history.events RENAME TO events_with_key",
    HISTORY_TABLES[0],
    "INSERT INTO history.events BY NAME FROM history.events_with_key",
    "DROP TABLE history.events_with_key",
    "COMMIT",
)
