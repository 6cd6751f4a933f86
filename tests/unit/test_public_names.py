"""What a package exports stays what it is, whichever of its modules is imported afterwards."""

import importlib
import pkgutil

import pytest

import aetia

PACKAGES = ["aetia", *(found.name for found in pkgutil.walk_packages(aetia.__path__, "aetia.") if found.ispkg)]


@pytest.mark.parametrize("name", PACKAGES)
def test_no_module_takes_the_place_of_an_exported_name(name):
    package = importlib.import_module(name)
    modules = {found.name for found in pkgutil.iter_modules(package.__path__)}
    for shared in modules & set(getattr(package, "__all__", ())):
        exported = getattr(package, shared)
        importlib.import_module(f"{name}.{shared}")
        assert getattr(package, shared) is exported
