"""Is a name imported only when it is asked for, once, and is a missing one told of like any module's?"""

import sys
from types import ModuleType

import pytest

from aetia.lazy import names_from


def test_a_name_is_taken_from_its_module_once(monkeypatch):
    package, inner = ModuleType("lazypackage"), ModuleType("lazypackage.home")
    inner.value = 5
    get = names_from("lazypackage", {"home": ("value",), "absent": ("other",)})
    monkeypatch.setitem(sys.modules, "lazypackage", package)
    monkeypatch.setitem(sys.modules, "lazypackage.home", inner)
    assert get("value") == 5
    assert vars(package)["value"] == 5
    with pytest.raises(AttributeError, match=r"^module 'lazypackage' has no attribute 'nothing'$"):
        get("nothing")
    with pytest.raises(ModuleNotFoundError):
        get("other")
