"""What a vendor's answer said it holds after a write: an echo of ours is told by it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("settings", sa.Column("held", sa.JSON(), nullable=True))
