"""The files that container runtimes keep, to records and back; knows no SQL."""
