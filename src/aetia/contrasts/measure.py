"""Can the model do these contrasts at all?"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from aetia.contrasts.contrast import AlignedContrast
from aetia.effects.intervals import wilson_interval
from aetia.errors import ContrastError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Measured", "Measurement", "measure"]


class LastLogits(Protocol):
    """What measuring needs of a network: logits at the last position `[N, V]` of N prompts of one length."""

    def last_logits(self, prompts: Sequence[Sequence[int]], /) -> "Tensor":
        """Logits at the last position."""
        ...


@dataclass(frozen=True)
class Measured:
    """One item: how much the model prefers the answer to the foil.

    Args:
        clean: The preference after the clean prompt: difference of logits, or of log-probabilities in nats where
            answer or foil have several tokens.
        corrupted: The same after the corrupted prompt.
    """

    id: str
    clean: float
    corrupted: float

    @property
    def is_correct(self) -> bool:
        """Whether the model prefers the answer after the clean prompt."""
        return self.clean > 0


@dataclass(frozen=True)
class Measurement:
    """A set of items: how often the model is right, and by how much.

    Args:
        accuracy: The share of items whose answer beats the foil after the clean prompt; 0.5 is chance.
        low: Lower end of Wilson's interval of the accuracy at `level`; `high` the upper.
        level: Coverage of the interval.
        mean_clean: Mean preference for the answer after the clean prompts, in `unit`.
        mean_corrupted: The same after the corrupted prompts.
        unit: `logits`, or `nats` where an answer or foil has several tokens.
    """

    items: tuple[Measured, ...]
    accuracy: float
    low: float
    high: float
    level: float
    mean_clean: float
    mean_corrupted: float
    unit: str

    @property
    def is_able(self) -> bool:
        """Whether the accuracy is clearly above chance: `low` > 0.5. Else there is nothing to explain."""
        return self.low > 0.5


def measure(
    network: LastLogits, items: Sequence[AlignedContrast], *, batch: int = 32, level: float = 0.95
) -> Measurement:
    """How much the model prefers each answer to its foil, after the clean and after the corrupted prompt.

    Args:
        network: The model that is asked.
        items: Aligned contrasts, each with a foil; their lengths may differ.
        batch: How many prompts go through the network together.
        level: Coverage of the accuracy's interval.

    Raises:
        ContrastError: AE-2116 without items; AE-2106 for an item without a foil.

    Source: Wang et al. 2022 (logit difference); Wilson 1927 (interval).
    What it does not show: that the answer is the most probable token of all, only that it beats the foil.
    """
    if not items:
        raise ContrastError("AE-2116", "There are no contrasts to measure.", mend="give at least one.")
    for item in items:
        if not item.foil_ids:
            raise ContrastError(
                "AE-2106", f"The contrast {item.id} has no foil to compare its answer with.", mend="give it a foil."
            )
    prompts = [(ids, item) for item in items for ids in (item.clean_ids, item.corrupted_ids)]
    is_single = all(len(item.answer_ids) == len(item.foil_ids) == 1 for item in items)
    scores = _preferences(network, prompts, batch)
    measured = tuple(Measured(item.id, scores[2 * n], scores[2 * n + 1]) for n, item in enumerate(items))
    correct = np.array([float(sum(one.is_correct for one in measured))])
    low, high = wilson_interval(correct, np.array([float(len(measured))]), level)
    return Measurement(
        items=measured,
        accuracy=float(correct[0]) / len(measured),
        low=float(low[0]),
        high=float(high[0]),
        level=level,
        mean_clean=float(np.mean([one.clean for one in measured])),
        mean_corrupted=float(np.mean([one.corrupted for one in measured])),
        unit="logits" if is_single else "nats",
    )


def _preferences(
    network: LastLogits, prompts: Sequence[tuple[tuple[int, ...], AlignedContrast]], batch: int
) -> list[float]:
    """Log-probability of the answer less that of the foil, one a prompt.

    Of single tokens this is the difference of their logits. A further token is read after the ones before it.
    """
    questions: dict[tuple[int, ...], list[tuple[int, int, int]]] = defaultdict(list)
    for n, (ids, item) in enumerate(prompts):
        for sign, tokens in ((1, item.answer_ids), (-1, item.foil_ids)):
            for place, token in enumerate(tokens):
                questions[ids + tokens[:place]].append((n, sign, token))
    scores = [0.0] * len(prompts)
    for rows in _rows(list(questions), batch):
        for ids, row in zip(rows, _log_probabilities(network, rows), strict=True):
            for n, sign, token in questions[ids]:
                scores[n] += sign * float(row[token])
    return scores


def _rows(prompts: list[tuple[int, ...]], batch: int) -> list[list[tuple[int, ...]]]:
    by_length: dict[int, list[tuple[int, ...]]] = defaultdict(list)
    for ids in prompts:
        by_length[len(ids)].append(ids)
    return [same[start : start + batch] for same in by_length.values() for start in range(0, len(same), batch)]


def _log_probabilities(network: LastLogits, rows: list[tuple[int, ...]]) -> "Tensor":
    import torch

    # In float64 the difference of two of them is that of the logits, to the last bit that matters.
    return torch.log_softmax(network.last_logits(rows).double(), dim=-1)
