"""Runs the migrations on the connection, and in the transaction, that `care_robot.care.store` has opened."""

from alembic import context

from care_robot.care.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
