"""Tests of Kata's files: reading, writing, refusing."""
