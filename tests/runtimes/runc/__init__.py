"""Tests of the files of runc, by hand and real."""
