"""What do samples of a causal model look like, and what do they estimate where exact answers are too large?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from aetia.errors import CausalModelError
from aetia.scm.language.query import Value
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.models.factor import as_names
from aetia.scm.models.functional import FunctionalModel
from aetia.scm.models.linear import LinearModel

__all__ = ["Estimate", "estimate", "sample"]

_CHUNK = 2**15
"""Units drawn at once: what they need stays in the cache."""


def sample(
    model: DiscreteModel | LinearModel | FunctionalModel,
    count: int,
    *,
    seed: int,
    names: Sequence[str] | None = None,
) -> dict[str, np.ndarray]:
    """So many independent units of the model: of each variable the column of its values, [N].

    Args:
        model: The model; under an intervention, if it comes from `do`.
        count: How many units.
        seed: The same seed gives the same units.
        names: The variables, or one variable; None for all observed ones.

    Raises:
        CausalModelError: AE-7208 a variable is unknown; AE-7212 the count or the seed is negative, or no whole number.
    """
    _require_whole(count, 0, seed)
    wanted = tuple(model.observed if names is None else as_names(names))
    if isinstance(model, LinearModel):
        found = model.distribution(wanted)
        rows = np.random.default_rng(seed).standard_normal((count, len(wanted))) @ _root(found.covariance).T
        return {name: found.mean[place] + rows[:, place] for place, name in enumerate(wanted)}
    if isinstance(model, FunctionalModel):
        columns = model.evaluated(model.draw_noise(count, seed), count)
        unknown = [name for name in wanted if name not in columns]
        if unknown:
            found = f"There is no variable {unknown[0]} in the model."
            raise CausalModelError("AE-7208", found, mend=f"use one of {', '.join(columns)}.")
        return {name: columns[name] for name in wanted}
    model.known(wanted)
    domains = {name: _domain(model.values[name]) for name in wanted}
    columns = {name: np.empty(count, dtype=domains[name].dtype) for name in wanted}
    tables, draw = _Tables.of(model, wanted, {}), np.random.default_rng(seed)
    for start, stop in _chunks(count):
        places, _ = tables.drawn(draw, stop - start)
        for name, column in columns.items():
            column[start:stop] = domains[name][places[name]]
    return columns


def _require_whole(count: int, least: int, seed: int) -> None:
    """Nothing, once it is sure that so many units can be drawn from that seed.

    Raises:
        CausalModelError: AE-7212 they cannot.
    """
    if not isinstance(count, int | np.integer) or count < least:
        raise CausalModelError("AE-7212", f"There is no sample of {count} units.", mend="ask for at least one.")
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise CausalModelError("AE-7212", f"There is no seed {seed}.", mend="give a whole number, zero or more.")


def _root(covariance: np.ndarray) -> np.ndarray:
    """A square root of a covariance that may be singular, [V, V]."""
    spread = np.sqrt(np.maximum(np.diag(covariance), 0))
    scale = np.where(spread > 0, spread, 1.0)
    sizes, directions = np.linalg.eigh(covariance / np.outer(scale, scale))
    return directions * np.sqrt(np.maximum(sizes, 0)) * spread[:, None]


def _domain(values: tuple[Value, ...]) -> np.ndarray:
    """The values as an array that keeps what they are: no number becomes text, no truth value a number."""
    kinds = {type(value) for value in values}
    if (len(kinds) == 1 and kinds <= {int, float, bool}) or kinds == {int, float}:
        try:
            return np.array(values)
        except OverflowError:
            pass
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def _chunks(count: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK))


@dataclass(frozen=True)
class _Tables:
    """The tables that are drawn from, causes first.

    Args:
        nodes: Of each variable, its parents with the stride of each in the rows of its table, and the table: of a
            variable that is drawn, cumulative probabilities [row, value but the last]; of one that is known, its
            probability [row].
        known: The places of the values of what is known.
    """

    nodes: Mapping[str, tuple[tuple[tuple[str, int], ...], np.ndarray]]
    known: Mapping[str, int]

    @classmethod
    def of(cls, model: DiscreteModel, wanted: Sequence[str], known: Mapping[str, int]) -> "_Tables":
        relevant = model.graph.ancestors((*wanted, *known))
        nodes = dict[str, tuple[tuple[tuple[str, int], ...], np.ndarray]]()
        for name in model.graph.order:
            if name in relevant:
                mechanism = model.mechanisms[name]
                shape = mechanism.table.shape
                strides = [int(np.prod(shape[place + 1 : -1])) for place in range(len(shape) - 1)]
                table = mechanism.table.astype(np.float64).reshape(-1, shape[-1])
                rows = table[:, known[name]] if name in known else _cumulative(table)
                nodes[name] = tuple(zip(mechanism.parents, strides, strict=True)), rows
        return cls(nodes, known)

    def drawn(self, draw: np.random.Generator, count: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The places of so many units' values, and the weight of each: how likely it makes what is known."""
        places, weights = dict[str, np.ndarray](), np.ones(count)
        for name, (parents, table) in self.nodes.items():
            row = np.zeros(1, dtype=np.intp)
            for parent, stride in parents:
                row = row + places[parent] * stride
            if name in self.known:
                weights *= table[row]
                places[name] = np.full(1, self.known[name], dtype=np.intp)
                continue
            chance, place = draw.random(count), np.zeros(count, dtype=np.intp)
            for column in table.T:
                place += chance >= column[row]
            places[name] = place
        return places, weights


def _cumulative(table: np.ndarray) -> np.ndarray:
    """The cumulative probabilities but the last, [row, value]; one as soon as nothing is left, in spite of rounding."""
    is_all = np.flip(np.flip(table, axis=1).cumsum(axis=1), axis=1)[:, 1:] == 0
    return np.where(is_all, 1.0, table.cumsum(axis=1)[:, :-1])


@dataclass(frozen=True)
class Estimate:
    """A probability as samples tell it.

    Args:
        value: The estimate.
        standard_error: Its standard error.
        effective: How many unweighted units would tell as much.
    """

    value: float
    standard_error: float
    effective: float


def estimate(
    model: DiscreteModel,
    event: Mapping[str, Value],
    given: Mapping[str, Value] | None = None,
    *,
    count: int = 1_000_000,
    seed: int,
) -> Estimate:
    """The probability of an event given what is known, by likelihood weighting: for models too wide to be exact.

    Args:
        model: The model.
        event: Values of variables.
        given: What is known.
        count: How many units are drawn.
        seed: The same seed gives the same estimate.

    Raises:
        CausalModelError: AE-7208 a variable is unknown; AE-7207 a value is; AE-7212 the count is not positive, or the
            seed negative, or one no whole number; AE-7213 none of the units is compatible with what is known.

    Source: Fung and Chang, Weighing and integrating evidence for stochastic simulation in Bayesian networks, UAI 1989;
    the standard error of a ratio of means by the delta method.
    """
    _require_whole(count, 1, seed)
    wanted, known = model.index(event), model.index(given or {})
    tables, draw = _Tables.of(model, tuple(wanted), known), np.random.default_rng(seed)
    whole = squares = hits = hit_squares = 0.0
    for start, stop in _chunks(count):
        places, weights = tables.drawn(draw, stop - start)
        is_hit = np.ones(stop - start, dtype=bool)
        for name, place in wanted.items():
            is_hit &= places[name] == place
        whole, squares = whole + weights.sum(), squares + (weights**2).sum()
        hits, hit_squares = hits + weights[is_hit].sum(), hit_squares + (weights[is_hit] ** 2).sum()
    if not whole:
        what = ", ".join(f"{name}={value!r}" for name, value in (given or {}).items())
        mend = "draw more, or ask given less; it may be impossible."
        raise CausalModelError("AE-7213", f"None of {count} units is compatible with {what}.", mend=mend)
    value, effective = float(hits / whole), float(whole**2 / squares)
    if hits in (0, whole):
        # Nothing but one outcome was seen: the spread is that of the rule of succession, not zero.
        towards = (value * effective + 1) / (effective + 2)
        return Estimate(value, float(np.sqrt(towards * (1 - towards) / effective)), effective)
    variance = (hit_squares * (1 - value) ** 2 + (squares - hit_squares) * value**2) / whole**2
    return Estimate(value, float(np.sqrt(variance)), effective)
