"""Kata's files: trees of them to records, and records back to the same bytes. Knows no SQL."""
