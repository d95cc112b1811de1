"""The relational store for what a container runtime must remember.

The public names are listed in ``__init__.pyi``, and each is imported when it is first used: a program that needs only
some of them, the command line's ``--help`` above all, does not load SQLAlchemy.
"""

__version__ = "0.1.0"

_HOMES: dict[str, str] = {}


def _homes() -> dict[str, str]:
    """Return the module of each public name."""
    if not _HOMES:
        with open(f"{__path__[0]}/__init__.pyi", encoding="utf-8") as stub:
            for line in stub:
                if line.startswith("from "):
                    _, module, _, name, _, _ = line.split()
                    _HOMES[name] = module
    return _HOMES


def __getattr__(name: str) -> object:
    if name == "__all__":
        return sorted(_homes().keys() - {"sqlite3"})  # import * must not replace Python's own
    if name not in _homes():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # --help does without it

    value = globals()[name] = getattr(import_module(_HOMES[name], __name__), name)
    return value


def __dir__() -> list[str]:
    return [*_homes(), "__version__"]
