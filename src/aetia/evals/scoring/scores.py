"""How good are the replies, and how sure is that? Accuracy, orbits, and calibration, by task and adaptation.

Scored replies are a table with one row for each reply: task, adaptation, item, cluster, orbit, variant, form, label,
answer (null if there is none), right (1, 0, or a share), first_answer and reply. Items of one cluster depend on each
other: every interval counts clusters.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.stats import beta, binom

from aetia.effects import bootstrap_interval, wilson_interval
from aetia.effects.intervals import effective_items
from aetia.errors import EvaluationError
from aetia.evals.scoring.calm_metrics import Floats
from aetia.evals.scoring.extraction import normal_text

__all__ = [
    "SCORED",
    "Calibration",
    "ScoredRow",
    "calibration",
    "cells",
    "cluster_values",
    "is_rewording",
    "plain_answer",
    "scores",
    "share_of",
    "worth_of",
]

ScoredRow: TypeAlias = Mapping[str, str | float | None]
"""A row of the table of scored replies."""

SCORED = pa.schema(
    [
        ("task", pa.string()),
        ("adaptation", pa.string()),
        ("item", pa.string()),
        ("cluster", pa.string()),
        ("orbit", pa.string()),
        ("variant", pa.string()),
        ("form", pa.string()),
        ("label", pa.string()),
        ("answer", pa.string()),
        ("right", pa.float64()),
        ("first_answer", pa.string()),
        ("reply", pa.string()),
    ]
)
"""The columns of scored replies."""

_NEEDED = ("task", "adaptation", "item", "cluster", "orbit", "variant", "form", "label", "answer", "right")
_REWORDED = ("names=", "wording=", "language=")
_BINS = 15


@dataclass(frozen=True)
class Calibration:
    """How well the probabilities of options say how often they are right.

    Args:
        items: How many items.
        error: The expected calibration error: the mean gap of the likeliest option's probability and its accuracy.
        error_bounds: Its bootstrap interval; of few items it lies too high, since chance makes gaps.
        brier: The mean squared distance of the probabilities from the right option: 0 at best, 2 at worst.
        brier_bounds: Its bootstrap interval.
    """

    items: int
    error: float
    error_bounds: tuple[float, float]
    brier: float
    brier_bounds: tuple[float, float]


def scores(
    scored: pa.Table, chance: Mapping[str, float] | None = None, level: float = 0.95, comparisons: int = 1
) -> pa.Table:
    """Return one row for each task and adaptation.

    Args:
        scored: The scored replies; see the head of this module.
        chance: The share that a blind guess gets right, by task; 0 for tasks that are not in it.
        level: Coverage of the intervals.
        comparisons: How many cells are tested together against their chance.

    Returns:
        items, clusters, answered (the share with an answer), accuracy with low and high (Wilson's, for as many items
        as the clusters count), above_chance with its low and high ((accuracy - chance) / (1 - chance)), detectable (the
        smallest distance above chance that the one-sided exact test of as many items mostly finds among so many cells,
        power 80%; NaN without a chance, and where not even right answers alone would pass), orbits (of two members and
        more), orbits_right (all members right) with low and high, reworded (orbits with rewordings that tell whether
        their answers agree), reworded_same (the same answer to each of these) with low and high. Where rewordings have
        other labels, as other names have, the same answer is the right one to each; if none is right, nothing is told.

    Raises:
        EvaluationError: AE-8511 a column is missing; AE-8512 there are no replies.

    Source: Miller, Adding Error Bars to Evals, arXiv 2411.00640, 2024 (clusters); Korn and Graubard 1998 (effective
    items); Bloom, Minimum Detectable Effects, Evaluation Review 1995, here of the binomial law under chance.
    """
    found = cells(scored).items()
    rows = [_cell(key, members, (chance or {}).get(key[0], 0.0), (level, comparisons)) for key, members in found]
    if not rows:
        raise EvaluationError("AE-8512", "There are no scored replies.", mend="run the items first.")
    return pa.Table.from_pylist(rows)


def cells(scored: pa.Table, keys: Sequence[str] = ("task", "adaptation")) -> dict[tuple[str, ...], list[ScoredRow]]:
    """Return the rows of each cell, in the order in which the cells appear.

    Raises:
        EvaluationError: AE-8511 a column is missing.
    """
    missing = [name for name in _NEEDED if name not in scored.schema.names]
    if missing:
        found = f"The table of scored replies has no column {missing[0]!r}."
        raise EvaluationError("AE-8511", found, mend=f"its columns are: {', '.join(SCORED.names)}.")
    found_cells: dict[tuple[str, ...], list[ScoredRow]] = {}
    for row in scored.select(list(_NEEDED)).to_pylist():
        found_cells.setdefault(tuple(str(row[key]) for key in keys), []).append(row)
    return found_cells


def cluster_values(values: npt.ArrayLike, clusters: Sequence[str]) -> Floats:
    """Return one value for each cluster whose mean is the mean of the items, and whose spread is that of the mean.

    A cluster's value is the mean of all plus what its items add to it: clusters of many items weigh more, which a mean
    of clusters' means would not let them.

    Args:
        values: [N] of the items.
        clusters: [N] their clusters.

    Returns:
        [1, C], for statistics of independent values.

    Source: Cochran, Sampling Techniques, 1977, section 9A (ratio to size, linearised).
    """
    told = np.asarray(values, dtype=np.float64)
    number = np.unique(np.asarray(clusters), return_inverse=True)[1].ravel()
    count = int(number.max(initial=-1)) + 1
    sums, sizes = np.bincount(number, told, count), np.bincount(number, minlength=count)
    mean = told.mean()
    return (mean + count * (sums - mean * sizes) / told.size)[None, :]


def is_rewording(variant: str) -> bool:
    """Return whether a member of an orbit asks the same as the base, in other words, names or another language.

    Its label is the base's, but for texts, which may name what has another name. Other orders of options have another
    number as their label, so that they are none here.
    """
    return variant == "base" or variant.startswith(_REWORDED)


def plain_answer(form: object, answer: object) -> str | None:
    """Return an answer in one writing, so that the same answers are equal: texts without their dress."""
    if answer is None:
        return None
    return normal_text(str(answer)) if form == "text" else str(answer)


def calibration(
    log_probabilities: Sequence[Sequence[float]],
    right: Sequence[int],
    clusters: Sequence[str] | None = None,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> Calibration:
    """Return how well the options' probabilities are calibrated; they are made to sum to 1 over each item's options.

    Args:
        log_probabilities: For each item the log-probability of each of its options, in nats.
        right: For each item the place of its right option, from 0.
        clusters: [N] the items' clusters; each item is one by itself if None.
        level: Coverage of the intervals.
        draws: Of the bootstrap, over clusters.
        seed: Of these draws.

    Raises:
        EvaluationError: AE-8512 there are no items.

    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017 (15 bins of equal width); Brier 1950.
    """
    if not len(right):
        raise EvaluationError("AE-8512", "There are no scored replies.", mend="run the items first.")
    shares = [_softmax(one) for one in log_probabilities]
    brier = np.array(
        [np.sum((share - (np.arange(share.size) == at)) ** 2) for share, at in zip(shares, right, strict=True)]
    )
    confidence = np.array([share.max() for share in shares])
    hits = np.array([float(share.argmax() == at) for share, at in zip(shares, right, strict=True)])
    names = np.unique(np.asarray(clusters if clusters is not None else range(len(hits))), return_inverse=True)[
        1
    ].ravel()
    low, high = bootstrap_interval(cluster_values(brier, [str(one) for one in names]), level, draws, seed)
    gaps = _resampled_errors(confidence, hits, names, draws, seed)
    bounds = np.quantile(gaps, [(1 - level) / 2, (1 + level) / 2]) if names.max() else np.full(2, np.nan)
    return Calibration(
        len(hits),
        float(_errors(confidence, hits, np.ones((1, len(hits))))[0]),
        (float(bounds[0]), float(bounds[1])),
        float(brier.mean()),
        (float(low[0]), float(high[0])),
    )


def _cell(
    key: tuple[str, ...], rows: Sequence[ScoredRow], chance: float, rates: tuple[float, int]
) -> dict[str, str | float | int]:
    level, comparisons = rates
    right = np.array([float(row["right"] or 0.0) for row in rows])
    clusters = [str(row["cluster"]) for row in rows]
    share, low, high = share_of(right, clusters, level)
    values = cluster_values(right, clusters)
    orbits = list(_orbits(rows))
    whole = [(float(all(row["right"] == 1.0 for row in members)), str(members[0]["cluster"])) for members in orbits]
    agreed = [(_is_same(members), str(members[0]["cluster"])) for members in map(_reworded, orbits) if len(members) > 1]
    same = [(float(one), cluster) for one, cluster in agreed if one is not None]
    return {
        "task": key[0],
        "adaptation": key[1],
        "items": len(rows),
        "clusters": values.shape[1],
        "answered": float(np.mean([row["answer"] is not None for row in rows])),
        "accuracy": share,
        "low": low,
        "high": high,
        **dict(zip(("above_chance", "above_low", "above_high"), _above((share, low, high), chance), strict=True)),
        "detectable": _detectable(worth_of(right, clusters, level), chance, (1.0 - level) / comparisons),
        **_orbit_columns("orbits", "orbits_right", whole, level),
        **_orbit_columns("reworded", "reworded_same", same, level),
    }


def _detectable(worth: float, chance: float, rate: float, power: float = 0.8) -> float:
    """The smallest distance above chance that the exact test of so many items finds with that power."""
    items = max(1, round(worth))
    if not 0.0 < chance < 1.0:
        return np.nan
    least = int(binom.isf(rate, items, chance)) + 1  # right answers that pass
    return float(beta.ppf(power, least, items - least + 1)) - chance if least <= items else np.nan


def _orbit_columns(count: str, name: str, found: Sequence[tuple[float, str]], level: float) -> dict[str, float | int]:
    share, low, high = share_of(np.array([one for one, _ in found]), [cluster for _, cluster in found], level)
    return {count: len(found), name: share, f"{name}_low": low, f"{name}_high": high}


def share_of(right: Floats, clusters: Sequence[str], level: float = 0.95) -> tuple[float, float, float]:
    """Return a share and its bounds: Wilson's, for as many items as the clusters are worth.

    NaN for nothing, and bounds of NaN for several items of a single cluster, which have no spread that is known.

    Args:
        right: [N] 1, 0, or shares.
        clusters: [N] the items' clusters.
        level: Coverage.
    """
    if not right.size:
        return np.nan, np.nan, np.nan
    share = float(right.mean())
    if right.size > 1 and len(set(clusters)) == 1:
        return share, np.nan, np.nan
    count = np.array([worth_of(right, clusters, level)])
    low, high = wilson_interval(share * count, count, level)
    return share, float(low[0]), float(high[0])


def worth_of(right: Floats, clusters: Sequence[str], level: float = 0.95) -> float:
    """Return how many independent items the clusters are worth: all if each item is one by itself, one if all are."""
    values = cluster_values(right, clusters)
    if values.shape[1] in {right.size, 1}:
        return float(values.shape[1])
    return float(effective_items(values, right.size, level)[0])


def _above(shares: tuple[float, float, float], chance: float) -> list[float]:
    return [(share - chance) / (1.0 - chance) if chance < 1.0 else np.nan for share in shares]


def _orbits(rows: Sequence[ScoredRow]) -> Iterator[list[ScoredRow]]:
    """The orbits of two members and more."""
    found: dict[str, list[ScoredRow]] = {}
    for row in rows:
        if row["orbit"]:
            found.setdefault(str(row["orbit"]), []).append(row)
    yield from (members for members in found.values() if len(members) > 1)


def _reworded(members: Sequence[ScoredRow]) -> list[ScoredRow]:
    return [row for row in members if is_rewording(str(row["variant"]))]


def _is_same(members: Sequence[ScoredRow]) -> bool | None:
    """Whether all have the same answer; no answer is none. None where other labels leave it open."""
    if any(row["answer"] is None for row in members):
        return False
    if len({plain_answer(row["form"], row["label"]) for row in members}) == 1:
        return len({plain_answer(row["form"], row["answer"]) for row in members}) == 1
    right = {row["right"] for row in members}
    return None if right == {0.0} else right == {1.0}


def _softmax(logs: Sequence[float]) -> Floats:
    values = np.asarray(logs, dtype=np.float64)
    shares = np.exp(values - values.max())
    return shares / shares.sum()


def _errors(confidence: Floats, hits: Floats, weights: Floats) -> Floats:
    """The calibration error of each row of weights [B, N]."""
    place = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
    belongs = (place[:, None] == np.arange(_BINS)).astype(np.float64)
    gaps = np.abs((weights * (hits - confidence)) @ belongs)
    return gaps.sum(axis=1) / weights.sum(axis=1)


def _resampled_errors(confidence: Floats, hits: Floats, names: npt.NDArray[np.int64], draws: int, seed: int) -> Floats:
    generator, count = np.random.default_rng(seed), int(names.max()) + 1
    found: list[Floats] = []
    for start in range(0, draws, 100):
        taken = generator.multinomial(count, np.full(count, 1.0 / count), size=min(100, draws - start))
        found.append(_errors(confidence, hits, taken[:, names].astype(np.float64)))
    return np.concatenate(found)
