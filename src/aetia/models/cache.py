"""Is this model folder in the cache whole, and how does one get there without ever being half-made?

A folder is built beside its final place, its manifest (with the hash of every file) is written last, everything is
synced, and the folder is renamed. A process that is killed leaves a `.partial-` folder, which nobody trusts and the
next one removes. A lock that the system releases with its process makes two builders take turns.
"""

import hashlib
import json
import os
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

__all__ = ["MANIFEST", "add_folder", "cache_directory", "file_hash", "file_hashes", "read_manifest"]

MANIFEST = "manifest.json"
_FORMAT = 1
_CHUNK = 2**20


def cache_directory() -> Path:
    """Return the folder that aetia keeps models in: `AETIA_CACHE`, else the platform's cache folder for aetia."""
    if chosen := os.environ.get("AETIA_CACHE"):
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "aetia"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "aetia" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aetia"


def file_hash(path: Path, report: Callable[[int], None] | None = None) -> str:
    """Return the SHA-256 of a file, in hexadecimal; `report` is told the number of bytes read so far."""
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            if report:
                report(done)
    return digest.hexdigest()


def file_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file directly in `folder`, by name, the manifest left out."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != MANIFEST)
    return {name: file_hash(folder / name) for name in names}


def read_manifest(folder: Path) -> dict[str, str] | None:
    """Return the hashes of the files of a finished folder, each compared with the file itself; None if one differs."""
    try:
        content = json.loads((folder / MANIFEST).read_bytes())
        wanted = {str(name): str(value) for name, value in content["files"].items()}
        whole = content["format"] == _FORMAT and bool(wanted) and file_hashes(folder) == wanted
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return wanted if whole else None


def add_folder(final: Path, build: Callable[[Path], Mapping[str, object]]) -> dict[str, str]:
    """Make the cache's folder `final` by `build`, unless it is there and whole, and return its files' hashes.

    Args:
        final: Where the folder will stand.
        build: Called with a workspace; fills `workspace / "model"` and returns what the manifest shall say of it.
            Nothing else of the workspace is kept.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    with _turn(final):
        whole = read_manifest(final)
        if whole is not None:
            return whole
        for leftover in final.parent.glob(f".partial-{final.name}-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        workspace = final.parent / f".partial-{final.name}-{uuid.uuid4().hex}"
        (workspace / "model").mkdir(parents=True)
        try:
            facts = build(workspace)
            hashes = _seal(workspace / "model", facts)
            if final.exists():
                final.rename(workspace / "damaged")
            (workspace / "model").rename(final)
            _sync(final.parent)
        finally:
            shutil.rmtree(workspace, ignore_errors=True)
        return hashes


@contextmanager
def _turn(final: Path) -> Iterator[None]:
    # Imported here: filelock comes with the extra `models`, and whoever converts has it.
    from filelock import FileLock

    with FileLock(final.parent / f".{final.name}.lock"):
        yield


def _seal(folder: Path, facts: Mapping[str, object]) -> dict[str, str]:
    for path in folder.iterdir():
        _sync(path)
    hashes = file_hashes(folder)
    manifest = {"format": _FORMAT, **facts, "files": hashes}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    _sync(folder / MANIFEST)
    _sync(folder)
    return hashes


def _sync(path: Path) -> None:
    if path.is_dir() and sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
