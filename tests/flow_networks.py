"""Networks and items for studies of flow: a random one that sees, and planted ones whose paths are known.

The planted ones read a value at position OBJECT and answer with its sign. Attention is uniform, so that what a row gets
is the mean over what it may read, and a cut makes the mean one of fewer.
"""

from functools import cache

import numpy as np
import torch
from planted_networks import balanced, blank, network_of
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

from aetia.contrasts import AlignedContrast
from aetia.models import Network, wrap
from aetia.models.pictures import Picture
from aetia.models.prompts import Prompt

LAYERS, SIDE, PATCHES = 3, 32, 16
OBJECT, LENGTH, VALUES = 1, 5, 24
FILLER, ANSWER, FOIL = 2 * VALUES, 2 * VALUES + 1, 2 * VALUES + 2
_WIDTH, _HEADS = 8, 2
STRENGTHS = np.linspace(1.0, 2.0, VALUES)


@cache
def seeing(seed: int = 0) -> Network:
    """A random network that sees, with weights large enough that every edge matters; 4 x 4 tokens a picture."""
    torch.manual_seed(seed)
    vision = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=SIDE,
        patch_size=SIDE // 4,
    )
    text = LlamaConfig(
        vocab_size=40,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
    )
    module = LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=vision,
            text_config=text,
            image_token_index=3,
            image_seq_length=PATCHES,
            vision_feature_layer=-1,
            vision_feature_select_strategy="default",
        )
    )
    for parameter in module.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    return wrap(module)


def seen_items(count: int, seed: int = 0) -> list[AlignedContrast]:
    """Items about noise: an object's patch that alone differs between the pictures, and a question of random words."""
    random = np.random.default_rng(seed)
    found = []
    for number in range(count):
        clean = random.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        edited = clean.copy()
        row, column = divmod(int(random.integers(PATCHES)), 4)
        edited[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8] = random.integers(0, 256, 3, dtype=np.uint8)
        ids = [1, *[3] * PATCHES, *random.integers(10, 40, 5).tolist()]
        image = tuple(range(1, 1 + PATCHES))
        thing = 1 + 4 * row + column
        groups = {
            "image": image,
            "object": (thing,),
            "background": tuple(place for place in image if place != thing),
            "before": (0,),
            "question": tuple(range(1 + PATCHES, len(ids) - 1)),
            "last": (len(ids) - 1,),
        }
        answer, foil = random.choice(np.arange(4, 40), 2, replace=False).tolist()
        one, other = (Prompt(ids, [Picture(pixels)], [1]) for pixels in (clean, edited))
        found.append(item(f"seen-{number}", one, other, (answer, foil), groups))
    return found


def item(name, clean, corrupted, labels, groups) -> AlignedContrast:
    """An aligned contrast of tokens without text."""
    spans = {"last": (len(clean) - 1, len(clean))}
    none = tuple("" for _ in clean)
    answer, foil = labels
    return AlignedContrast(
        name, "", "", f"{answer}", f"{foil}", clean, corrupted, none, none, (answer,), (foil,), spans, groups=groups
    )


def planted_items(count: int = VALUES) -> list[AlignedContrast]:
    """A value at OBJECT, positive in the clean and negative in the corrupted prompt; filler elsewhere."""
    groups = {"object": (OBJECT,), "question": (2, 3), "last": (LENGTH - 1,)}
    found = []
    for number in range(count):
        value = number % VALUES
        clean, corrupted = ((FILLER, word, FILLER, FILLER, FILLER) for word in (value, VALUES + value))
        found.append(item(f"planted-{number}", clean, corrupted, (ANSWER, FOIL), groups))
    return found


def turned_items() -> list[AlignedContrast]:
    """Planted items of which every second is turned around, so that answers differ and depend on the value alone."""
    found = planted_items()
    for one in found[1::2]:
        clean, corrupted, answer, foil = one.clean_ids, one.corrupted_ids, one.answer_ids, one.foil_ids
        for name, value in (
            ("clean_ids", corrupted),
            ("corrupted_ids", clean),
            ("answer_ids", foil),
            ("foil_ids", answer),
        ):
            object.__setattr__(one, name, value)
    return found


def planted(*, hops: int, gain: float = 6.0, layers: int = 2) -> Network:
    """A network that carries the value to the last position in one hop, by the last layer, or in two.

    In one hop, only the last layer's head moves it: object -> last there is the one path. In two, the first layer
    moves it from unit 0 to unit 1 of every later row, and the last layer from unit 1 to unit 2, which is read.
    """
    module = blank(2 * VALUES + 3, _WIDTH, layers=layers, heads=_HEADS)
    with torch.no_grad():
        strength = torch.as_tensor(STRENGTHS, dtype=torch.float32)
        words = torch.zeros(2 * VALUES + 3, _WIDTH)
        words[: 2 * VALUES, 0] = torch.cat([strength, -strength])
        module.transformer.wte.weight.copy_(balanced(words))
        steps = {layers - 1: (0, 2)} if hops == 1 else {0: (0, 1), layers - 1: (1, 2)}
        for layer, (read, write) in steps.items():
            joint, mixer = torch.zeros(_WIDTH, 3 * _WIDTH), torch.zeros(_WIDTH, _WIDTH)
            joint[read, 2 * _WIDTH] = gain
            mixer[0, write] = 1.0
            module.get_parameter(f"transformer.h.{layer}.attn.c_attn.weight").copy_(joint)
            module.get_parameter(f"transformer.h.{layer}.attn.c_proj.weight").copy_(balanced(mixer))
        read_out = torch.zeros(2 * VALUES + 3, _WIDTH)
        read_out[ANSWER, 2], read_out[FOIL, 2] = 1.0, -1.0
        module.lm_head.weight.copy_(read_out)
    return network_of(module)
