"""Tests of the files of youki, by hand and real."""
