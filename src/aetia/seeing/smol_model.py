"""What is smol-llava made of? SmolLM2 as it is, with adapters, and before it the toy's tower and a projector.

Letters: B scenes, C image tokens of a picture, N tokens of a tree of questions, D width of the language model.
"""

from copy import deepcopy
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from aetia.scenes import Scene
from aetia.seeing.batches import CELLS, SETTINGS
from aetia.seeing.model import picture_features
from aetia.seeing.smol_packing import Forest
from aetia.seeing.smol_questions import AFTER_PICTURE, BEFORE_PICTURE, Encode

if TYPE_CHECKING:
    from transformers import LlamaConfig, LlamaForCausalLM, LlavaConfig, LlavaForConditionalGeneration

__all__ = ["PictureWords", "Reader", "build", "smol_config"]

_VISION_WIDTH, _VISION_LAYERS, _VISION_HEADS, _VISION_HIDDEN = 96, 3, 4, 256  # as the toy's

_SPREAD = 0.5  # of where a cell is, beside one for what is in it: of the spread of word embeddings
_STEADY = 0.8  # how much of that falls evenly from row to row; the rest is each row's own
_OWN = 0.6


def smol_config(text: "LlamaConfig") -> "LlavaConfig":
    """The configuration of a language model that sees: its own, a tower's, and one token more."""
    from transformers import CLIPVisionConfig, LlavaConfig

    vision = CLIPVisionConfig(
        hidden_size=_VISION_WIDTH,
        intermediate_size=_VISION_HIDDEN,
        num_hidden_layers=_VISION_LAYERS,
        num_attention_heads=_VISION_HEADS,
        image_size=SETTINGS.size,
        patch_size=SETTINGS.cell,
    )
    wider = deepcopy(text)
    wider.vocab_size = text.vocab_size + 1
    wider.architectures = None
    return LlavaConfig(
        vision_config=vision,
        text_config=wider,
        image_token_index=text.vocab_size,
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        image_seq_length=CELLS,
        tie_word_embeddings=True,
    )


def build(base: "LlamaForCausalLM", seed: int) -> "LlavaForConditionalGeneration":
    """A model that has the base's weights, and random ones for what sees; the seed alone decides those.

    The image token's own embedding is the mean of all: it is never read, and never the likeliest next token.

    Args:
        base: A decoder with tied embeddings.
        seed: Of the random weights.
    """
    from transformers import LlavaForConditionalGeneration

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlavaForConditionalGeneration(smol_config(base.config))
    state = dict(base.model.state_dict())
    words = state["embed_tokens.weight"]
    state["embed_tokens.weight"] = torch.cat([words, words.mean(0, keepdim=True)])
    model.model.language_model.load_state_dict(state)
    cast("nn.Module", model).eval()
    return model


class PictureWords:
    """What image tokens are to look like at first: the words for what is in a cell, and a code for where it is.

    Args:
        words: Embeddings of the language model `[V, D]`.
        encode: Text to tokens.
        seed: Of the codes.
    """

    def __init__(self, words: Tensor, encode: Encode, seed: int) -> None:
        def word(name: str) -> Tensor:
            (token,) = encode(f" {name}")
            return words[token].detach()

        self._empty = word("empty")
        self._words = {name: word(name) for name in (*SETTINGS.colours, *SETTINGS.shapes)}
        spread = words.detach().std().item()
        generator = torch.Generator().manual_seed(seed)
        codes = [_code(words.shape[1], spread * _SPREAD, generator).to(words.device) for _ in range(2)]
        self._places = (codes[0][:, None] + codes[1][None]).flatten(0, 1)

    def __call__(self, scenes: list[Scene]) -> Tensor:
        """The image tokens of scenes `[B, C, D]`."""
        found = self._empty.expand(len(scenes), CELLS, -1).clone()
        for number, scene in enumerate(scenes):
            for thing in scene.things:
                both = self._words[thing.colour] + self._words[thing.shape]
                found[number, thing.row * SETTINGS.cells + thing.column] = both / 2**0.5
        return found + self._places


def _code(width: int, spread: float, generator: torch.Generator) -> Tensor:
    """A vector for each row (or column): along one line, plus one of its own."""
    steps = torch.linspace(-1.0, 1.0, SETTINGS.cells)
    along = steps[:, None] / steps.std(correction=0) * torch.randn(width, generator=generator)
    return spread * (_STEADY * along + _OWN * torch.randn(SETTINGS.cells, width, generator=generator))


class Reader(nn.Module):
    """The model on trees of questions about pictures.

    Args:
        model: As `build` makes it, adapted or not.
        encode: Text to tokens.
    """

    def __init__(self, model: "LlavaForConditionalGeneration", encode: Encode) -> None:
        super().__init__()
        self.model = model
        self._before = torch.tensor(encode(BEFORE_PICTURE))
        self._after = torch.tensor(encode(AFTER_PICTURE))

    @property
    def prefix(self) -> int:
        """How many positions come before the questions."""
        return len(self._before) + CELLS + len(self._after)

    def features(self, pixels: Tensor) -> Tensor:
        """What the frozen tower says of each cell `[B, C, width of the tower]`."""
        with torch.no_grad():
            return picture_features(self.model, pixels)

    def forward(self, features: Tensor, forest: Forest) -> Tensor:
        """Scores of all tokens `[Q, V]` where the forest asks for one."""
        words = self.model.get_input_embeddings()
        count, device = len(features), features.device
        parts = (
            words(self._before.to(device)).expand(count, -1, -1),
            self.model.model.multi_modal_projector(features),
            words(self._after.to(device)).expand(count, -1, -1),
            words(forest.tokens),
        )
        states = self.model.model.language_model(
            inputs_embeds=torch.cat(parts, 1),
            attention_mask=forest.mask,
            position_ids=forest.positions,
            use_cache=False,
        ).last_hidden_state
        return cast("Tensor", self.model.lm_head(states.flatten(0, 1)[forest.places]))
