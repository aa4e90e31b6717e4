"""When the value that a vendor acknowledged last was sent: until it shows, reads may be older."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "settings", sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True)
    )
