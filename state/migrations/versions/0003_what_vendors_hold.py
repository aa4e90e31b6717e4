"""What a vendor's answer said it holds after a write; what happened once, and was dealt with."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("settings", sa.Column("held", sa.JSON(), nullable=True))
    op.create_table(
        "facts",
        sa.Column("sync", sa.String(), primary_key=True),
        sa.Column("bot_id", sa.String(), primary_key=True),
        sa.Column("fact_key", sa.String(), primary_key=True),
        sa.Column("person_id", sa.Text(), nullable=False, server_default=""),
        sa.Column("member_id", sa.Text(), nullable=False, server_default=""),
        sa.Column("happened_at", sa.DateTime(timezone=True)),
        sa.Column("sweep", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("settled_sweep", sa.Integer()),
        sa.Column("said", sa.Text(), nullable=False, server_default=""),
    )
