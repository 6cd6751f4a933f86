"""From which few variables can the answers be read, and with which weights?

While a program is learned, logits are read from all variables at once. Afterwards the variables are fixed, and the
readout is fitted again, to as few of them as give as many right answers: so a program keeps only what it needs.

Letters: N variables, I inputs, n answers an input, D values of a variable, V vocabulary.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Score", "fitted_readout", "reachable_score", "score"]

Score = tuple[int, int]
"""Inputs all of whose answers are right, and right answers."""

_GRAIN = 0.25  # of the weights: their sums are exact in float32 too
_DECAY = 1e-4  # of the squared weights: it keeps them finite
_GAIN = 1e-3  # nats by which a further variable must make an answer likelier
_ITERATIONS = 60


def score(logits: Tensor, answers: Tensor) -> Score:
    """How many inputs come out right, and how many single answers.

    Args:
        logits: `[I, n, V]`.
        answers: The right tokens, `[I, n]`.
    """
    is_right = logits.argmax(-1) == answers
    return int(is_right.all(-1).sum()), int(is_right.sum())


def fitted_readout(variables: Tensor, answers: Tensor, vocabulary: int) -> Tensor:
    """Weights `[N, D, V]` in quarters of a logit, 0 for every variable that is left out.

    The variable that makes the answers likeliest is taken first, then the one that does beside it, until every answer
    is right or none gets likelier; then those without which the score is as high are left out again.

    Args:
        variables: One-hot values at the slots, `[N, I, n, D]`.
        answers: The right tokens, `[I, n]`.
        vocabulary: V.
    """
    best = min((_fit(variables, answers, vocabulary, [number]) for number in range(len(variables))), key=_loss)
    while best.score < (len(answers), answers.numel()) and len(best.chosen) < len(variables):
        left = [number for number in range(len(variables)) if number not in best.chosen]
        longer = min((_fit(variables, answers, vocabulary, [*best.chosen, number]) for number in left), key=_loss)
        if longer.loss > best.loss - _GAIN:
            break
        best = longer
    for number in best.chosen:
        if len(best.chosen) > 1:
            shorter = _fit(variables, answers, vocabulary, [other for other in best.chosen if other != number])
            best = shorter if shorter.score >= best.score else best
    return best.weights


def reachable_score(variables: Tensor, answers: Tensor, vocabulary: int) -> Score:
    """The score of a readout of all variables together; arguments as for `fitted_readout`."""
    return _fit(variables, answers, vocabulary, range(len(variables))).score


class _Fit(NamedTuple):
    chosen: tuple[int, ...]
    score: Score
    loss: float
    weights: Tensor


def _loss(fit: _Fit) -> float:
    return fit.loss


def _fit(variables: Tensor, answers: Tensor, vocabulary: int, chosen: Sequence[int]) -> _Fit:
    """The readout of the variables `chosen`."""
    rows, counts, wanted = _distinct(variables[list(chosen)], answers)
    weights = torch.zeros(len(variables), variables.shape[-1], vocabulary, dtype=variables.dtype)
    weights[list(chosen)], loss = _fitted(rows, counts, wanted, vocabulary)
    reached = score(torch.einsum("nisd,ndv->isv", variables, weights), answers)
    return _Fit(tuple(chosen), reached, loss, weights)


def _distinct(variables: Tensor, answers: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The distinct rows `[N, U, D]` of values and answer, how many of each there are, `[U]`, and the answers, `[U]`."""
    values = torch.cat([variables.argmax(-1).flatten(1), answers.reshape(1, -1)])  # (N + 1, I n)
    distinct, counts = values.unique(dim=1, return_counts=True)
    return functional.one_hot(distinct[:-1], variables.shape[-1]).to(variables), counts.to(variables), distinct[-1]


def _fitted(rows: Tensor, counts: Tensor, wanted: Tensor, vocabulary: int) -> tuple[Tensor, float]:
    """The weights `[K, D, V]` that make the answers likeliest, rounded, and the mean loss before that, in nats."""
    weights = torch.zeros(len(rows), rows.shape[-1], vocabulary, dtype=rows.dtype, requires_grad=True)
    search = torch.optim.LBFGS([weights], max_iter=_ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        logits = torch.einsum("kud,kdv->uv", rows, weights)
        losses = functional.cross_entropy(logits, wanted, reduction="none")
        return (losses * counts).sum() / counts.sum() + _DECAY * weights.square().sum()

    def closure() -> float:
        search.zero_grad()
        found = loss()
        found.backward()
        return float(found.detach())

    search.step(closure)
    fitted = weights.detach()
    return fitted.div(_GRAIN).round().mul(_GRAIN), float(loss().detach())
