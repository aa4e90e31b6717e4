"""Alembic's way in: migrate over the connection it was handed, in that transaction."""

from alembic import context

from state.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
