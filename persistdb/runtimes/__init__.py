"""The state files of container runtimes, to records and back; knows no SQL.

A runtime is one package here, in which three things are found by their name:

- ``detect``: recognise the runtime's files and their layout by the keys in them. Refuse files that look like the
  runtime's and hold no container state, with :class:`~persistdb.errors.UnsupportedLayout`.
- ``reader``: ``read_trees(paths)`` yields a :class:`~persistdb.runtimes.tree.SandboxTree` for each sandbox. It has the
  records, an :class:`~persistdb.records.Origin` for each container with what its record does not hold, and the faults.
  A damaged file is a fault of its sandbox; only a path that cannot be read at all raises.
- ``writer``: ``write_trees(sandboxes, folder)`` writes the files back. What was not changed since it was read has the
  same bytes as before; what the layout has no place for is named and, unless the caller allows the loss, refused.

:mod:`.kata` is the example. Beside it is what runtimes share: :mod:`.folders` opens files without following symlinks,
:mod:`.staging` puts trees in place as a whole, from a :mod:`.workfolder`, :mod:`.gojson` is the JSON of runtimes
written in Go, and :mod:`.samples` is what ``persistdb demo`` imports.

The tests of a runtime need real files of each layout under ``tests/data``: each must come back byte for byte.
"""
