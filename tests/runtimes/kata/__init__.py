"""Kata's files: what is read, what is written, what is refused."""
