"""The history of the schema, for Alembic; in an installed persistdb it is ``persistdb.migrations``."""
