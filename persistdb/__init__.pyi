# The public names, each in one line with the module that has it. Type checkers and documentation read this file, and
# __init__.py finds in it what to import when a name is first used: a line must not break.

from .engines import Timeouts as Timeouts
from .engines.sqlite.library import sqlite3 as sqlite3
from .errors import AccessDenied as AccessDenied
from .errors import AlreadyExists as AlreadyExists
from .errors import Ambiguous as Ambiguous
from .errors import BadURL as BadURL
from .errors import Busy as Busy
from .errors import ChangeBlocked as ChangeBlocked
from .errors import CommitUnknown as CommitUnknown
from .errors import Conflict as Conflict
from .errors import Corrupt as Corrupt
from .errors import DamagedFile as DamagedFile
from .errors import DatabaseError as DatabaseError
from .errors import DriverMissing as DriverMissing
from .errors import FileError as FileError
from .errors import InvalidTransition as InvalidTransition
from .errors import InvalidValue as InvalidValue
from .errors import LayoutLoss as LayoutLoss
from .errors import LockNotHeld as LockNotHeld
from .errors import LockTimeout as LockTimeout
from .errors import NotFound as NotFound
from .errors import OtherLibrary as OtherLibrary
from .errors import PersistDBError as PersistDBError
from .errors import QueryTimeout as QueryTimeout
from .errors import ReadOnly as ReadOnly
from .errors import SchemaError as SchemaError
from .errors import SchemaMissing as SchemaMissing
from .errors import SchemaOutdated as SchemaOutdated
from .errors import SchemaTooNew as SchemaTooNew
from .errors import StateMismatch as StateMismatch
from .errors import StorageFull as StorageFull
from .errors import Unavailable as Unavailable
from .errors import Unreadable as Unreadable
from .errors import UnsupportedLayout as UnsupportedLayout
from .errors import WouldLose as WouldLose
from .errors import WouldReplace as WouldReplace
from .filters import Filter as Filter
from .filters import parse as parse
from .records import STATES as STATES
from .records import TRANSITIONS as TRANSITIONS
from .records import Container as Container
from .records import ContainerState as ContainerState
from .records import ContainerSummary as ContainerSummary
from .records import DeviceMap as DeviceMap
from .records import Mount as Mount
from .records import Origin as Origin
from .records import Process as Process
from .records import Sandbox as Sandbox
from .records import SandboxState as SandboxState
from .records import SandboxWrite as SandboxWrite
from .store.locks import Lock as Lock
from .store.repository import ContainerRepository as ContainerRepository
from .store.session import Database as Database

__version__: str
