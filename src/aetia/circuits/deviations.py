"""By how much does each part of a network write something else than its reference, in one item's clean run?

Letters: L layers, T positions, D residual width, H heads, d head width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from aetia.circuits.execution import ReferenceKind
from aetia.contrasts.contrast import AlignedContrast
from aetia.errors import StudyError
from aetia.models.network import Network
from aetia.models.outcome import Outcome
from aetia.models.prompts import first_differing
from aetia.models.recording import Recording, record

__all__ = ["Deviations", "deviations"]


@dataclass(frozen=True, eq=False)
class Deviations:
    """A clean run, and its writes less their references.

    Args:
        base: The clean run, with `z` and `pattern` of all layers.
        embed: `[T, D]`.
        z: `[L, T, H, d]`; a head's output before it is mixed into the residual.
        mlp: `[L, T, D]`.
        start: The first position where anything deviates; T if nothing does.
        tokens: The answer, and the foil if there is one: the outcome is the difference of their logits.
    """

    base: Recording
    embed: Tensor
    z: Tensor
    mlp: Tensor
    start: int
    tokens: tuple[int, ...]

    @property
    def outcome(self) -> Outcome:
        """What patched runs read: the same difference, or the answer's log-probability if there is no foil."""
        if len(self.tokens) == 1:
            return Outcome("log_probability", self.tokens)
        return Outcome("logit_difference", self.tokens[:1], self.tokens[1])


@dataclass(frozen=True, eq=False)
class _Writes:
    """What one run's parts write."""

    embed: Tensor
    z: Tensor
    mlp: Tensor

    @classmethod
    def of(cls, run: Recording) -> "_Writes":
        layers = range(run.layers)
        return cls(
            run.resid_pre[0],
            torch.stack([run.components["z", layer] for layer in layers]),
            torch.stack([run.components["mlp_out", layer] for layer in layers]),
        )

    def minus(self, other: "_Writes") -> "_Writes":
        return _Writes(self.embed - other.embed, self.z - other.z, self.mlp - other.mlp)


def deviations(network: Network, items: Sequence[AlignedContrast], reference: ReferenceKind) -> Iterator[Deviations]:
    """The deviations of every item, one after another, from what `REFERENCES` says of the kind of reference.

    Raises:
        StudyError: AE-1352 if an outcome reads several tokens; AE-1353 if a mean is asked for over different lengths.
    """
    for item in items:
        if len(item.answer_ids) != 1 or len(item.foil_ids) > 1:
            raise StudyError(
                "AE-1352",
                f"{item.id} has an answer of {len(item.answer_ids)} tokens; a decomposition reads one logit, or two.",
                mend="use answers of one token.",
            )
    mean = _mean(network, items) if reference == "mean" and items else None
    for item in items:
        base = record(network, item.clean_ids, _components(network, "z", "mlp_out", "pattern"))
        writes = _Writes.of(base)
        start = 0
        if reference == "patch":
            writes = writes.minus(_written(network, item.corrupted_ids))
            # Attention is causal: what begins equally writes equal values.
            start = first_differing(item.clean_ids, item.corrupted_ids)
        elif mean is not None:
            writes = writes.minus(mean)
        yield Deviations(base, writes.embed, writes.z, writes.mlp, start, (*item.answer_ids, *item.foil_ids))


def _components(network: Network, *names: str) -> list[tuple[str, int | None]]:
    return [(name, layer) for layer in range(len(network.blocks)) for name in names]


def _written(network: Network, ids: Sequence[int]) -> _Writes:
    return _Writes.of(record(network, ids, _components(network, "z", "mlp_out")))


def _mean(network: Network, items: Sequence[AlignedContrast]) -> _Writes:
    lengths = {item.length for item in items}
    if len(lengths) > 1:
        raise StudyError(
            "AE-1353",
            f"The items have {min(lengths)} to {max(lengths)} tokens; a mean pairs their positions one to one.",
            mend="use items of one length, or the reference patch.",
        )
    runs = [_written(network, item.clean_ids) for item in items]
    return _Writes(*(torch.stack([getattr(run, name) for run in runs]).mean(0) for name in ("embed", "z", "mlp")))
