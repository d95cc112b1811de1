"""The runtimes that persistdb knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..errors import InvalidValue
from .crun import CRUN
from .kata import KATA
from .runc import RUNC
from .youki import YOUKI

if TYPE_CHECKING:
    from ..records import Sandbox
    from .runtime import Runtime

RUNTIMES: Final[tuple[Runtime, ...]] = (KATA, RUNC, CRUN, YOUKI)
"""All of them; the first one takes what none recognises, and names it."""

NAMES: Final = tuple(runtime.name for runtime in RUNTIMES)
PLACES: Final = tuple(
    sorted((place for runtime in RUNTIMES for place in runtime.places), key=lambda place: place.startswith("run/user/"))
)
"""The usual places of all of them; users' own come last, so that none of them takes the ID of one of the system's."""


def runtime_named(name: str) -> Runtime:
    """Return a runtime by its name; raises :class:`~persistdb.errors.InvalidValue` for another name."""
    for runtime in RUNTIMES:
        if runtime.name == name:
            return runtime
    raise InvalidValue("runtime", name, f"must be one of {', '.join(NAMES)}")


def runtime_of(sandbox: Sandbox) -> Runtime:
    """Return the runtime whose files a sandbox came from; a sandbox that never was in files is taken for Kata's."""
    layouts = {sandbox.record.layout, *(container.origin.layout for container in sandbox.containers.values())}
    return next((runtime for runtime in RUNTIMES[1:] if not runtime.layouts.isdisjoint(layouts)), RUNTIMES[0])
