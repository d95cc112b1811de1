"""The tables and views, the schema's revisions, and the programs that change, copy and check a database."""
