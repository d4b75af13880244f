"""Alembic runs this for every upgrade. `manualdial.storage.schema` hands in the connection, in its transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])

with context.begin_transaction():
    context.run_migrations()
