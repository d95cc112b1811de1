"""Tests of the files of crun, by hand and real."""
