"""Who is working on this run directory?"""

import errno
import fcntl
import json
import os
import platform
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from aetia.errors import RunError
from aetia.files import writing

__all__ = ["LOCK", "Holder", "holder", "locked"]

LOCK = "run.lock"
_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@dataclass(frozen=True)
class Holder:
    """The process that works on a run; `started` tells it from a later process with the same number."""

    pid: int
    started: str
    host: str


@contextmanager
def locked(directory: Path) -> Generator[None]:
    """Hold the run directory, made if need be, for this process alone.

    The kernel's lock decides, and a process that dies, however it dies, lets go of it; the file's content only tells
    others who holds it. A directory that is still empty at the end is removed.

    Raises:
        RunError: AE-6001 another process holds it; AE-6012 it cannot be made.
    """
    path = directory / LOCK
    with writing(directory):
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = _acquire(path)
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(descriptor)
        with suppress(OSError):
            directory.rmdir()


def holder(directory: Path) -> Holder | None:
    """Return the live process that works on the run directory, if any; one on another machine is taken to live."""
    try:
        found = Holder(**json.loads((directory / LOCK).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    is_elsewhere = found.host != platform.node()
    return found if is_elsewhere or _start_time(found.pid) == found.started else None


def _acquire(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        with ExitStack() as undo:
            undo.callback(os.close, descriptor)
            if not _is_ours(descriptor, path.parent):
                raise _in_use(path.parent)
            # Its former holder may have removed the file between our opening and our locking it: then hold the new one.
            if _is_at(descriptor, path):
                me = Holder(os.getpid(), _start_time(os.getpid()) or "", platform.node())
                os.ftruncate(descriptor, 0)
                os.write(descriptor, json.dumps(asdict(me)).encode())
                undo.pop_all()
                return descriptor


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _is_ours(descriptor: int, directory: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        return holder(directory) is None  # a file system without locks: the record has to do
    return True


def _in_use(directory: Path) -> RunError:
    found = holder(directory)
    who = f"process {found.pid} on {found.host}" if found else "another process"
    mend = "wait until it ends, or end it and then `aetia runs resume`"
    return RunError("AE-6001", f"{directory} is in use by {who}.", mend=mend)


def _start_time(pid: int) -> str | None:
    """Return when the process started, "" where the system does not say; None if there is no such process."""
    if Path("/proc/self/stat").exists():
        try:
            # Field 22; the second field is the name, in parentheses, and may hold anything.
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        except (OSError, IndexError):
            return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:  # it is there, and another user's
        return ""
    return ""
