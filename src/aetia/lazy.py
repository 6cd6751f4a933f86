"""How is a package's name imported only when somebody asks for it?"""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

__all__ = ["names_from"]


def names_from(package: str, homes: Mapping[str, Sequence[str]]) -> Callable[[str], object]:
    """A package's `__getattr__`: a name is taken from its module when it is first used, and kept.

    Args:
        package: The package's `__name__`.
        homes: The names of each of its modules.
    """

    def get(name: str) -> object:
        for module, names in homes.items():
            if name in names:
                value: object = getattr(import_module(f"{package}.{module}"), name)
                setattr(sys.modules[package], name, value)
                return value
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get
