"""Tests of what runtimes with a folder for each container share."""
