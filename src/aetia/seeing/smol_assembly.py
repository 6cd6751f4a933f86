"""How do SmolLM2 and a few megabytes of trained weights become one model that transformers, and aetia, load?

The adapters are added to the maps that they stand beside, so that what is assembled is a plain LLaVA.
"""

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from aetia.errors import StudyError
from aetia.seeing.batches import SETTINGS
from aetia.seeing.smol_adapter import ADAPTED, merged_weight
from aetia.seeing.smol_model import build
from aetia.seeing.smol_questions import AFTER_PICTURE, BEFORE_PICTURE, prompt

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, LlavaForConditionalGeneration, LlavaProcessor, PreTrainedTokenizerBase

__all__ = [
    "ADAPTER",
    "CHAT_TEMPLATE",
    "IMAGE_TEXT",
    "assemble",
    "merge",
    "read_adapter",
    "seeing_processor",
    "shipped_smol",
]

ADAPTER = "adapter.safetensors"
"""The file of the trained weights."""

IMAGE_TEXT = "<image>"
"""The text of the image token."""

_LONGEST_ANSWER = 48  # tokens: a caption of five things has 25

_PICTURE = BEFORE_PICTURE + IMAGE_TEXT + f"{{{{ {json.dumps(AFTER_PICTURE)} }}}}"
_TOLD_PART = prompt("{{ part['text'] }}")
_TOLD = prompt("{{ message['content'] }}")
_PARTS = (
    f"{{% for part in message['content'] if part['type'] == 'image' %}}{_PICTURE}{{% endfor %}}"
    f"{{% for part in message['content'] if part['type'] == 'text' %}}{_TOLD_PART}{{% endfor %}}"
)
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}{{ ' ' + message['content'] + '\\n' }}"
    f"{{% elif message['content'] is string %}}{_TOLD}"
    f"{{% else %}}{_PARTS}{{% endif %}}"
    "{% endfor %}"
)
"""`Image:`, the picture, a line end, `Question: ... Answer:`; the answer follows after a blank."""


def shipped_smol() -> Path:
    """The folder of the weights that come with the package."""
    return Path(str(files("aetia.models") / "shipped" / "smol-llava"))


def assemble(base_folder: Path, adapter_folder: Path, out_folder: Path) -> None:
    """Write the whole model to `out_folder`: weights in float32, configuration, tokenizer and processor.

    Args:
        base_folder: A decoder with tied embeddings and its tokenizer, as `save_pretrained` writes them.
        adapter_folder: What was trained on it: `adapter.safetensors`.
        out_folder: Made if it is not there.

    Raises:
        StudyError: AE-9252 if the trained weights cannot be read, or are not for this decoder.
    """
    from transformers import AutoTokenizer, GenerationConfig, LlamaForCausalLM

    base = LlamaForCausalLM.from_pretrained(base_folder, dtype=torch.float32, local_files_only=True)
    tokenizer = cast("PreTrainedTokenizerBase", AutoTokenizer.from_pretrained(base_folder, local_files_only=True))
    model = merge(base, read_adapter(adapter_folder))
    ends = tokenizer.encode(AFTER_PICTURE, add_special_tokens=False)
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=[*ends, tokenizer.eos_token_id],
        pad_token_id=tokenizer.pad_token_id or tokenizer.eos_token_id,
        do_sample=False,
        max_new_tokens=_LONGEST_ANSWER,
    )
    out_folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out_folder)
    processor = seeing_processor(tokenizer)
    processor.save_pretrained(out_folder)
    processor.image_processor.save_pretrained(out_folder)


def merge(base: "LlamaForCausalLM", weights: Mapping[str, Tensor]) -> "LlavaForConditionalGeneration":
    """The decoder with the adapters added to its maps, and the tower and the projector before it.

    Args:
        base: A decoder with tied embeddings; it is copied.
        weights: `tower.`, `projector.` and `adapter.` with names behind them.

    Raises:
        StudyError: AE-9252 if the weights are not for this decoder.
    """
    model = build(base, seed=0)
    try:
        _load(cast("nn.Module", model.model.vision_tower), _under("tower.", weights))
        _load(cast("nn.Module", model.model.multi_modal_projector), _under("projector.", weights))
        _add(cast("nn.Module", model.model.language_model), _under("adapter.", weights))
    except (RuntimeError, KeyError) as error:
        raise _unusable("The trained weights are not for this language model.", error) from error
    return model


def read_adapter(folder: Path) -> dict[str, Tensor]:
    """What was trained, in float32.

    Raises:
        StudyError: AE-9252 if it cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found = load_file(folder / ADAPTER)
    except (OSError, SafetensorError) as error:
        raise _unusable(f"The trained weights in {folder} cannot be read.", error) from error
    return {name: tensor.float() for name, tensor in found.items()}


def seeing_processor(tokenizer: "PreTrainedTokenizerBase") -> "LlavaProcessor":
    """What makes a picture and a question into the model's arguments; the tokenizer gains the image token."""
    from transformers import LlavaProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    tokenizer.add_special_tokens({"extra_special_tokens": [IMAGE_TEXT]}, replace_extra_special_tokens=False)
    tokenizer.chat_template = CHAT_TEMPLATE
    side = {"height": SETTINGS.size, "width": SETTINGS.size}
    images = CLIPImageProcessorPil(
        size=side, crop_size=side, do_center_crop=False, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    return LlavaProcessor(
        image_processor=images,
        tokenizer=tokenizer,
        patch_size=SETTINGS.cell,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,  # the tower's class token, which "default" leaves out
        chat_template=CHAT_TEMPLATE,
        image_token=IMAGE_TEXT,
    )


def _unusable(found: str, error: Exception) -> StudyError:
    reason = (str(error).splitlines() or ["no reason given"])[0]
    return StudyError(
        "AE-9252", found, details=(reason,), mend="use the weights that ship, or `aetia train smol-llava`"
    )


def _load(module: nn.Module, weights: Mapping[str, Tensor]) -> None:
    module.load_state_dict(dict(weights), strict=True)


@torch.no_grad()
def _add(decoder: nn.Module, adapter: Mapping[str, Tensor]) -> None:
    """Add each adapter to its map, and see that none is left over."""
    left = set(adapter)
    for number, layer in enumerate(cast("nn.ModuleList", decoder.layers)):
        for name in ADAPTED:
            weight = layer.get_submodule(f"self_attn.{name}").get_parameter("weight")
            weight.copy_(merged_weight(weight, adapter, number, name))
            left -= {f"layers.{number}.{name}.down", f"layers.{number}.{name}.up"}
    if left:
        raise KeyError(min(left))


def _under(prefix: str, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}
