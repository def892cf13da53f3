"""Run Alembic on the store's connection."""

from alembic import context

from conversions.ledger.schema.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
context.run_migrations()
