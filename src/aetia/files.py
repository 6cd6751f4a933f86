"""How does a file get on the disk whole, or not at all?"""

import errno
import os
import uuid
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from aetia.errors import RunError

__all__ = ["TEMPORARY", "read_table", "write_atomic", "write_table", "writing"]

TEMPORARY = ".*.tmp"
"""The pattern of the names that unfinished files have; only a killed process leaves one."""


def write_atomic(path: Path, content: bytes) -> None:
    """Put `content` at `path` so that a reader, or a kill at any moment, sees the old file or the new one.

    The content goes to a temporary file beside `path`, is synced, and renamed over it; then the directory is synced,
    so that the new name outlives a power cut.

    Raises:
        RunError: AE-6011 the disk is full; AE-6012 the place cannot be written. `path` is then as it was.

    Source: Pillai et al., All File Systems Are Not Created Equal, OSDI 2014 (why each of the four steps).
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    with writing(path):
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            try:
                _write_all(descriptor, content)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        _sync_directory(path.parent)


def write_table(path: Path, table: pa.Table) -> None:
    """Write `table` as Parquet, atomically; equal tables give equal bytes, and each page carries its checksum."""
    sink = pa.BufferOutputStream()
    pq.write_table(table.combine_chunks(), sink, compression="zstd", write_page_checksum=True)
    write_atomic(path, sink.getvalue().to_pybytes())


def read_table(path: Path) -> pa.Table | None:
    """Return the table at `path`, every page checked; None if the file is absent, cut short or altered."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            return file.read(use_threads=False)
    except (OSError, pa.ArrowException):
        return None


@contextmanager
def writing(path: Path) -> Generator[None]:
    """Turn what the operating system says about writing `path` into one clear error."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            mend = "free some space, then `aetia runs resume` on the run directory; what was written before is kept"
            raise RunError("AE-6011", f"The disk is full: {path} could not be written.", mend=mend) from error
        reason = error.strerror or str(error)
        mend = "choose a place that you may write to"
        raise RunError("AE-6012", f"{path} could not be written: {reason}.", mend=mend) from error


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
