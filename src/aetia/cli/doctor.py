"""Does this machine have what aetia needs, and if not, what mends it?"""

import os
import platform
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, version
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

from packaging.requirements import Requirement

from aetia.models.cache import cache_directory
from aetia.models.resolve import known_models
from aetia.models.wheels import free_bytes
from aetia.runs.cores import usable_cores

__all__ = ["Check", "checks"]

_OLDEST_PYTHON = (3, 11)
_NEEDED_BYTES = 10**9
_HUB = ("huggingface.co", 443)
_HUB_SECONDS = 1.5
# glibc gives large blocks back to the kernel at every free and has them zeroed again; kept, a forward pass is faster.
_ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": "4000000000",
    "MALLOC_TRIM_THRESHOLD_": "20000000000",
    "OMP_WAIT_POLICY": "PASSIVE",
}


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Args:
        name: What was looked at.
        ok: Whether it is as it should be; None for what is only worth knowing.
        found: What is there.
        mend: The command or the change that mends it, or that makes it better; empty if nothing is to do.
    """

    name: str
    ok: bool | None
    found: str
    mend: str = ""


def checks() -> list[Check]:
    """Look at Python, the packages, torch, the cache, the models, the allocator and the hub; in less than 3 s.

    torch is imported here, if it is installed, to ask for its threads and its GPU.
    """
    hub = _asking_hub()
    return [
        _python(),
        *_packages(),
        *_torch(),
        _cache(),
        *_models(),
        _allocator(os.environ),
        _hub(hub),
    ]


def _python() -> Check:
    found = f"{platform.python_version()} at {sys.executable}"
    is_new = sys.version_info >= _OLDEST_PYTHON
    return Check("python", is_new, found, "" if is_new else "install Python 3.11 or newer")


def _packages() -> list[Check]:
    """One line for all packages that are as asked, and one for each that is not."""
    try:
        required = [Requirement(text) for text in distribution("aetia").requires or ()]
    except PackageNotFoundError:
        return [
            Check("packages", None, "aetia is not installed, it runs from its sources", "python -m pip install -e .")
        ]
    here = {"core": {"extra": ""}, "models": {"extra": "models"}}
    wanted: dict[str, Requirement] = {}
    for requirement in required:
        if requirement.marker is None or any(requirement.marker.evaluate(extra) for extra in here.values()):
            wanted[requirement.name] = requirement
    found = {name: _version(name) for name in wanted}
    wrong = [name for name, has in found.items() if has is None or not _suits(wanted[name], has)]
    fine = ", ".join(f"{name} {has}" for name, has in sorted(found.items()) if name not in wrong)
    bad = [
        Check(name, ok=False, found=found[name] or "not installed", mend=f"python -m pip install '{wanted[name]}'")
        for name in wrong
    ]
    return [Check("packages", ok=True, found=fine), *bad]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _suits(requirement: Requirement, found: str) -> bool:
    return requirement.specifier.contains(found, prereleases=True)


def _torch() -> list[Check]:
    if find_spec("torch") is None:
        # The line of the packages has said so.
        return []
    import torch

    threads, cores = torch.get_num_threads(), usable_cores()
    few = f"unset OMP_NUM_THREADS, or set it to {cores}" if threads < cores else ""
    many = f"OMP_NUM_THREADS={cores}: more threads than cores wait for each other" if threads > cores else ""
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        gpu = f"{torch.cuda.get_device_name()}, {free / 2**30:.0f} of {total / 2**30:.0f} GiB free"
    else:
        gpu = "none; models run on the CPU"
    return [
        Check("threads", True if threads == cores else None, f"torch uses {threads} of {cores} cores", few or many),
        Check("gpu", None, gpu),
    ]


def _cache() -> Check:
    folder = cache_directory()
    there = _nearest(folder)
    free = free_bytes(folder)
    found = f"{folder}, {free / 10**9:.1f} GB free"
    if not there.is_dir() or not os.access(there, os.W_OK):
        return Check(
            "cache", ok=False, found=f"{folder} cannot be written", mend="set AETIA_CACHE to a folder of yours"
        )
    if free < _NEEDED_BYTES:
        return Check("cache", ok=False, found=found, mend="free 1 GB, or set AETIA_CACHE to a folder on another disk")
    return Check("cache", ok=True, found=found)


def _nearest(path: Path) -> Path:
    """The path itself, or the closest folder above it that exists."""
    while not path.exists():
        path = path.parent
    return path


def _models() -> list[Check]:
    return [
        Check(
            f"model {row.model.name}",
            True if row.is_cached else None,
            f"in the cache, {row.disk_bytes / 10**6:.0f} MB" if row.is_cached else "not fetched yet",
            "" if row.is_cached else f"aetia models pull {row.model.name}",
        )
        for row in known_models()
    ]


def _allocator(environment: Mapping[str, str]) -> Check:
    missing = [f"{name}={value}" for name, value in _ALLOCATOR.items() if name not in environment]
    if not missing:
        return Check("allocator", ok=True, found="large blocks of memory are kept")
    if platform.libc_ver()[0] != "glibc":
        return Check("allocator", None, "not glibc; its settings do not apply")
    return Check(
        "allocator", None, "large blocks of memory go back to the system each time", f"export {' '.join(missing)}"
    )


def _asking_hub() -> Callable[[], bool | None]:
    """Start to connect to the hub; the returned function gives the answer, None if there was none in time."""
    answers: list[bool] = []

    def ask() -> None:
        try:
            # Names are looked up here too, which no timeout of a socket covers: hence a thread of its own.
            socket.create_connection(_HUB, timeout=_HUB_SECONDS).close()
            answers.append(True)
        except OSError:
            answers.append(False)

    thread = Thread(target=ask, daemon=True)
    thread.start()
    deadline = time.monotonic() + _HUB_SECONDS

    def answer() -> bool | None:
        thread.join(max(0.0, deadline - time.monotonic()))
        return answers[0] if answers else None

    return answer


def _hub(answer: Callable[[], bool | None]) -> Check:
    if answer():
        return Check("hub", ok=True, found=f"{_HUB[0]} can be reached")
    mend = "nothing to do for the models of `aetia models`; pass a folder for others"
    return Check("hub", None, f"{_HUB[0]} cannot be reached", mend)
