"""How does a GGUF file become a folder of safetensors that gives the same logits and the same tokens?

Run as a program (`python -m aetia.models.convert GGUF FOLDER`) it works in a process of its own, so that the parser,
its memory and its messages stay outside the caller's.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aetia.errors import MissingError
from aetia.text import clean_text

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["convert", "convert_in_child"]

# What GGUF says of the text's first split (tokenizer.ggml.pre) and transformers' reader leaves out. Without it a run of
# blanks before a number is cut in another place than in training.
_FIRST_SPLITS: Mapping[str, Mapping[str, object]] = {
    "smollm": {
        "type": "Sequence",
        "pretokenizers": [
            {"type": "Digits", "individual_digits": True},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        ],
    },
}
_PROBES = (
    "The capital of France is Paris, and the war lasted from the year 1732 to 17",
    "def f(x):\n\treturn x  # naïve 日本語 🙂 I'll don't\n\n  end",
    "<|im_start|>user\nName three colours.<|im_end|>\n<|im_start|>assistant\n",
)
# Left behind by the way the model was read; none of it describes the model.
_SAVED_BY_ACCIDENT = ("is_local", "local_files_only")


def convert(weights: Path, folder: Path) -> None:
    """Write the model of the GGUF file `weights` to `folder` as float32 safetensors, tokenizer and configuration.

    The folder is read back: its logits on probe texts are bit-equal to those of the GGUF file, its tied embeddings are
    tied, and its tokens are those of the GGUF file's tokenizer.

    Raises:
        ValueError: If what was read back differs.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(weights.parent, gguf_file=weights.name, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(
        weights.parent, gguf_file=weights.name, dtype=torch.float32, local_files_only=True
    ).eval()
    _save(model, tokenizer, folder)
    _restore_first_split(folder / "tokenizer.json", _first_split_of(weights))
    _tidy(folder, length=model.config.max_position_embeddings)
    _compare(model, tokenizer, folder)


def convert_in_child(weights: Path, folder: Path) -> None:
    """Do what `convert` does in a new process without network.

    Raises:
        MissingError: AE-4107 a package it needs is absent; AE-4109 the conversion failed, with its last line.
    """
    # transformers asks for both packages only after some seconds of work.
    absent = [name for name in ("torch", "transformers", "gguf", "accelerate") if not _is_installed(name)]
    if absent:
        raise MissingError(
            "AE-4107",
            f"Converting a model needs {', '.join(absent)}.",
            mend="python -m pip install 'aetia[models]'",
        )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    command = [sys.executable, "-P", "-m", "aetia.models.convert", str(weights), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit status {done.returncode}"]
        raise MissingError(
            "AE-4109",
            f"{weights.name} could not be converted.",
            details=tuple(clean_text(line, 200) for line in lines[-3:]),
            mend="see that about 3 GB of memory and 1 GB of disk are free, then try again.",
        )


def _is_installed(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None


def _save(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", folder: Path) -> None:
    # The weights are plain numbers by now; the marks of the quantised file would make save_pretrained refuse.
    for name, value in (("hf_quantizer", None), ("is_quantized", False)):
        setattr(model, name, value)
    for holder, name in (
        (model.config, "quantization_config"),
        (model.config, "_model_name_or_path"),
        (model, "quantization_method"),
    ):
        if hasattr(holder, name):
            delattr(holder, name)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _first_split_of(weights: Path) -> Mapping[str, object] | None:
    from gguf import GGUFReader

    field = GGUFReader(weights).get_field("tokenizer.ggml.pre")
    return _FIRST_SPLITS.get(str(field.contents())) if field else None


def _restore_first_split(path: Path, split: Mapping[str, object] | None) -> None:
    if split is None:
        return
    content = json.loads(path.read_text(encoding="utf-8"))
    content["pre_tokenizer"] = split
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")


def _tidy(folder: Path, length: int) -> None:
    path = folder / "tokenizer_config.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    for name in _SAVED_BY_ACCIDENT:
        content.pop(name, None)
    content["model_max_length"] = length
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _compare(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    copy = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()
    copied = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    entry, exit_ = copy.get_input_embeddings(), copy.get_output_embeddings()
    if model.config.tie_word_embeddings and (exit_ is None or entry.weight is not exit_.weight):
        raise ValueError("the embeddings are no longer tied")
    if copied.chat_template != tokenizer.chat_template or copied.special_tokens_map != tokenizer.special_tokens_map:
        raise ValueError("the chat template or the special tokens changed")
    for text in _PROBES:
        tokens = tokenizer(text).input_ids
        if copied(text).input_ids != tokens or copied.decode(tokens) != text:
            raise ValueError(f"the tokens of {text!r} changed")
        rows = torch.tensor([tokens])
        with torch.inference_mode():
            if not torch.equal(model(rows).logits, copy(rows).logits):
                raise ValueError(f"the logits of {text!r} changed")


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
