"""What is measured at the end of a run: one number an item, read from the last positions' residual.

Letters: n runs, m positions read, D width, V vocabulary, k decoys.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from aetia.errors import StudyError
from aetia.models.network import Network
from aetia.models.quantities import UNITS, OutcomeKind

__all__ = ["Outcome"]

_CHUNK = 128  # rows whose logits over the whole vocabulary exist at a time: 25 MB for 49,152 tokens


@dataclass(frozen=True, eq=False)
class Outcome:
    """A scalar read-out.

    Args:
        kind: `logit_difference` is answer minus foil; `accuracy` is 1 where the answer beats the foil; `kl` is
            the divergence from `reference` to the run's distribution.
        answer: The answer's token ids. More than one only for `log_probability`: the prompt is then followed by
            all of them but the last, and the sum of their log-probabilities is read.
        foil: The foil's token id, for `logit_difference` and `accuracy`.
        reference: Log-probabilities `[V]`, for `kl`.
        decoys: Further answers and foils that the same run is scored by, after its own; each is one token. What is
            read then has an axis `[1 + k]` at its end.
    """

    kind: OutcomeKind
    answer: tuple[int, ...]
    foil: int | None = None
    reference: Tensor | None = None
    decoys: tuple[tuple[int, int | None], ...] = ()

    def __post_init__(self) -> None:
        if self.kind in ("logit_difference", "accuracy") and self.foil is None:
            raise StudyError(
                "AE-1210", f"The outcome {self.kind} needs a foil.", mend="give --foil, or use log_probability."
            )
        if len(self.answer) != 1 and self.kind != "log_probability":
            raise StudyError(
                "AE-1211",
                f"The outcome {self.kind} reads one token, but the answer has {len(self.answer)}.",
                mend="use --outcome log_probability to score the whole continuation.",
            )
        if self.kind == "kl" and self.reference is None:
            raise StudyError("AE-1212", "The outcome kl needs a reference distribution.", mend="give the reference.")
        if self.decoys and (self.kind == "kl" or len(self.answer) != 1):
            raise ValueError("decoys are single tokens that are scored as the answer is")

    @property
    def positions(self) -> int:
        """How many last positions are read, m."""
        return len(self.answer)

    @property
    def unit(self) -> str:
        """The unit of the outcome and of effects on it."""
        return UNITS[self.kind]

    def bytes(self, network: Network) -> int:
        """Memory that reading it takes besides the residuals: logits of the whole vocabulary, for some outcomes."""
        if self.kind in ("logit_difference", "accuracy"):
            return 0
        weight = network.unembedding.weight
        cast = 0 if weight.dtype == torch.float32 else 4 * weight.numel()
        return cast + 3 * 4 * max(_CHUNK, self.positions) * weight.shape[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what is read of one run."""
        return (1 + len(self.decoys),) if self.decoys else ()

    def read(self, network: Network, hidden: Tensor) -> Tensor:
        """The outcome `[n]` of final residuals `[n, m, D]` (before the final norm), in float32."""
        if self.kind in ("logit_difference", "accuracy"):
            pairs = torch.tensor(self._pairs(), device=hidden.device)
            return self._from_pairs(network.unembed(hidden[:, -1], pairs.flatten()).unflatten(-1, pairs.shape))
        chunks = [self._from_logits(network.unembed(rows)) for rows in hidden.split(max(1, _CHUNK // self.positions))]
        return torch.cat(chunks) if chunks else hidden.new_empty(0, *self.shape, dtype=torch.float32)

    def from_logits(self, logits: Tensor) -> Tensor:
        """The outcome `[n]` of logits `[n, T, V]`, of which the last `m` positions are read; differentiable."""
        if self.kind in ("logit_difference", "accuracy"):
            return self._from_pairs(logits[:, -1, torch.tensor(self._pairs(), device=logits.device)])
        return self._from_logits(logits)

    def _pairs(self) -> list[tuple[int, int]]:
        """Answer and foil, then the decoys."""
        pairs = [(self.answer[0], self.foil), *self.decoys]
        return [(answer, foil) for answer, foil in pairs if foil is not None]

    def _from_pairs(self, logits: Tensor) -> Tensor:
        """The outcome of the logits `[n, 1 + k, 2]` of answers and foils."""
        difference = logits[..., 0] - logits[..., 1]
        found = difference if self.kind == "logit_difference" else (difference > 0).float()
        return found if self.decoys else found[:, 0]

    def _from_logits(self, logits: Tensor) -> Tensor:
        log_probabilities = logits[:, -self.positions :].float().log_softmax(-1)
        if self.kind == "kl":
            assert self.reference is not None
            return (self.reference.exp() * (self.reference - log_probabilities[:, -1])).sum(-1)
        if self.decoys:
            answers = [self.answer[0], *(answer for answer, _ in self.decoys)]
            total = log_probabilities[:, -1, answers]
        else:
            index = torch.tensor(self.answer, device=logits.device).expand(len(logits), -1)[..., None]
            total = log_probabilities.gather(-1, index)[..., 0].sum(-1)
        return total if self.kind == "log_probability" else total.exp()
