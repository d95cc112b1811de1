"""Tests of views, reports and read-only SQL."""
