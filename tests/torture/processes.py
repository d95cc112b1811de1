"""What the processes of an attack share: none outlives the run that started it, whatever ends that."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import NoReturn

_PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """Let the kernel kill this process when its parent ends; a fork must call it again."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the run ended before this process began")


def lost(text: str) -> NoReturn:
    """Tell of what must not be, and end."""
    print(f"LOST {text}", flush=True)
    sys.exit(0)
