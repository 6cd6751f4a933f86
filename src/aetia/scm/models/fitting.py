"""Which model of a given graph makes a table of data most likely?

Letters: N rows, V variables.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import cast

import numpy as np
import pyarrow as pa

from aetia.errors import CausalModelError
from aetia.scm.graphs.graph import Graph
from aetia.scm.language.query import Value
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.models.linear import LinearModel
from aetia.scm.models.mechanism import Mechanism

__all__ = ["Data", "fit_discrete", "fit_linear"]

Data = Mapping[str, Sequence[Value] | np.ndarray] | pa.Table
"""A table of data: of each variable its column, [N]."""

_MOST_SWEEPS = 5_000
_ROUNDING = 1e-7
"""Relative to a column's spread: what a column adds to others that is less than this is no regressor of its own."""


def fit_discrete(
    graph: Graph, data: Data, *, values: Mapping[str, Sequence[Value]] | None = None, smoothing: float = 0.0
) -> DiscreteModel:
    """The tables that are most likely: of each variable, its frequencies among the rows with the same parents.

    Args:
        graph: A DAG over columns of the data.
        data: The table of data.
        values: Of each variable its values; those of the data, sorted, where left out.
        smoothing: What is added to every count (1 is Laplace's); 0 takes the frequencies as they are.

    Raises:
        GraphError: AE-7103 the graph has a cycle, AE-7105 an edge is not oriented.
        CausalModelError: AE-7214 the graph has hidden variables; AE-7215 a column is absent, or not of the others'
            length, or has gaps or anything but one value a row; AE-7207 a value is none of those listed; AE-7216 some
            values of a variable's parents never occur together; AE-7220 the smoothing is negative, or not finite.
    """
    if not (math.isfinite(smoothing) and smoothing >= 0):
        found = f"The smoothing is {smoothing}, and what is added to a count is at least zero."
        raise CausalModelError("AE-7220", found, mend="use 0 for the frequencies as they are, 1 for Laplace's rule.")
    if graph.require_admg() and (graph.latent or not graph.is_dag):
        found = "The graph has hidden variables, and tables cannot be counted for these."
        raise CausalModelError("AE-7214", found, mend="fit a DAG of what was observed, or identify the effect instead.")
    domains, places = dict[str, tuple[Value, ...]](), dict[str, np.ndarray]()
    for name, column in _columns(graph, data).items():
        domains[name], places[name] = _coded(name, column, (values or {}).get(name))
    mechanisms = {
        name: _counted(name, sorted(graph.parents[name], key=graph.nodes.index), domains, places, smoothing)
        for name in graph.nodes
    }
    return DiscreteModel(domains, mechanisms)


def _columns(graph: Graph, data: Data) -> dict[str, list[Value]]:
    names = list(data) if isinstance(data, Mapping) else data.column_names
    absent = [name for name in graph.nodes if names.count(name) != 1]
    if absent:
        found = f"The data have {names.count(absent[0])} columns of the name {absent[0]}."
        raise CausalModelError("AE-7215", found, mend="give every variable of the graph one column.")
    if isinstance(data, Mapping):
        columns = {name: _listed(data[name]) for name in graph.nodes}
    else:
        columns = {name: data[name].to_pylist() for name in graph.nodes}
    wide = [name for name, column in columns.items() if not all(map(_is_single, column))]
    if wide:
        found = f"The column {wide[0]} is no list of single values."
        raise CausalModelError("AE-7215", found, mend="give one value a row; split lists into columns of their own.")
    count = len(next(iter(columns.values()), ()))
    for name, column in columns.items():
        if len(column) != count or not column:
            found = f"The column {name} has {len(column)} rows" + (f", another {count}." if column else ".")
            raise CausalModelError("AE-7215", found, mend="give columns of one length, at least one row.")
        gap = next((row for row, value in enumerate(column) if value is None or value != value), None)  # noqa: PLR0124
        if gap is not None:
            found = f"The column {name} has no value in row {gap}."
            raise CausalModelError("AE-7215", found, mend="leave such rows out, or fill them in first.")
    return columns


def _listed(column: Sequence[Value] | np.ndarray) -> list[Value]:
    try:
        cells = np.asarray(column, dtype=object)
    except ValueError:  # arrays of several shapes
        return list(column)
    return cells.tolist() if cells.ndim else [cells.tolist()]


def _is_single(value: object) -> bool:
    return isinstance(value, str | bytes) or not isinstance(value, Collection)


def _coded(name: str, column: Sequence[Value], listed: Sequence[Value] | None) -> tuple[tuple[Value, ...], np.ndarray]:
    """The values of a variable, and of each row the place of its value among them."""
    try:
        domain = sorted(set(column), key=lambda value: (isinstance(value, str), value)) if listed is None else listed
    except TypeError as error:
        found = f"The values of the column {name} have no order, or cannot be told apart."
        raise CausalModelError(
            "AE-7215", found, mend="list them in `values`, or give numbers or texts alone."
        ) from error
    place = {value: number for number, value in enumerate(domain)}
    unknown = next((value for value in column if value not in place), None)
    if unknown is not None:
        found = f"The column {name} has the value {unknown!r}."
        raise CausalModelError("AE-7207", found, mend=f"list it beside {', '.join(map(repr, domain))}.")
    return tuple(domain), np.fromiter((place[value] for value in column), dtype=np.intp, count=len(column))


def _counted(
    name: str,
    parents: Sequence[str],
    domains: Mapping[str, tuple[Value, ...]],
    places: Mapping[str, np.ndarray],
    smoothing: float,
) -> Mechanism:
    shape = tuple(len(domains[axis]) for axis in (*parents, name))
    flat = np.ravel_multi_index([places[axis] for axis in (*parents, name)], shape)
    counts = np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape) + smoothing
    whole = counts.sum(axis=-1, keepdims=True)
    if not np.all(whole > 0):
        unseen = np.argwhere(whole[..., 0] <= 0)[0]
        what = ", ".join(f"{axis}={domains[axis][place]!r}" for axis, place in zip(parents, unseen, strict=True))
        mend = "fit with smoothing=1, with fewer values or parents, or on more data."
        raise CausalModelError("AE-7216", f"No row tells {name} given {what}.", mend=mend)
    return Mechanism(name, tuple(parents), counts / whole)


def fit_linear(graph: Graph, data: Data, *, tolerance: float = 1e-10) -> LinearModel:
    """The linear Gaussian model that is most likely; variances are means of squares, not divided by N - 1.

    A DAG is fitted by least squares, an equation each. With bidirected edges the equations go together: residual
    iterative conditional fitting regresses each variable in turn on its parents and on what the others' residuals tell
    of its noise, until nothing changes.

    Args:
        graph: A DAG or an ADMG over columns of the data.
        data: The table of data, numbers.
        tolerance: How much a parameter may still change, relative to the data's spread, at the end.

    Raises:
        GraphError: AE-7103 the graph has a cycle, AE-7105 an edge is not oriented.
        CausalModelError: AE-7214 the graph has latent variables; AE-7215 a column is absent, or is none of numbers;
            AE-7217 a column is a linear function of others in the data; AE-7218 two variables are joined by an arrow
            and an arc, which no such fit tells apart; AE-7219 the iteration does not end.

    Source: Drton, Eichler and Richardson, Computing maximum likelihood estimates in recursive linear models with
    correlated errors, JMLR 10, 2009 (section 3).
    """
    graph.require_admg()
    if graph.latent:
        found = f"The graph has the latent variable {min(graph.latent)}, which no column tells."
        raise CausalModelError("AE-7214", found, mend="project it out: an arc <-> stands for a hidden common cause.")
    bows = [name for name in graph.nodes if graph.parents[name] & graph.siblings[name]]
    if bows:
        other = min(graph.parents[bows[0]] & graph.siblings[bows[0]])
        found = f"{other} -> {bows[0]} and {other} <-> {bows[0]} form a bow: the data cannot tell one from the other."
        raise CausalModelError("AE-7218", found, mend="leave one of the two out, or give bounds.")
    rows = _numeric(graph, data)
    mean = rows.mean(axis=0)
    scale = rows.std(axis=0)
    groups = [graph.nodes] if any(graph.siblings.values()) else [tuple(graph.parents[name]) for name in graph.nodes]
    for group in groups:
        _require_full_rank(group, rows[:, [graph.nodes.index(name) for name in group]])
    scale[scale == 0] = 1.0  # a constant that no other variable is regressed on
    standard = (rows - mean) / scale
    coefficients, noise = _fitted(graph, standard.T @ standard / len(rows), tolerance)
    coefficients, noise = coefficients * np.outer(scale, 1 / scale), noise * np.outer(scale, scale)
    return LinearModel(graph.nodes, coefficients, mean - coefficients @ mean, noise)


def _numeric(graph: Graph, data: Data) -> np.ndarray:
    columns = _columns(graph, data)
    for name, column in columns.items():
        odd = next((value for value in column if not math.isfinite(_float(value))), None)
        if odd is not None:
            found = f"The column {name} has the value {odd!r}."
            raise CausalModelError("AE-7215", found, mend="give finite numbers.")
    return np.array([[_float(value) for value in column] for column in columns.values()]).T


def _float(value: object) -> float:
    """The value as a float; NaN for what is no number, or too large."""
    try:
        return math.nan if isinstance(value, str) else float(cast("float", value))
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _require_full_rank(names: Sequence[str], rows: np.ndarray) -> None:
    centred = rows - rows.mean(axis=0)
    size = np.sqrt((centred**2).sum(axis=0))
    is_constant = size <= _ROUNDING * np.sqrt((rows**2).sum(axis=0))
    # The triangle's diagonal is what each column adds to those before it.
    triangle = np.asarray(np.linalg.qr(centred / np.where(is_constant, 1.0, size), mode="r"))
    adds = np.zeros(len(names))
    adds[: len(triangle)] = np.abs(np.diag(triangle))
    for place, name in enumerate(names):
        if is_constant[place] or adds[place] <= _ROUNDING:
            found = f"In these {len(rows)} rows {name} is constant, or a linear function of other columns."
            raise CausalModelError("AE-7217", found, mend="leave it out, or give more rows than variables.")


def _fitted(graph: Graph, covariance: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and the noise's covariance, [V, V] each, that make this covariance of the data most likely."""
    place = {name: number for number, name in enumerate(graph.nodes)}
    parents = [sorted(place[one] for one in graph.parents[name]) for name in graph.nodes]
    siblings = [sorted(place[one] for one in graph.siblings[name]) for name in graph.nodes]
    coefficients, noise = np.zeros_like(covariance), np.diag(np.diag(covariance))
    change = np.inf
    for _ in range(_MOST_SWEEPS):
        before = np.concatenate([coefficients, noise])
        for node in range(len(place)):
            _refit(node, parents[node], siblings[node], covariance, (coefficients, noise))
        change = float(np.abs(np.concatenate([coefficients, noise]) - before).max(initial=0))
        if change <= tolerance or not any(siblings):
            return coefficients, noise
    found = f"The fit still changes by {change:.2g} of the data's spread after {_MOST_SWEEPS} sweeps."
    raise CausalModelError("AE-7219", found, mend="give more rows, a graph with fewer arcs, or a larger `tolerance`.")


def _refit(
    node: int,
    parents: Sequence[int],
    siblings: Sequence[int],
    covariance: np.ndarray,
    parameters: tuple[np.ndarray, np.ndarray],
) -> None:
    """Regress one variable on its parents and on its siblings' pseudo-variables; changes the parameters in place."""
    coefficients, noise = parameters
    rest = [other for other in range(len(covariance)) if other != node]
    unit = np.eye(len(covariance))
    residuals = (unit - coefficients)[rest]
    inverse = np.linalg.inv(noise[np.ix_(rest, rest)]) if siblings else np.zeros((len(rest), len(rest)))
    pseudo = inverse[[rest.index(other) for other in siblings]] @ residuals
    # Both kinds of regressors are linear in the data: a row of `maps` each.
    maps = np.concatenate([unit[list(parents)], pseudo])
    inner, outer = maps @ covariance @ maps.T, maps @ covariance[:, node]
    weights = np.linalg.solve(inner, outer)
    coefficients[node, list(parents)] = weights[: len(parents)]
    shared = weights[len(parents) :]
    noise[node, siblings] = noise[siblings, node] = shared
    left = covariance[node, node] - weights @ outer
    noise[node, node] = max(left, 0.0) + noise[node, rest] @ inverse @ noise[rest, node]
