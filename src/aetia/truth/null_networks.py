"""In which systems is there nothing to be found, so that whatever is found is a false positive?

Networks of random weights with contrasts of random tokens, and networks that do a task with labels that do not. In all
of them answer and foil are exchangeable: whatever is done at whatever site, its effect on the logit difference is
symmetric around 0 over draws of the items, exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig

from aetia.contrasts import AlignedContrast
from aetia.errors import StudyError
from aetia.models import Network, wrap
from aetia.truth.systems import TruthSystem, truth_system, truth_systems

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

__all__ = ["NullName", "NullSystem", "meaningless_labels", "null_system", "null_systems", "random_contrasts"]

NullName = Literal["llama", "gpt2", "labels", "small"]

_VOCABULARY = 64
_LENGTH = 8
_WEIGHTS = 0.3  # large enough that every site matters
_TWO_WORDS = ("duplicate-token",)  # yes and no: there is nothing else that either could be exchanged for
_CONFIGS: dict[str, "PreTrainedConfig"] = {
    "llama": LlamaConfig(
        vocab_size=_VOCABULARY,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=32,
        bos_token_id=1,
        eos_token_id=2,
    ),
    # For searches, whose price grows with the square of the edges: it has 36 of them.
    "small": LlamaConfig(
        vocab_size=_VOCABULARY,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=32,
        bos_token_id=1,
        eos_token_id=2,
    ),
    "gpt2": GPT2Config(
        vocab_size=_VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=32, bos_token_id=1, eos_token_id=2
    ),
}


@dataclass(frozen=True, eq=False)
class NullSystem:
    """A network and contrasts about which there is nothing to be found.

    Args:
        name: One of `null_systems()`.
        network: The network.
        origin: For `labels`, the truth system whose contrasts lose their labels.
    """

    name: str
    network: Network
    origin: TruthSystem | None = None

    def draw(self, count: int, seed: int = 0) -> tuple[AlignedContrast, ...]:
        """`count` contrasts, drawn independently; a seed's first ones are always the same."""
        if self.origin is not None:
            return meaningless_labels(self.origin.draw(count, seed), seed)
        return random_contrasts(count, seed)


def null_systems() -> tuple[NullName, ...]:
    """The names: random networks of two families, ones whose task the labels ignore, and small random ones."""
    return get_args(NullName)


def null_system(name: str, seed: int = 0) -> NullSystem:
    """One null system; each seed is another network.

    Args:
        name: One of `null_systems()`.
        seed: Of the weights, or of which truth system of more than two words loses its labels.

    Raises:
        StudyError: AE-1709 if there is no such system.
    """
    if name not in null_systems():
        known = ", ".join(null_systems())
        raise StudyError("AE-1709", f"There is no null system {name!r}.", mend=f"use one of {known}.")
    if name == "labels":
        names = [other for other in truth_systems() if other not in _TWO_WORDS]
        origin = truth_system(names[seed % len(names)], seed)
        return NullSystem(name, origin.network, origin)
    module = AutoModelForCausalLM.from_config(_CONFIGS[name], dtype=torch.float32)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=_WEIGHTS, generator=generator)
    return NullSystem(name, wrap(module))


def random_contrasts(
    count: int, seed: int = 0, *, vocabulary: int = _VOCABULARY, length: int = _LENGTH
) -> tuple[AlignedContrast, ...]:
    """Contrasts of random tokens, for any network.

    The two prompts differ at one to three positions, and answer and foil occur in neither. Tokens below 3 are not used.

    Args:
        count: How many.
        seed: A seed's first contrasts are always the same.
        vocabulary: The network's tokens, at least 16 more than `length`.
        length: Tokens of a prompt, at least 3.

    Raises:
        StudyError: AE-1710 if the prompt is too short or the vocabulary too small for it.
    """
    if length < 3 or vocabulary < length + 16:
        raise StudyError(
            "AE-1710",
            f"Prompts of {length} tokens cannot be drawn from a vocabulary of {vocabulary}.",
            mend="use at least 3 tokens, and a vocabulary of at least 16 more.",
        )
    random = np.random.default_rng(seed)
    return tuple(_random_contrast(random, f"random-{seed}-{n}", vocabulary, length) for n in range(count))


def _random_contrast(random: np.random.Generator, name: str, vocabulary: int, length: int) -> AlignedContrast:
    changed = random.permutation(length)[: random.integers(1, 4)]
    drawn = (3 + random.permutation(vocabulary - 3)[: length + len(changed) + 2]).tolist()
    clean, others, (answer, foil) = drawn[:length], drawn[length:-2], drawn[-2:]
    corrupted = list(clean)
    for position, token in zip(changed.tolist(), others, strict=True):
        corrupted[position] = token
    texts = [tuple(f" t{token}" for token in ids) for ids in (clean, corrupted)]
    first = int(changed.min())
    return AlignedContrast(
        id=name,
        clean="".join(texts[0]),
        corrupted="".join(texts[1]),
        answer=f" t{answer}",
        foil=f" t{foil}",
        clean_ids=tuple(clean),
        corrupted_ids=tuple(corrupted),
        clean_tokens=texts[0],
        corrupted_tokens=texts[1],
        answer_ids=(answer,),
        foil_ids=(foil,),
        spans={"changed": (first, first + 1), "last": (length - 1, length)},
    )


def meaningless_labels(items: Sequence[AlignedContrast], seed: int = 0) -> tuple[AlignedContrast, ...]:
    """The items, with answer and foil exchanged in each by the toss of a fair coin.

    Every effect on the logit difference then has either sign with equal probability, whatever the network does: a null
    that holds exactly, for a real network too.

    Raises:
        StudyError: AE-1711 if an item has no foil.
    """
    if bare := [item.id for item in items if not item.foil_ids]:
        raise StudyError("AE-1711", f"{bare[0]} has no foil to exchange with.", mend="use items with a foil.")
    tosses = np.random.default_rng([seed, 1]).random(len(items)) < 0.5
    return tuple(_exchanged(item) if toss else item for item, toss in zip(items, tosses, strict=True))


def _exchanged(item: AlignedContrast) -> AlignedContrast:
    return replace(item, answer=item.foil, foil=item.answer, answer_ids=item.foil_ids, foil_ids=item.answer_ids)
