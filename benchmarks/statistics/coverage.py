"""Do the intervals cover, and are the tests wrong, as often as they say? Simulated, by method, n and distribution.

python coverage.py [--quick]: writes its tables into README.md; a few minutes on one thread.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from page import table, write_section

from aetia.effects import (
    benjamini_hochberg,
    bootstrap_interval,
    clopper_pearson_interval,
    cluster_means,
    equivalence,
    holm,
    max_t,
    minimum_detectable_effect,
    paired_interval,
    passes,
    permutation_test,
    sign_flip_test,
    t_statistics,
    wilson_interval,
)
from aetia.effects.distributions import t_quantile, t_tail
from aetia.effects.intervals import effective_items
from aetia.effects.tests import means_and_errors

Floats: TypeAlias = npt.NDArray[np.float64]
Bounds: TypeAlias = tuple[Floats, Floats]
Draw: TypeAlias = Callable[[np.random.Generator, tuple[int, ...]], Floats]
Wrong: TypeAlias = Callable[["Distribution", int, np.random.Generator], bool | float]

_ITEMS = (6, 12, 24, 48, 96)  # multiples of a cluster
_CELLS = 20
_CHUNK = 250  # samples that share their resamples; each chunk has its own
_CLUSTER = 3


@dataclass(frozen=True)
class Distribution:
    """What items are drawn from, and its mean."""

    name: str
    draw: Draw
    mean: float
    spread: float


DISTRIBUTIONS = (
    Distribution("normal", lambda rng, shape: rng.normal(size=shape), 0.0, 1.0),
    Distribution("exponential", lambda rng, shape: rng.exponential(size=shape), 1.0, 1.0),
    Distribution("lognormal", lambda rng, shape: rng.lognormal(size=shape), np.exp(0.5), np.sqrt((np.e - 1.0) * np.e)),
    Distribution("t3", lambda rng, shape: rng.standard_t(3, size=shape), 0.0, np.sqrt(3.0)),
    Distribution("bernoulli(0.2)", lambda rng, shape: (rng.random(shape) < 0.2).astype(np.float64), 0.2, 0.4),
)


def _clustered(kind: Distribution, rng: np.random.Generator, n: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Samples [., N] in clusters of three; within one, each item has the cluster's own value half of the time."""
    clusters = np.arange(n) // _CLUSTER
    shared = np.repeat(kind.draw(rng, (_CHUNK, n // _CLUSTER)), _CLUSTER, axis=1)
    own = kind.draw(rng, (_CHUNK, n))
    return np.where(rng.random((_CHUNK, n)) < 0.5, shared, own), clusters


def _bounds(method: str, kind: Distribution, n: int, seed: int) -> Bounds:
    """The intervals of a chunk of samples."""
    rng = np.random.default_rng([seed, n, len(method)])
    if method == "paired BCa":
        # The arms share a part of each item's value; one is twice as spread, so that their differences are as skewed.
        shared, first, second = kind.draw(rng, (3, _CHUNK, n))
        return paired_interval(2.0 * first + shared, second + shared, seed=seed)
    if "clustered" in method:
        x, clusters = _clustered(kind, rng, n)
        if method == "clustered Wilson":
            shares = cluster_means(x, clusters)
            count = effective_items(shares, np.full(len(x), float(n)))
            return wilson_interval(shares.mean(axis=1) * count, count)
        return bootstrap_interval(cluster_means(x, clusters) if method == "clustered BCa" else x, seed=seed)
    return _PLAIN[method](kind.draw(rng, (_CHUNK, n)), seed)


def _student(x: Floats, seed: int) -> Bounds:  # noqa: ARG001  the others are resampled
    mean, error = means_and_errors(x)
    half = error * t_quantile(0.025, x.shape[1] - 1)
    return mean - half, mean + half


_PLAIN: dict[str, Callable[[Floats, int], Bounds]] = {
    "BCa": lambda x, seed: bootstrap_interval(x, seed=seed),
    "percentile": lambda x, seed: bootstrap_interval(x, seed=seed, method="percentile"),
    "Student's t": _student,
    "Wilson": lambda x, _: wilson_interval(x.sum(axis=1), np.full(len(x), float(x.shape[1]))),
    "Clopper-Pearson": lambda x, _: clopper_pearson_interval(x.sum(axis=1), np.full(len(x), float(x.shape[1]))),
}
_INTERVALS = (
    "BCa",
    "percentile",
    "paired BCa",
    "clustered BCa",
    "BCa, clustered items taken as independent",
    "Student's t",
)
_PROPORTIONS = ("Wilson", "Clopper-Pearson", "clustered Wilson")


def _coverage(samples: int) -> Iterator[list[str]]:
    for method in (*_INTERVALS, *_PROPORTIONS):
        for n in _ITEMS:
            row = [method, str(n)]
            for kind in DISTRIBUTIONS:
                if method in _PROPORTIONS and not kind.name.startswith("bernoulli"):
                    row.append("")
                    continue
                covered = 0
                for seed in range(samples // _CHUNK):
                    low, high = _bounds(method, kind, n, seed)
                    covered += int(np.sum((low <= kind.mean + 1e-12) & (kind.mean - 1e-12 <= high)))
                row.append(_share(covered, samples))
            yield row


def _grids(kind: Distribution, n: int, rng: np.random.Generator, draws: int) -> Floats:
    """Statistics [1 + draws, cells] of a grid of dependent cells without effect: the system's, and the null's."""
    x = kind.draw(rng, (1 + draws, _CELLS, n)) + kind.draw(rng, (1 + draws, 1, n)) - 2.0 * kind.mean
    return t_statistics(x.reshape(-1, n)).reshape(1 + draws, _CELLS)


def _wrong_max_t(kind: Distribution, n: int, rng: np.random.Generator) -> bool:
    t = _grids(kind, n, rng, 19)
    return bool(passes(max_t(t[0], t[1:])[1], 0.95).any())


def _wrong_uncorrected(kind: Distribution, n: int, rng: np.random.Generator) -> bool:
    t = _grids(kind, n, rng, 19)
    return bool(passes(max_t(t[0], t[1:])[0], 0.95).any())


def _wrong_holm(kind: Distribution, n: int, rng: np.random.Generator) -> bool:
    t = _grids(kind, n, rng, 399)
    return bool(passes(holm(max_t(t[0], t[1:])[0]), 0.95).any())


def _false_share(kind: Distribution, n: int, rng: np.random.Generator) -> float:
    """The share of false findings of Benjamini and Hochberg's, with effects in half of the cells."""
    t = _grids(kind, n, rng, 399)
    t[0, : _CELLS // 2] += 6.0
    found = passes(benjamini_hochberg(max_t(t[0], t[1:])[0]), 0.95)
    return float(found[_CELLS // 2 :].sum() / max(found.sum(), 1))


def _wrong_flips(kind: Distribution, n: int, rng: np.random.Generator) -> bool:
    x = kind.draw(rng, (_CELLS, n)) + kind.draw(rng, (1, n)) - 2.0 * kind.mean
    return bool(passes(sign_flip_test(x, 99, int(rng.integers(1 << 30)))[1], 0.95).any())


def _wrong_splits(kind: Distribution, n: int, rng: np.random.Generator) -> bool:
    x = kind.draw(rng, (_CELLS, 2 * n)) + kind.draw(rng, (1, 2 * n))
    return bool(passes(permutation_test(x[:, :n], x[:, n:], 99, int(rng.integers(1 << 30)))[1], 0.95).any())


def _wrong_equivalence(kind: Distribution, n: int, rng: np.random.Generator) -> float:
    x = kind.draw(rng, (_CELLS, n)) - kind.mean + kind.spread
    return float(np.mean(equivalence(x, kind.spread) <= 0.05))


def _power(kind: Distribution, n: int, rng: np.random.Generator) -> float:
    """How often the detectable effect, of samples with the true spread, is found: 80% is right."""
    known = np.resize([-1.0, 1.0], (1, n)) * np.sqrt((n - 1) / n) * kind.spread
    least = minimum_detectable_effect(known)[0]
    t = t_statistics(kind.draw(rng, (_CELLS, n)) - kind.mean + least)
    return float(np.mean(2.0 * t_tail(np.abs(t), n - 1) <= 0.05))


_TESTS: tuple[tuple[str, Wrong, int], ...] = (
    ("max-T, 19 draws: any false cell of 20", _wrong_max_t, 1),
    ("no correction, 19 draws: any false cell of 20", _wrong_uncorrected, 1),
    ("Holm, 399 draws: any false cell of 20", _wrong_holm, 4),
    ("Benjamini-Hochberg, 399 draws: share of false findings, half the cells true", _false_share, 4),
    ("sign flips with max-T, 99 draws: any false cell of 20", _wrong_flips, 1),
    ("two-sample permutations with max-T, 99 draws: any false cell of 20", _wrong_splits, 1),
    ("equivalence at its margin, one standard deviation", _wrong_equivalence, 1),
    ("power of the minimum detectable effect (80% is right)", _power, 1),
)


def _errors(samples: int, items: Sequence[int]) -> Iterator[list[str]]:
    for name, wrong, cost in _TESTS:
        for n in items:
            row = [name, str(n)]
            for kind in DISTRIBUTIONS:
                count = samples // cost
                rng = np.random.default_rng([n, len(name)])
                row.append(_mean([float(wrong(kind, n, rng)) for _ in range(count)]))
            yield row


def _share(successes: int, trials: int) -> str:
    low, high = wilson_interval(np.array([float(successes)]), np.array([float(trials)]))
    return f"{100 * successes / trials:.1f} ({100 * low[0]:.1f}-{100 * high[0]:.1f})"


def _mean(values: list[float]) -> str:
    x = np.array([values])
    if set(values) <= {0.0, 1.0}:
        return _share(int(x.sum()), x.size)
    mean, error = means_and_errors(x)
    return f"{100 * mean[0]:.1f} ({100 * (mean[0] - 1.96 * error[0]):.1f}-{100 * (mean[0] + 1.96 * error[0]):.1f})"


def main() -> None:
    """Simulates and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the samples, and nothing is written")
    args = parser.parse_args()
    start = time.perf_counter()
    names = [kind.name for kind in DISTRIBUTIONS]
    samples, repeats = (500, 200) if args.quick else (4000, 1600)
    lines = [f"Coverage of 95% intervals, in percent, of {samples} samples each; in brackets its own 95% interval.", ""]
    lines += table(["interval", "n", *names], list(_coverage(samples)))
    lines += ["", f"Errors at 5%, in percent, of {repeats} grids each ({repeats // 4} of tests with 399 draws).", ""]
    lines += table(["test", "n", *names], list(_errors(repeats, (6, 24, 96))))
    lines += ["", f"Made in {time.perf_counter() - start:.0f} s."]
    print("\n".join(lines))
    if not args.quick:
        write_section("coverage", lines)


main()
