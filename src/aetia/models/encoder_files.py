"""Which vision encoder lies in that folder, and is all of it there?"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch

from aetia.errors import StudyError
from aetia.models.encoders import Encoder, wrap_encoder
from aetia.models.vision import processor_in
from aetia.text import clean_text

if TYPE_CHECKING:
    from torch import nn
    from transformers import AutoModel, PreTrainedConfig, PreTrainedModel

__all__ = ["load_encoder"]


def load_encoder(name_or_path: str | Path, *, dtype: torch.dtype = torch.float32, device: str = "cpu") -> Encoder:
    """The encoder in a folder, or of a repository of the hub; safetensors only, and nothing that could run code.

    Args:
        name_or_path: For instance a folder with `config.json` and safetensors.
        dtype: The precision.
        device: `cpu`, `cuda` ...

    Raises:
        MissingError, RefusedError: As `aetia.models.resolve.locate`.
        StudyError: AE-9407 if the files are no encoder that transformers can read whole.
    """
    from transformers import AutoConfig, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    from aetia.models.resolve import locate

    source = locate(name_or_path)
    disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(source.path, local_files_only=True)
        module, report = _class_for(config).from_pretrained(
            source.path, dtype=dtype, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
        has_text = (source.path / "tokenizer_config.json").is_file()
        tokenizer = AutoTokenizer.from_pretrained(source.path, local_files_only=True) if has_text else None
        processor = processor_in(source.path)
    except (ValueError, OSError, KeyError) as error:
        raise _unreadable(source.name, clean_text(str(error))) from error
    lacking = sorted(name for name in report["missing_keys"] if "pooler" not in name)
    if lacking:
        raise _unreadable(source.name, f"its files lack {len(lacking)} weights, {lacking[0]} first")
    moved = cast("PreTrainedModel", cast("nn.Module", module).to(device))
    return replace(wrap_encoder(moved, processor, tokenizer), source=source)


def _unreadable(name: str, reason: str) -> StudyError:
    return StudyError(
        "AE-9407", f"{name} could not be read as a vision encoder: {reason}", mend="check its config.json and weights."
    )


def _class_for(config: "PreTrainedConfig") -> "type[AutoModel]":
    """What makes a model of this configuration: one with a classifier is of another class."""
    from transformers import AutoModel, AutoModelForImageClassification

    classifies = any(name.endswith("ForImageClassification") for name in config.architectures or ())
    return cast("type[AutoModel]", AutoModelForImageClassification) if classifies else AutoModel
