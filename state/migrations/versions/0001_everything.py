"""Everything the state database begins with."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_runs()
    _create_accounts()
    _create_bots()
    _create_contacts()
    _create_claims_and_consent()
    _create_deeds()
    _create_settings()


def _create_runs() -> None:
    op.create_table(
        "syncs",
        sa.Column("sync", sa.String(), primary_key=True),
        sa.Column("last_sweep", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("history_generation", sa.String()),
        sa.Column("work_generation", sa.String()),
        sa.Column("last_run_id", sa.String()),
        sa.Column("last_run_at", sa.DateTime(timezone=True)),
        sa.Column("outcome", sa.String()),
        sa.Column("exit_code", sa.Integer()),
        sa.Column("said", sa.Text(), nullable=False, server_default=""),
        sa.Column("definition_hash", sa.String()),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("boot_id", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("process_started_at", sa.Float(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(), primary_key=True),
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("sweep", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("outcome", sa.String()),
        sa.Column("exit_code", sa.Integer()),
        sa.Column("counts", sa.JSON(none_as_null=True)),
        sa.Column("said", sa.Text(), nullable=False, server_default=""),
    )
    op.create_index("ix_runs_sync", "runs", ["sync", "sweep"])
    op.create_table(
        "cursors",
        sa.Column("sync", sa.String(), primary_key=True),
        sa.Column("stream", sa.String(), primary_key=True),
        sa.Column("value", sa.JSON(none_as_null=True)),
        sa.Column("generation", sa.String(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
    )


def _create_accounts() -> None:
    op.create_table(
        "connections",
        sa.Column("account", sa.String(), primary_key=True),
        sa.Column("vendor", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False, server_default=""),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True)),
        sa.Column("remote_company", sa.Text(), nullable=False, server_default=""),
        sa.Column("remote_user", sa.Text(), nullable=False, server_default=""),
        sa.Column("remote_email", sa.Text(), nullable=False, server_default=""),
        sa.Column("encrypted_grant", sa.LargeBinary()),
        sa.Column("clock_offset_seconds", sa.Float(), nullable=False, server_default="0"),
    )
    op.create_table(
        "pins",
        sa.Column("account", sa.String(), primary_key=True),
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("remote_id", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("pinned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "budgets",
        sa.Column("account", sa.String(), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("spent_tokens", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("spent_calls", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("allowance", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "budget_windows",
        sa.Column("account", sa.String(), primary_key=True),
        sa.Column("window_started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("blocked_until", sa.DateTime(timezone=True)),
        sa.Column("said", sa.Text(), nullable=False, server_default=""),
    )


def _create_bots() -> None:
    op.create_table(
        "bots",
        sa.Column("sync", sa.String(), primary_key=True),
        sa.Column("bot_id", sa.String(), primary_key=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, server_default=""),
        sa.Column("paused_by", sa.String()),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=False, server_default=""),
        sa.Column("confirmed_on", sa.Date()),
        sa.Column("activated_at", sa.DateTime(timezone=True)),
        sa.Column("counting_since", sa.Integer()),
        sa.Column("definition", sa.JSON(none_as_null=True)),
    )
    op.create_table(
        "bot_pauses",
        sa.Column("sync", sa.String(), primary_key=True),
        sa.Column("bot_id", sa.String(), primary_key=True),
        sa.Column("from_sweep", sa.Integer(), primary_key=True),
        sa.Column("until_sweep", sa.Integer()),
    )
    op.create_table(
        "rules",
        sa.Column("sync", sa.String(), primary_key=True),
        sa.Column("bot_id", sa.String(), primary_key=True),
        sa.Column("rule_id", sa.String(), primary_key=True),
        sa.Column("threshold", sa.Integer(), nullable=False),
        sa.Column("effective_since", sa.Integer(), nullable=False),
    )
    op.create_table(
        "guards",
        sa.Column("guard_id", sa.String(), primary_key=True),
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reasons", sa.JSON(none_as_null=True)),
        sa.Column("wanted_keys", sa.LargeBinary(), nullable=False),
        sa.Column("wanted_count", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("approved_by", sa.String()),
        sa.Column("approved_at", sa.DateTime(timezone=True)),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("spent_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_guards_sync", "guards", ["sync", "at"])


def _create_contacts() -> None:
    op.create_table(
        "contacts",
        sa.Column("contact_id", sa.String(), primary_key=True),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("speaker_id", sa.String()),
        sa.Column("sweep", sa.Integer(), nullable=False),
        sa.Column("merged_into", sa.String()),
        sa.Column("gone_at", sa.DateTime(timezone=True)),
        sa.Column("current_address", sa.String()),
    )
    op.create_index("ix_contacts_account", "contacts", ["account", "current_address"])
    op.create_table(
        "contact_addresses",
        sa.Column(
            "contact_id", sa.String(), sa.ForeignKey("contacts.contact_id"), primary_key=True
        ),
        sa.Column("address", sa.String(), primary_key=True),
        sa.Column("from_sweep", sa.Integer(), primary_key=True),
        sa.Column("until_sweep", sa.Integer()),
    )
    op.create_index("ix_contact_addresses_address", "contact_addresses", ["address"])
    op.create_table(
        "contact_lineage",
        sa.Column(
            "contact_id", sa.String(), sa.ForeignKey("contacts.contact_id"), primary_key=True
        ),
        sa.Column("ancestor_id", sa.String(), primary_key=True),
        sa.Column("up_to_sweep", sa.Integer(), nullable=False),
    )
    op.create_table(
        "links",
        sa.Column("account", sa.String(), primary_key=True),
        sa.Column("object", sa.String(), primary_key=True),
        sa.Column("remote_id", sa.String(), primary_key=True),
        sa.Column("contact_id", sa.String(), sa.ForeignKey("contacts.contact_id"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, server_default=""),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("since", sa.Integer(), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True)),
        sa.Column("last_seen_sweep", sa.Integer(), nullable=False, server_default="0"),
    )
    op.create_index("ix_links_contact", "links", ["contact_id"])


def _create_claims_and_consent() -> None:
    op.create_table(
        "row_claims",
        sa.Column("account", sa.String(), primary_key=True),
        sa.Column("object", sa.String(), primary_key=True),
        sa.Column("natural_key", sa.String(), primary_key=True),
        sa.Column("write_key", sa.String(), nullable=False),
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "consent",
        sa.Column("account", sa.String(), primary_key=True),
        sa.Column("address_hash", sa.String(), primary_key=True),
        sa.Column("contact_id", sa.String()),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False, server_default=""),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_consent_contact", "consent", ["contact_id"])


def _create_deeds() -> None:
    op.create_table(
        "deeds",
        sa.Column("write_key", sa.String(), primary_key=True),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("operation", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("bot_id", sa.Text(), nullable=False, server_default=""),
        sa.Column("rule_id", sa.Text(), nullable=False, server_default=""),
        sa.Column("cause", sa.JSON(none_as_null=True)),
        sa.Column("marker", sa.String(), nullable=False, unique=True),
        sa.Column("body", sa.JSON(none_as_null=True)),
        sa.Column("body_hash", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, server_default=""),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("run_id", sa.String()),
        sa.Column("fence", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("sending_at", sa.DateTime(timezone=True)),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("next_try_at", sa.DateTime(timezone=True)),
        sa.Column("said", sa.Text(), nullable=False, server_default=""),
        sa.Column("remote_id", sa.String()),
        sa.Column("is_adopted", sa.Boolean(), nullable=False),
        sa.Column("sweep", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("position", sa.Integer(), nullable=False, server_default="0"),
    )
    op.create_index("ix_deeds_subject", "deeds", ["account", "subject"])
    op.create_index("ix_deeds_sync", "deeds", ["sync", "state"])


def _create_settings() -> None:
    op.create_table(
        "settings",
        sa.Column("account", sa.String(), primary_key=True),
        sa.Column("object", sa.String(), primary_key=True),
        sa.Column("subject", sa.String(), primary_key=True),
        sa.Column("aspect", sa.String(), primary_key=True),
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("natural_key", sa.Text(), nullable=False, server_default=""),
        sa.Column("desired", sa.JSON(none_as_null=True)),
        sa.Column("desired_hash", sa.String(), nullable=False),
        sa.Column("acknowledged", sa.JSON(none_as_null=True)),
        sa.Column("acknowledged_hash", sa.String()),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged_generation", sa.BigInteger(), nullable=False),
        sa.Column("sending_hash", sa.String()),
        sa.Column("doubt_hash", sa.String()),
        sa.Column("doubt_at", sa.DateTime(timezone=True)),
        sa.Column("source_updated_at", sa.DateTime(timezone=True)),
        sa.Column("verb", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, server_default=""),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("run_id", sa.String()),
        sa.Column("fence", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("sending_at", sa.DateTime(timezone=True)),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("next_try_at", sa.DateTime(timezone=True)),
        sa.Column("said", sa.Text(), nullable=False, server_default=""),
        sa.Column("remote_id", sa.String()),
        sa.Column("is_adopted", sa.Boolean(), nullable=False),
        sa.Column("sweep", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("position", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("seen_different", sa.Boolean(), nullable=False),
        sa.Column("wanted_sweep", sa.Integer(), nullable=False, server_default="0"),
    )
    op.create_index("ix_settings_sync", "settings", ["sync", "state"])
