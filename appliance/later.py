"""Modules that other people's code imports and hardly ever uses: loaded when they are used."""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any, Final

from typing_extensions import override

MULTICAST_DNS: Final = ("dns.message", "dns.name", "dns.rdata", "dns.rdataset", "dns.zone")
"""aioice 0.13 asks for candidates in .local with them, and `call.peer` leaves those out. 2 MB."""


class _Later(ModuleType):
    """Stands in the place of a module until it is asked for something of it."""

    @override
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked of any module, by whoever looks through all there are
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def load_later(*names: str) -> None:
    """Put off loading these modules of packages until they are used; loaded ones stay as they are.

    Before whoever imports them is imported. importlib's LazyLoader does not do it: an `import` of
    what it puts off loads it (Python 3.11 to 3.13.0).
    """
    for name in names:
        if name not in sys.modules:
            package, _, child = name.rpartition(".")
            later = _Later(name)
            setattr(import_module(package), child, later)
            sys.modules[name] = later
