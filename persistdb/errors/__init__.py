"""Exceptions: each says what went wrong, where, and what to do next, and has its data as fields."""

from typing import TYPE_CHECKING

from .base import PersistDBError as PersistDBError
from .base import command as command
from .database import AccessDenied as AccessDenied
from .database import BackupRefused as BackupRefused
from .database import BadURL as BadURL
from .database import Busy as Busy
from .database import CommitUnknown as CommitUnknown
from .database import Corrupt as Corrupt
from .database import DatabaseError as DatabaseError
from .database import OtherLibrary as OtherLibrary
from .database import QueryTimeout as QueryTimeout
from .database import ReadOnly as ReadOnly
from .database import SessionOpen as SessionOpen
from .database import SessionReadOnly as SessionReadOnly
from .database import StorageFull as StorageFull
from .database import TLSError as TLSError
from .database import TooManyRights as TooManyRights
from .database import Unavailable as Unavailable
from .files import DamagedFile as DamagedFile
from .files import FileError as FileError
from .files import InotifyLimit as InotifyLimit
from .files import LayoutLoss as LayoutLoss
from .files import UnsupportedLayout as UnsupportedLayout
from .history import BeforeHorizon as BeforeHorizon
from .history import EventsPruned as EventsPruned
from .history import FeedUnavailable as FeedUnavailable
from .history import HistoryOff as HistoryOff
from .locks import AlreadyWatched as AlreadyWatched
from .locks import LockLost as LockLost
from .locks import LockNotHeld as LockNotHeld
from .locks import LockTimeout as LockTimeout
from .modules import DriverMissing as DriverMissing
from .modules import ModuleMissing as ModuleMissing
from .requests import NO_ROOTFS as NO_ROOTFS
from .requests import NO_ZONE as NO_ZONE
from .requests import AlreadyExists as AlreadyExists
from .requests import Ambiguous as Ambiguous
from .requests import Conflict as Conflict
from .requests import HostInUse as HostInUse
from .requests import InvalidTransition as InvalidTransition
from .requests import InvalidValue as InvalidValue
from .requests import NotFound as NotFound
from .requests import StateMismatch as StateMismatch
from .requests import Unreadable as Unreadable
from .schema import DatabaseMissing as DatabaseMissing
from .schema import NamesTaken as NamesTaken
from .schema import ReplicaSchemaError as ReplicaSchemaError
from .schema import SchemaError as SchemaError
from .schema import SchemaMissing as SchemaMissing
from .schema import SchemaOutdated as SchemaOutdated
from .schema import SchemaTooNew as SchemaTooNew
from .schema import WouldReplace as WouldReplace

if TYPE_CHECKING:
    from .changes import ChangeBlocked as ChangeBlocked
    from .changes import Finding as Finding
    from .changes import Loss as Loss
    from .changes import WouldLose as WouldLose
else:

    def __getattr__(name: str) -> object:
        """Import the errors of changes of the schema when one is first used: they alone take dataclasses."""
        if name not in _OF_CHANGES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from . import changes

        value = globals()[name] = getattr(changes, name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *_OF_CHANGES})

    _OF_CHANGES = ("ChangeBlocked", "Finding", "Loss", "WouldLose")
