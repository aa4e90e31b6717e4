"""What must exist once in an account whoever wants it, and horizons that were learned."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deeds", sa.Column("natural_key", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "horizons",
        sa.Column("account", sa.String(), primary_key=True),
        sa.Column("path", sa.String(), primary_key=True),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("learned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said", sa.Text(), nullable=False, server_default=""),
    )
