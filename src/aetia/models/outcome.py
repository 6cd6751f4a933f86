"""What is measured at the end of a run: one number an item, read from the last positions' residual.

Letters: n runs, m positions read, D width, V vocabulary, k tokens.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from aetia.errors import StudyError
from aetia.models.network import Network

__all__ = ["KINDS", "UNITS", "Outcome", "OutcomeKind"]

OutcomeKind = Literal["logit_difference", "log_probability", "probability", "kl", "accuracy"]
KINDS: tuple[OutcomeKind, ...] = get_args(OutcomeKind)
UNITS: dict[OutcomeKind, str] = {
    "logit_difference": "logits",
    "log_probability": "nats",
    "probability": "probability",
    "kl": "nats",
    "accuracy": "share",
}

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
    """

    kind: OutcomeKind
    answer: tuple[int, ...]
    foil: int | None = None
    reference: Tensor | None = None

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

    def read(self, network: Network, hidden: Tensor) -> Tensor:
        """The outcome `[n]` of final residuals `[n, m, D]` (before the final norm), in float32."""
        if self.kind in ("logit_difference", "accuracy"):
            assert self.foil is not None
            tokens = torch.tensor([self.answer[0], self.foil], device=hidden.device)
            answer, foil = network.unembed(hidden[:, -1], tokens).unbind(-1)
            return answer - foil if self.kind == "logit_difference" else (answer > foil).float()
        chunks = [self._from_logits(network.unembed(rows)) for rows in hidden.split(max(1, _CHUNK // self.positions))]
        return torch.cat(chunks) if chunks else hidden.new_empty(0, dtype=torch.float32)

    def from_logits(self, logits: Tensor) -> Tensor:
        """The outcome `[n]` of logits `[n, T, V]`, of which the last `m` positions are read; differentiable."""
        if self.kind in ("logit_difference", "accuracy"):
            difference = logits[:, -1, self.answer[0]] - logits[:, -1, self.foil]
            return difference if self.kind == "logit_difference" else (difference > 0).float()
        return self._from_logits(logits)

    def _from_logits(self, logits: Tensor) -> Tensor:
        log_probabilities = logits[:, -self.positions :].float().log_softmax(-1)
        if self.kind == "kl":
            assert self.reference is not None
            return (self.reference.exp() * (self.reference - log_probabilities[:, -1])).sum(-1)
        index = torch.tensor(self.answer, device=logits.device).expand(len(logits), -1)[..., None]
        total = log_probabilities.gather(-1, index)[..., 0].sum(-1)
        return total if self.kind == "log_probability" else total.exp()
