"""Alembic runs this for every upgrade. `manualdial.storage.schema` hands in the connection, in its transaction."""

from alembic import context

from manualdial.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)

with context.begin_transaction():
    context.run_migrations()
