"""Follow a live node: what changes in the folders of its runtimes is imported at once, with its history.

- :mod:`.watcher` is the main thread: it waits for what happens, and lets the follower read;
- :mod:`.follower` finds the folders (:mod:`.places`), watches them (:mod:`.notifier`, :mod:`.processes`), waits until
  a sandbox is quiet (:mod:`.debounce`), and reads it with all its containers (:mod:`.known`);
- :mod:`.storing` is the other thread: it gives the one importer what was read, in that order, lets it pass over all
  folders, and waits for a database that is away;
- :mod:`.claim` keeps a second watcher of the host out, and :mod:`.status` says how it goes.
"""

from .status import WatchStatus
from .watcher import Supervisor, Watcher, WatchOptions

__all__ = ["Supervisor", "WatchOptions", "WatchStatus", "Watcher"]
