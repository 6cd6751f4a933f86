"""Could loading this model folder run somebody else's code?

The check reads names, the first bytes of files, JSON and the headers of safetensors, and nothing else; it runs before
transformers sees the folder. It is a list of what may be there, with refusals that name the file, and not a scanner
that tries to tell good pickles from bad ones: ten scanners were bypassed in 2025-26.
"""

import json
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from pathlib import Path

from aetia.errors import RefusedError
from aetia.text import clean_text

__all__ = ["check_folder", "check_safetensors"]

# Formats whose readers run code, or have: pickle in all its wrappings, Keras, NeMo and exported torch programs.
_CODE_CARRIERS = frozenset(
    ".bin .pt .pth .ckpt .pkl .pickle .pt2 .pte .nemo .keras .h5 .hdf5 .msgpack .joblib .dill .mar .npz"
    " .so .pyd .dll .dylib".split()
)
_PYTHON = frozenset([".py", ".pyc", ".pyo", ".pyw", ".pyx", ".ipynb", ".egg", ".whl"])
_MAGIC = {
    b"PK\x03\x04": "a zip archive, as torch and Keras write their pickles",
    b"\x89HDF\r\n\x1a\n": "HDF5",
    b"\x1f\x8b": "compressed with gzip",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"\x7fELF": "a program",
}
# JSON that holds only vocabulary: its keys are tokens, which may be any word, and nothing reads a class from it.
_VOCABULARY = frozenset(["tokenizer.json", "vocab.json", "added_tokens.json"])
_CODE_KEYS = frozenset(["auto_map", "trust_remote_code", "custom_pipelines", "custom_generate"])
_KERNEL_KEYS = frozenset(
    "attn_implementation _attn_implementation _attn_implementation_internal"
    " experts_implementation _experts_implementation _experts_implementation_internal".split()
)
_ELSEWHERE = frozenset(["adapter_config.json"])

_LARGEST_JSON = 64 * 2**20
_LARGEST_HEADER = 64 * 2**20
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
    "U16": 16, "I16": 16, "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64,
    "C64": 64,
}  # fmt: skip


def check_folder(folder: Path, *, also_within: Path | None = None) -> None:
    """Return only if nothing in `folder` can make transformers run code or read weights from elsewhere.

    Args:
        folder: A model folder; everything below it is looked at.
        also_within: A second directory that symbolic links may point into (the hub's cache keeps its files in one).

    Raises:
        RefusedError: AE-5101 a format that can carry code; AE-5102 Python files; AE-5103 JSON that asks for code;
            AE-5104 a tokenizer class that transformers does not have; AE-5105 a link out of the folder;
            AE-5106 a malformed safetensors file; AE-5107 unreadable JSON; AE-5108 weights named elsewhere.

    Source: CVE-2025-32434, CVE-2026-24747 and CVE-2026-4538 (torch's safe loader is no boundary); CVE-2026-5241 and
        CVE-2026-27893 (a configuration file switched remote code on).
    What it does not show: that the weights mean well. A model can be harmful with no code in its folder.
    """
    roots = [folder.resolve(), *([also_within.resolve()] if also_within else [])]
    for path in _entries(folder):
        _check_link(path, roots)
        if path.is_dir():
            continue
        _check_kind(path)
        suffix = path.suffix.lower()
        if suffix == ".safetensors":
            check_safetensors(path)
        elif suffix == ".json" and path.name not in _VOCABULARY:
            _check_json(path)


def check_safetensors(path: Path) -> None:
    """Return only if the header of the safetensors file at `path` describes exactly the bytes that follow it.

    Raises:
        RefusedError: AE-5106, with what is wrong: the header's length, its JSON, a name twice, a shape that does not
            match its bytes, tensors that overlap or leave a hole, or a file longer or shorter than it says.

    Source: the format's description in huggingface/safetensors, "Format".
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        if len(start) < 8:
            raise _malformed(path, f"the file has {size} bytes, fewer than the eight of the header's length")
        (length,) = struct.unpack("<Q", start)
        if length > min(_LARGEST_HEADER, size - 8):
            raise _malformed(path, f"the header claims {length} bytes of a file of {size}")
        raw = file.read(length)
    try:
        header = json.loads(raw.decode("utf-8"), object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as error:
        raise _malformed(path, f"the header cannot be read: {clean_text(str(error), 120)}") from error
    if not isinstance(header, dict):
        raise _malformed(path, "the header is not a JSON object")
    header.pop("__metadata__", None)
    spans = sorted(_span(path, name, entry) for name, entry in header.items())
    _check_spans(path, spans, size - 8 - length)


@dataclass(frozen=True, order=True)
class _Span:
    start: int
    stop: int
    name: str


def _entries(folder: Path) -> Iterable[Path]:
    # os.walk does not follow links to directories, so that a loop of links ends.
    for directory, folders, files in os.walk(folder):
        for name in sorted([*folders, *files]):
            yield Path(directory) / name


def _check_link(path: Path, roots: list[Path]) -> None:
    if not path.is_symlink():
        return
    target = path.resolve()
    if not any(target.is_relative_to(root) for root in roots):
        raise RefusedError(
            "AE-5105",
            f"{_shown(path)} is a link out of the model folder.",
            details=(f"it points to {_shown(target)}",),
            mend="replace the link by the file itself, if you trust it.",
        )


def _check_kind(path: Path) -> None:
    suffix = path.suffix.lower()
    if suffix in _PYTHON:
        raise RefusedError(
            "AE-5102",
            f"The model folder has program code: {_shown(path)}.",
            details=("transformers would run it if asked to, and a configuration file can ask",),
            mend="delete the file or pass a copy of the folder without it; the architecture must be in transformers.",
        )
    what = f"{suffix} files" if suffix in _CODE_CARRIERS else _sniff(path)
    if what:
        raise RefusedError(
            "AE-5101",
            f"{_shown(path)} can run code when it is opened: {what} may carry pickled objects or programs.",
            details=("expected: weights as .safetensors, the rest as JSON and text",),
            mend="if safetensors lie beside it, delete the file or pass a copy of the folder without it; "
            "otherwise ask the model's authors for safetensors.",
        )


def _sniff(path: Path) -> str:
    """What the first bytes say the file is, if that is a format which can carry code; else nothing."""
    if path.suffix.lower() in {".json", ".safetensors"}:
        return ""
    with path.open("rb") as file:
        first = file.read(4096)
    for magic, what in _MAGIC.items():
        if first.startswith(magic):
            return what
    if first.startswith(b"\x93NUMPY") and (b"'O'" in first or b"|O" in first):
        return "a NumPy array of objects, that is, a pickle"
    # Protocols 2 to 5 open with PROTO; tar archives carry their mark at byte 257.
    if len(first) > 1 and first[0] == 0x80 and 2 <= first[1] <= 5:
        return "a pickle"
    return "a tar archive" if first[257:262] == b"ustar" else ""


def _check_json(path: Path) -> None:
    if path.name in _ELSEWHERE:
        raise RefusedError(
            "AE-5108",
            f"{_shown(path)} makes transformers load the weights of another model, which nobody has looked at.",
            mend="merge the adapter into its base model and pass the merged folder.",
        )
    if path.stat().st_size > _LARGEST_JSON:
        raise _unreadable(path, f"it has more than {_LARGEST_JSON // 2**20} MB")

    def look(pairs: list[tuple[str, object]]) -> dict[str, object]:
        # Here, and not on the finished object, every key is seen, a duplicated one too, at any depth.
        for key, value in pairs:
            _check_entry(path, key, value)
        return dict(pairs)

    try:
        content = json.loads(path.read_bytes().decode("utf-8-sig"), object_pairs_hook=look)
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, clean_text(str(error), 120)) from error
    if path.name.endswith(".index.json"):
        _check_index(path, content)


def _check_entry(path: Path, key: str, value: object) -> None:
    if key in _CODE_KEYS and value not in (None, False, {}, [], ""):
        raise RefusedError(
            "AE-5103",
            f"{_shown(path)} asks for code from outside transformers ({key}).",
            details=(f"{key} = {clean_text(str(value), 100)}",),
            mend=f"use a model whose architecture transformers has, or delete the entry {key} if it is not needed.",
        )
    if key in _KERNEL_KEYS and any("/" in str(name) for name in _leaves(value)):
        raise RefusedError(
            "AE-5103",
            f"{_shown(path)} asks for a compiled kernel from the hub ({key}).",
            details=(f"{key} = {clean_text(str(value), 100)}",),
            mend=f"delete the entry {key}.",
        )
    if key == "tokenizer_class" and value is not None and not _has_tokenizer(value):
        raise RefusedError(
            "AE-5104",
            f"{_shown(path)} names a tokenizer that transformers does not have: {clean_text(str(value), 80)}.",
            mend="use a tokenizer of transformers (with a tokenizer.json, PreTrainedTokenizerFast reads it).",
        )


def _has_tokenizer(name: object) -> bool:
    if not isinstance(name, str) or not name.isidentifier():
        return False
    import transformers

    known = set(dir(transformers))
    # Old folders say ...Fast where the class has since lost the ending, and the other way round.
    return any("Token" in form and form in known for form in (name, name.removesuffix("Fast"), f"{name}Fast"))


def _check_index(path: Path, content: object) -> None:
    shards = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(shards, dict):
        raise _unreadable(path, "it has no weight_map")
    for name in sorted({str(value) for value in shards.values()}):
        if not name.endswith(".safetensors") or Path(name).name != name or "\\" in name:
            raise RefusedError(
                "AE-5108",
                f"{_shown(path)} names weights that are no safetensors file of this folder: {clean_text(name, 80)}.",
                mend="fetch the model again from where it was published.",
            )


def _leaves(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a name stands twice")
    return content


def _span(path: Path, name: str, entry: object) -> _Span:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise _malformed(path, f"{clean_text(name, 80)} is not described by dtype, shape and data_offsets")
    bits, shape, offsets = _BITS.get(str(entry["dtype"])), entry["shape"], entry["data_offsets"]
    if bits is None:
        raise _malformed(path, f"{clean_text(name, 80)} has the unknown dtype {clean_text(str(entry['dtype']), 40)}")
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise _malformed(path, f"{clean_text(name, 80)} has an impossible shape or offsets")
    if prod(shape) * bits != 8 * (offsets[1] - offsets[0]):
        raise _malformed(path, f"{clean_text(name, 80)} has other bytes than its shape and dtype need")
    return _Span(offsets[0], offsets[1], clean_text(name, 80))


def _are_sizes(values: object) -> bool:
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)


def _check_spans(path: Path, spans: list[_Span], bytes_of_data: int) -> None:
    ends = _Span(0, 0, "the header"), _Span(bytes_of_data, bytes_of_data, "the end of the file")
    for before, after in pairwise([ends[0], *spans, ends[1]]):
        if after.start < before.stop:
            raise _malformed(path, f"{after.name} begins inside {before.name}")
        if after.start > before.stop:
            raise _malformed(path, f"{after.start - before.stop} bytes lie unnamed before {after.name}")


def _malformed(path: Path, what: str) -> RefusedError:
    return RefusedError(
        "AE-5106",
        f"{_shown(path)} is not a well-formed safetensors file: {what}.",
        mend="fetch the file again; if it stays so, do not use it.",
    )


def _unreadable(path: Path, what: str) -> RefusedError:
    return RefusedError(
        "AE-5107",
        f"{_shown(path)} is not JSON that can be checked: {what}.",
        mend="fetch the file again, or repair it.",
    )


def _shown(path: Path) -> str:
    return clean_text(str(path), 300)
