"""How often does interchanging a variable through a learned map give the answer that it should, and is that news?

Interchange accuracy means something only relative to the class of maps: with maps that are rich enough, nearly every
network, trained or not, aligns with every algorithm. So the same class, with the same budget, is always fitted on the
randomised network too, and an accuracy is a finding only if it is above what that allows.

Letters: N interchanges, w width of the site.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from aetia.errors import StudyError
from aetia.features.interchange import Bundle, Interchange, bundles, margins
from aetia.features.maps import AlignmentMap, MapClass, fit
from aetia.models.network import Network
from aetia.models.randomise import randomised
from aetia.models.sites import Site

__all__ = [
    "CHANCE",
    "Accuracy",
    "Budget",
    "Compared",
    "compare",
    "interchange_accuracy",
    "random_labels",
    "refitted",
    "score_map",
]

CHANCE = 0.5
"""Two tokens are compared, so that a coin is right this often, and so is a network that does not know the task.

It is not what every site without the variable gives: a network that does the task keeps the base run's answer there,
which is never the expected one, so that the accuracy is 0.
"""


@dataclass(frozen=True)
class Budget:
    """What every fit may use, on the real and on the randomised network alike.

    Args:
        dimensions: How many coordinates the variable has.
        steps: Steps of Adam.
        seed: Of first guesses, batches, random labels and random weights.
    """

    dimensions: int
    steps: int
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Accuracy:
    """What one map does on held-out interchanges, `[N]` each, 1 or 0.

    Args:
        interchanged: Whether the expected token wins after the interchange.
        random_labels: The same for a map fitted to random answers and scored by them: chance, unless the split between
            training and test leaks.
        unpatched: Whether the source run by itself gives the expected token: the network's own accuracy, which is what
            the interchange of a run with itself has to reach.
        own: Whether the interchange of the source run with itself gives the expected token.
        inverse_error: The largest deviation of such an interchange from the value that it started from, relative to
            the largest value.
    """

    interchanged: Tensor
    random_labels: Tensor
    unpatched: Tensor
    own: Tensor
    inverse_error: float


@dataclass(frozen=True, eq=False)
class Compared:
    """A class of maps on the real network and on randomised ones, `[N]` each; `twins` is a mean over those."""

    real: Accuracy
    twins: Accuracy

    @property
    def difference(self) -> Tensor:
        """By how much the real network's accuracy is above the randomised ones', `[N]`; not tested."""
        return self.real.interchanged - self.twins.interchanged


def random_labels(interchanges: Sequence[Interchange], seed: int) -> tuple[Interchange, ...]:
    """The interchanges with expected and other token exchanged or not, by a coin that belongs to the source prompt.

    A prompt that is in training and in test has the same coin in both, so that a map that has memorised prompts is
    above a half on such a test.

    Source: Hewitt and Liang 2019, Designing and Interpreting Probes with Control Tasks.
    """

    def has_tails(one: Interchange) -> bool:
        return hashlib.sha256(repr((seed, one.source_ids)).encode()).digest()[0] % 2 == 1

    return tuple(
        replace(one, expected=one.other, other=one.expected) if has_tails(one) else one for one in interchanges
    )


def score_map(
    network: Network,
    site: Site,
    train: Sequence[Interchange],
    test: Sequence[Interchange],
    one: MapClass,
    budget: Budget,
) -> Accuracy:
    """Fits a map to some interchanges and scores it on others.

    Args:
        network: The network.
        site: The site, at one position.
        train: What the map is fitted to.
        test: What it is scored on.
        one: The class of maps.
        budget: Of the fit.

    Raises:
        StudyError: AE-1407 the variable has no coordinates, or more than the site.

    Source: Sutter et al. 2025, The Non-Linear Representation Dilemma (arXiv 2507.08802), seed 081.
    """
    fitted, tested = bundles(network, site, train), bundles(network, site, test)
    width = fitted[0].base.shape[1]
    if not 1 <= budget.dimensions <= width:
        found = f"A variable of {budget.dimensions} dimensions does not fit into the {width} of {site}."
        raise StudyError("AE-1407", found, mend=f"use from 1 to {width} dimensions.")
    size = {"dimensions": budget.dimensions, "steps": budget.steps, "seed": budget.seed}
    found = fit(network, site, fitted, one, **size)
    chance = fit(network, site, bundles(network, site, random_labels(train, budget.seed)), one, **size)
    unlabelled = bundles(network, site, random_labels(test, budget.seed))
    plain = bundles(network, site, [replace(question, base_ids=question.source_ids) for question in test])
    return Accuracy(
        interchanged=interchange_accuracy(network, site, tested, found),
        random_labels=interchange_accuracy(network, site, unlabelled, chance),
        unpatched=_wins(network, site, [(part, part.base) for part in plain]),
        own=interchange_accuracy(network, site, plain, found),
        inverse_error=_inverse_error(plain, found),
    )


def refitted(
    network: Network,
    site: Site,
    train: Sequence[Interchange],
    test: Sequence[Interchange],
    one: MapClass,
    budget: Budget,
) -> Tensor:
    """Whether the expected token wins, `[N]`, on a draw of a null: the same fit as in `score_map`, and no more."""
    size = {"dimensions": budget.dimensions, "steps": budget.steps, "seed": budget.seed}
    found = fit(network, site, bundles(network, site, train), one, **size)
    return interchange_accuracy(network, site, bundles(network, site, test), found)


def interchange_accuracy(network: Network, site: Site, tested: Sequence[Bundle], one: AlignmentMap) -> Tensor:
    """Whether the expected token wins, `[N]`, when the variable is interchanged through a map."""
    with torch.no_grad():
        return _wins(network, site, [(part, one.interchange(part.base, part.source)) for part in tested])


def _wins(network: Network, site: Site, runs: Sequence[tuple[Bundle, Tensor]]) -> Tensor:
    found = torch.zeros(sum(len(part.places) for part, _ in runs), dtype=torch.float64)
    with torch.no_grad():
        for part, values in runs:
            found[list(part.places)] = (margins(network, site, part, values) > 0).double().cpu()
    return found


def _inverse_error(plain: Sequence[Bundle], one: AlignmentMap) -> float:
    """How far a run's interchange with itself is from its value, at most, relative to the largest value."""
    with torch.no_grad():
        pairs = [(part.base, one.interchange(part.base, part.source)) for part in plain]
        return max(float((back - value).abs().max() / value.abs().max().clamp_min(1e-30)) for value, back in pairs)


def compare(
    network: Network,
    site: Site,
    train: Sequence[Interchange],
    test: Sequence[Interchange],
    one: MapClass,
    budget: Budget,
    *,
    twins: int = 1,
) -> Compared:
    """Aligns the network, and as many randomised twins of it, with the same class, budget and interchanges.

    Args:
        network: The real network.
        site: The site, at one position.
        train: What maps are fitted to.
        test: What they are scored on.
        one: The class of maps.
        budget: Of each fit.
        twins: How many randomised networks.

    Source: arXiv 2507.08802 (randomly initialised models), seed 081; arXiv 2512.18792 (the null), seed 087.
    What it does not show: that an alignment with a difference is the only one, or that the variable is used elsewhere.
    """
    real = score_map(network, site, train, test, one, budget)
    # Each twin is made, used and dropped, since its weights are as large as the network's.
    others = [
        score_map(randomised(network, _twin(budget.seed, n)), site, train, test, one, budget) for n in range(twins)
    ]
    return Compared(real, _mean(others))


def _twin(seed: int, number: int) -> int:
    return int.from_bytes(hashlib.sha256(repr(("twin", seed, number)).encode()).digest()[:4], "big")


def _mean(found: Sequence[Accuracy]) -> Accuracy:
    def mean(values: Sequence[Tensor]) -> Tensor:
        return torch.stack(list(values)).mean(0)

    return Accuracy(
        mean([one.interchanged for one in found]),
        mean([one.random_labels for one in found]),
        mean([one.unpatched for one in found]),
        mean([one.own for one in found]),
        max(one.inverse_error for one in found),
    )
