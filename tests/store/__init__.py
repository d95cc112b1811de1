"""Tests of the store: the repository and all below it, on SQLite, PostgreSQL and MariaDB."""
