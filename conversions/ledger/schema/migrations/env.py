"""Alembic runs on the connection that the store hands over."""

from alembic import context

from conversions.ledger.schema.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
context.run_migrations()
