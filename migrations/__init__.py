"""The history of the schema, for Alembic; an installed persistdb has it as ``persistdb.migrations``."""
