"""The state files of container runtimes, to records and back; knows no SQL.

A runtime is one package here: Kata Containers, runc, crun, youki. It has one value with the interface of
:class:`~persistdb.runtimes.runtime.Runtime`, which is listed in :mod:`.known`:

- it recognises its files by the keys in them;
- it reads them, and yields a :class:`~persistdb.runtimes.tree.SandboxTree` for each sandbox. That has the records, an
  :class:`~persistdb.records.Origin` for each container with what its record does not hold, and the faults;
- it writes them back. What was not changed since it was read has the same bytes as before.

:mod:`.trees` reads a path, whichever runtimes' files are there, and :mod:`.export` writes sandboxes back. Runtimes
share :mod:`.oci`, for runtimes that keep a folder for each container, and :mod:`.gojson`, the JSON of programs in Go.
:mod:`.folders` opens files without following symlinks, :mod:`.stable` reads what may be written at the same time,
:mod:`.places` finds folders, :mod:`.staging` puts trees in place as a whole, from a :mod:`.workfolder`, and
:mod:`.samples` is what ``persistdb demo`` imports.

docs/reference/runtimes.md says which files and fields are read, and how to add a runtime.
"""
