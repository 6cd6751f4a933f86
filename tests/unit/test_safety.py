"""Is every kind of folder that could run code refused, before anything in it has run?

Each attack is a working one: loaded by the library it is meant for it would write the marker file.
"""

import gzip
import io
import json
import os
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetia.errors import RefusedError
from aetia.models.resolve import locate
from aetia.models.safety import check_folder, check_safetensors

CONFIG = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 8}


class Bomb:
    """Unpickling it runs a command."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.marker}",)


def write_safetensors(path: Path, header: object | bytes, data: bytes) -> None:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + data)


def tensor(start: int, stop: int, dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": [(stop - start) // 4], "data_offsets": [start, stop]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "model"
    place.mkdir()
    (place / "config.json").write_text(json.dumps(CONFIG))
    (place / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}))
    write_safetensors(place / "model.safetensors", {"a": tensor(0, 8), "b": tensor(8, 12)}, bytes(12))
    return place


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "marker"


def refusal(folder: Path) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        locate(folder)
    assert caught.value.exit_code == 4
    assert caught.value.mend
    return caught.value


def torch_zip(marker: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Bomb(marker)))
        archive.writestr("archive/version", "3")
    return out.getvalue()


def keras_zip(marker: Path) -> bytes:
    lambda_layer = {"class_name": "Lambda", "config": {"function": f"os.system('touch {marker}')"}}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("config.json", json.dumps({"class_name": "Sequential", "config": {"layers": [lambda_layer]}}))
    return out.getvalue()


def nemo_tar(marker: Path) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        raw = torch_zip(marker)
        entry = tarfile.TarInfo("model_weights.ckpt")
        entry.size = len(raw)
        archive.addfile(entry, io.BytesIO(raw))
    return out.getvalue()


def object_array(marker: Path) -> bytes:
    out = io.BytesIO()
    np.save(out, np.array([Bomb(marker)], dtype=object), allow_pickle=True)
    return out.getvalue()


def hdf5(marker: Path) -> bytes:
    return b"\x89HDF\r\n\x1a\n" + f"Lambda os.system('touch {marker}')".encode()


ATTACKS: dict[str, Callable[[Path], bytes]] = {
    "pytorch_model.bin": torch_zip,
    "model.pt": torch_zip,
    "model.PTH": torch_zip,
    "last.ckpt": torch_zip,
    "weights.pkl": lambda marker: pickle.dumps(Bomb(marker)),
    "weights.pickle": lambda marker: pickle.dumps(Bomb(marker), protocol=0),
    "exported.pt2": torch_zip,
    "model.nemo": nemo_tar,
    "model.keras": keras_zip,
    "model.h5": hdf5,
    "flax_model.msgpack": lambda marker: pickle.dumps(Bomb(marker)),
    "model.joblib": lambda marker: pickle.dumps(Bomb(marker)),
    "array.npy": object_array,
    "arrays.npz": torch_zip,
    # The same under names that say nothing.
    "weights": lambda marker: pickle.dumps(Bomb(marker)),
    "weights.txt": torch_zip,
    "weights.dat": lambda marker: gzip.compress(pickle.dumps(Bomb(marker))),
    "sub/deeper/pytorch_model.bin": torch_zip,
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_format_that_can_run_code_is_refused_beside_good_safetensors(name: str, folder: Path, marker: Path) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(ATTACKS[name](marker))
    error = refusal(folder)
    assert error.code == "AE-5101"
    assert name in error.found
    assert "delete the file" in error.mend
    assert not marker.exists()


def test_the_bombs_of_these_tests_do_explode(marker: Path) -> None:
    pickle.loads(pickle.dumps(Bomb(marker)))
    assert marker.exists()


@pytest.mark.parametrize("name", ["modeling_evil.py", "custom_generate/generate.py", "__init__.PY", "x.pyc"])
def test_program_files_are_refused(name: str, folder: Path, marker: Path) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"import pathlib; pathlib.Path({str(marker)!r}).touch()")
    assert refusal(folder).code == "AE-5102"
    assert not marker.exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", {"auto_map": {"AutoModelForCausalLM": "evil--modeling.Evil"}}),
        ("config.json", {"text_config": [{"deep": {"trust_remote_code": True}}]}),
        ("config.json", {"vision_config": {"auto_map": {"AutoModel": "x.Y"}}}),
        ("config.json", {"_attn_implementation_internal": "evil/kernel"}),
        ("config.json", {"text_config": {"attn_implementation": {"text": "evil/kernel@main:attend"}}}),
        ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["evil.Tokenizer", None]}}),
        ("generation_config.json", {"custom_generate": "evil/generate"}),
        ("preprocessor_config.json", {"trust_remote_code": "yes"}),
        ("sub/config.json", {"auto_map": {"AutoConfig": "evil.Config"}}),
    ],
)
def test_json_that_asks_for_code_is_refused(name: str, content: dict[str, object], folder: Path) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(CONFIG | content))
    assert refusal(folder).code == "AE-5103"


def test_the_first_of_two_equal_keys_counts_too(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "llama", "auto_map": {"AutoModel": "x.Y"}, "auto_map": null}')
    assert refusal(folder).code == "AE-5103"


def test_an_escaped_key_is_read_as_python_reads_it(folder: Path) -> None:
    (folder / "config.json").write_text('{"auto\\u005fmap": {"AutoModel": "x.Y"}}')
    assert refusal(folder).code == "AE-5103"


nested = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(around=nested, path=st.lists(st.sampled_from(["list", "dict"]), max_size=8))
def test_remote_code_is_found_at_any_depth(
    around: object, path: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    content: object = {"auto_map": {"AutoModel": "evil.Evil"}}
    for step in path:
        content = [around, content] if step == "list" else {"x": around, "y": content}
    folder = tmp_path_factory.mktemp("folder")
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", "inner": content}))
    with pytest.raises(RefusedError, match="auto_map"):
        check_folder(folder)


@pytest.mark.parametrize("name", ["EvilTokenizer", "os.system", "evil/Tokenizer", 3, "LlamaForCausalLM"])
def test_a_tokenizer_class_that_transformers_lacks_is_refused(name: object, folder: Path) -> None:
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": name}))
    assert refusal(folder).code == "AE-5104"


@pytest.mark.parametrize("name", ["GPT2Tokenizer", "LlamaTokenizerFast", "GPTNeoXTokenizerFast", "TokenizersBackend"])
def test_the_tokenizers_of_transformers_are_not(name: str, folder: Path) -> None:
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": name}))
    check_folder(folder)


def test_links_out_of_the_folder_are_refused_and_links_within_it_are_not(folder: Path, tmp_path: Path) -> None:
    (folder / "copy.json").symlink_to("config.json")
    check_folder(folder)
    outside = tmp_path / "secret.json"
    outside.write_text("{}")
    (folder / "other.json").symlink_to(outside)
    assert refusal(folder).code == "AE-5105"
    check_folder(folder, also_within=tmp_path)


def test_a_link_to_a_folder_outside_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "sub").symlink_to(tmp_path, target_is_directory=True)
    assert refusal(folder).code == "AE-5105"


MALFORMED: dict[str, tuple[object | bytes, bytes]] = {
    "overlap": ({"a": tensor(0, 8), "b": tensor(4, 12)}, bytes(12)),
    "hole": ({"a": tensor(0, 4), "b": tensor(8, 12)}, bytes(12)),
    "longer file": ({"a": tensor(0, 4)}, bytes(8)),
    "shorter file": ({"a": tensor(0, 8)}, bytes(4)),
    "duplicate": (b'{"a":%b,"a":%b}' % ((json.dumps(tensor(0, 4)).encode(),) * 2), bytes(4)),
    "other bytes than its shape": ({"a": tensor(0, 8) | {"shape": [3]}}, bytes(8)),
    "unknown dtype": ({"a": tensor(0, 4, "PICKLE")}, bytes(4)),
    "negative": ({"a": tensor(0, 4) | {"data_offsets": [-4, 0]}}, bytes(4)),
    "boolean sizes": ({"a": tensor(0, 4) | {"shape": [True]}}, bytes(4)),
    "extra field": ({"a": tensor(0, 4) | {"code": "x"}}, bytes(4)),
    "no object": ([], b""),
    "no JSON": (b"{", b""),
    "deep": (b"[" * 100_000, b""),
    "no unicode": (b"\xff\xfe{}", b""),
}  # fmt: skip


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_safetensors_header_is_refused(case: str, folder: Path) -> None:
    write_safetensors(folder / "model.safetensors", *MALFORMED[case])
    assert refusal(folder).code == "AE-5106"


@pytest.mark.parametrize("length", [0, 2**63, 2**27, 13])
def test_a_header_length_beyond_the_file_is_refused(length: int, folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", length) + b"{}")
    assert refusal(folder).code == "AE-5106"


@given(content=st.binary(max_size=200))
def test_no_bytes_crash_the_reader_of_headers(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("folder") / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(RefusedError):
        check_safetensors(path)


@given(sizes=st.lists(st.integers(0, 5), max_size=5))
def test_what_safetensors_writes_is_accepted(sizes: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    from safetensors.numpy import save_file

    path = tmp_path_factory.mktemp("folder") / "x.safetensors"
    save_file({f"t{number}": np.zeros((size, 3), np.float16) for number, size in enumerate(sizes)}, path)
    check_safetensors(path)


@pytest.mark.parametrize("content", ["{", "[" * 200_000, "nonsense"])
def test_json_that_cannot_be_read_is_refused(content: str, folder: Path) -> None:
    (folder / "config.json").write_text(content)
    assert refusal(folder).code == "AE-5107"


@pytest.mark.parametrize("shard", ["../other/model.safetensors", "pytorch_model.bin", "/tmp/x.safetensors"])
def test_an_index_that_names_other_files_is_refused(shard: str, folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": shard}}))
    assert refusal(folder).code == "AE-5108"


def test_an_adapter_is_refused_since_its_base_is_loaded_unseen(folder: Path) -> None:
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "evil/base"}))
    assert refusal(folder).code == "AE-5108"


def test_a_vocabulary_may_hold_any_word(folder: Path) -> None:
    (folder / "vocab.json").write_text(json.dumps({"auto_map": 1, "trust_remote_code": 2}))
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {"auto_map": 1}}}))
    check_folder(folder)


def test_escape_sequences_in_names_do_not_reach_the_terminal(folder: Path) -> None:
    (folder / "\x1b[31mred.py").write_text("")
    assert "\x1b" not in str(refusal(folder))
