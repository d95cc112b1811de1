"""Attacks at random on the store, against all engines, for as long as wanted: ``make torture TORTURE_S=3600``."""
