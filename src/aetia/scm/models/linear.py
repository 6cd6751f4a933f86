"""What follows exactly from a model of linear equations with Gaussian noise?

    x = intercepts + coefficients x + noise,    noise ~ N(0, noise)

Off the diagonal of the noise's covariance stand hidden common causes, the bidirected edges of the graph. Everything is
closed form: V variables, E of them known.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

from aetia.errors import CausalModelError
from aetia.scm.graphs.graph import Graph
from aetia.scm.models.factor import as_names

__all__ = ["Gaussian", "LinearEquation", "LinearModel"]

_ROUNDING = 1e-12
"""Of a variance, relative to what it was: less than this is rounding, and the variable is certain."""


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution of named variables.

    Args:
        names: The variables.
        mean: Their means, [V].
        covariance: Their covariances, [V, V]; a variable that is certain has zeros.
    """

    names: tuple[str, ...]
    mean: np.ndarray
    covariance: np.ndarray

    def mean_of(self, name: str) -> float:
        """The mean of one of the variables."""
        return float(self.mean[self.names.index(name)])

    def variance_of(self, name: str) -> float:
        """The variance of one of the variables."""
        place = self.names.index(name)
        return float(self.covariance[place, place])

    def marginal(self, names: Sequence[str]) -> "Gaussian":
        """The distribution of some of the variables, in this order."""
        wanted = as_names(names)
        places = [self.names.index(name) for name in wanted]
        return Gaussian(wanted, self.mean[places], self.covariance[np.ix_(places, places)])

    def given(self, known: Mapping[str, float]) -> "Gaussian":
        """The distribution of the variables that are not known, given the others.

        Raises:
            CausalModelError: AE-7210 what is known has probability zero: it contradicts itself, or what is certain.
        """
        rest = [name for name in self.names if name not in known]
        free, inner = self.marginal(rest), self.marginal(list(known))
        shared = self.covariance[np.ix_([self.names.index(name) for name in rest], _places(self.names, known))]
        return _conditioned(free, shared, inner, known)


def _conditioned(free: Gaussian, shared: np.ndarray, inner: Gaussian, known: Mapping[str, float]) -> Gaussian:
    """The free variables given that the inner ones have the known values; `shared` is their covariance, [V, E]."""
    surprise = np.array([_number(name, value) for name, value in known.items()]) - inner.mean
    scale = _scale(inner.covariance)
    sizes, directions = np.linalg.eigh(inner.covariance / np.outer(scale, scale))
    is_free = sizes > _ROUNDING
    certain = directions[:, ~is_free].T @ (surprise / scale)
    if np.any(np.abs(certain) > _ROUNDING**0.5 * (1 + np.abs(surprise / scale).max(initial=0))):
        what = ", ".join(f"{name}={value:g}" for name, value in known.items())
        mend = "ask given something that can be; what intervention has set keeps its value."
        raise CausalModelError("AE-7210", f"{what} has probability zero.", mend=mend)
    kept = directions[:, is_free] / scale[:, None]
    weights = shared @ (kept / sizes[is_free]) @ kept.T
    left = free.covariance - weights @ shared.T
    return Gaussian(free.names, free.mean + weights @ surprise, _cleaned(left, _scale(free.covariance)))


def _scale(covariance: np.ndarray) -> np.ndarray:
    """The standard deviations; one for what is certain."""
    spread = np.sqrt(np.maximum(np.diag(covariance), 0))
    return np.where(spread > 0, spread, 1.0)


def _cleaned(covariance: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The nearest covariance, on the scale that the variables had before: what is rounding on it becomes zero."""
    sizes, directions = np.linalg.eigh((covariance + covariance.T) / 2 / np.outer(scale, scale))
    kept = directions[:, sizes > _ROUNDING] * scale[:, None]
    found = (kept * sizes[sizes > _ROUNDING]) @ kept.T
    certain = np.diag(found) <= _ROUNDING * scale**2
    found[certain, :] = 0.0
    found[:, certain] = 0.0
    return found


@dataclass(frozen=True)
class LinearEquation:
    """How one variable follows from its parents; its noise is shared with no other variable.

    Args:
        coefficients: Of each parent its coefficient.
        intercept: What is added.
        variance: The noise's variance.
    """

    coefficients: Mapping[str, float] = field(default_factory=dict)
    intercept: float = 0.0
    variance: float = 0.0


@dataclass(frozen=True, eq=False)
class LinearModel:
    """A structural causal model of linear equations with Gaussian noise.

    Args:
        names: The variables.
        coefficients: [V, V]; row: effect, column: cause.
        intercepts: [V].
        noise: The covariance of the noise, [V, V]; off the diagonal: hidden common causes.
        latent: The variables that nobody observes.

    Raises:
        CausalModelError: AE-7221 a shape is wrong, or a name stands twice; AE-7222 a number is not finite; AE-7223 the
            noise has no such covariance.
        GraphError: AE-7103 the variables form a cycle; AE-7102 a latent variable is unknown.
    """

    names: tuple[str, ...]
    coefficients: np.ndarray
    intercepts: np.ndarray
    noise: np.ndarray
    latent: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        count = len(self.names)
        shapes = {"coefficients": (count, count), "intercepts": (count,), "noise": (count, count)}
        for part, shape in shapes.items():
            numbers = np.array(getattr(self, part), dtype=np.float64)
            if numbers.shape != shape:
                found = f"The {part} have shape {numbers.shape}, and {count} variables need {shape}."
                raise CausalModelError("AE-7221", found, mend="give a row and a column for each variable.")
            if not np.all(np.isfinite(numbers)):
                place = [self.names[number] for number in np.argwhere(~np.isfinite(numbers))[0]]
                found = f"The {part} of {', '.join(place)} are no finite number."
                raise CausalModelError("AE-7222", found, mend="give finite numbers.")
            numbers.flags.writeable = False
            object.__setattr__(self, part, numbers)
        if len(set(self.names)) < count:
            raise CausalModelError("AE-7221", "A variable stands twice.", mend="name every variable once.")
        self._require_covariance()
        assert self.graph.order is not None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LinearModel):
            return NotImplemented
        parts = ("coefficients", "intercepts", "noise")
        same = (self.names, self.latent) == (other.names, other.latent)
        return same and all(np.array_equal(getattr(self, part), getattr(other, part)) for part in parts)

    def __hash__(self) -> int:
        return hash((self.names, self.latent))

    def _require_covariance(self) -> None:
        scale = _scale(self.noise)
        correlation = self.noise / np.outer(scale, scale)
        if not np.allclose(correlation, correlation.T, rtol=0, atol=1e-9):
            raise CausalModelError("AE-7223", "The covariance of the noise is not symmetric.", mend="make it so.")
        least = min(float(np.linalg.eigvalsh(correlation).min(initial=0)), float(np.diag(self.noise).min(initial=0)))
        if least < -(_ROUNDING**0.5):
            found = f"No noise has this covariance: an eigenvalue of its correlations is {least:.4g}."
            mend = "keep variances positive, and covariances such that every sum of variables has a variance too."
            raise CausalModelError("AE-7223", found, mend=mend)

    @classmethod
    def of(
        cls,
        equations: Mapping[str, LinearEquation | Mapping[str, float]],
        *,
        noise_covariances: Mapping[tuple[str, str], float] | None = None,
        latent: Sequence[str] = (),
    ) -> "LinearModel":
        """A model of an equation a variable.

            LinearModel.of({"Z": {}, "X": {"Z": 0.5}, "Y": LinearEquation({"X": 2.0, "Z": -1.0}, intercept=1.0)})

        Args:
            equations: Of each variable its equation; bare coefficients stand for no intercept and noise of variance 1.
            noise_covariances: The covariance of two variables' noise, for each pair with a hidden common cause.
            latent: The variables that nobody observes.

        Raises:
            CausalModelError: AE-7208 a variable is unknown; AE-7222 a number is not finite; AE-7223 the noise has no
                such covariance.
            GraphError: AE-7103 the variables form a cycle; AE-7102 a latent variable is unknown.
        """
        names = tuple(equations)
        full = [one if isinstance(one, LinearEquation) else LinearEquation(one, 0.0, 1.0) for one in equations.values()]
        coefficients, noise = np.zeros((len(names), len(names))), np.diag([float(one.variance) for one in full])
        for row, one in enumerate(full):
            for cause, number in one.coefficients.items():
                coefficients[row, _place(names, cause)] = number
        for (first, second), number in (noise_covariances or {}).items():
            row, column = _place(names, first), _place(names, second)
            noise[row, column] = noise[column, row] = number
        return cls(
            names, coefficients, np.array([float(one.intercept) for one in full]), noise, frozenset(as_names(latent))
        )

    @cached_property
    def graph(self) -> Graph:
        """Who acts on whom; a bidirected edge joins variables whose noise goes together."""
        rows, columns = np.nonzero(self.coefficients)
        arrows = [(self.names[cause], self.names[effect]) for effect, cause in zip(rows, columns, strict=True)]
        above = np.argwhere(np.triu(self.noise, 1))
        arcs = [(self.names[first], self.names[second]) for first, second in above]
        return Graph.of(arrows, arcs, nodes=self.names, latent=self.latent)

    @property
    def observed(self) -> tuple[str, ...]:
        """The variables that are not latent, in order."""
        return tuple(name for name in self.names if name not in self.latent)

    @cached_property
    def total_effects(self) -> np.ndarray:
        """What a unit of each variable's noise adds to each variable, [V, V]; row: effect, column: cause."""
        found = np.eye(len(self.names))
        # Causes before effects: zeros stay zeros, which a general inverse would only come near.
        for name in self.graph.order:
            row = self.names.index(name)
            found[row] += self.coefficients[row] @ found
        return found

    @cached_property
    def whole(self) -> Gaussian:
        """The joint distribution of all variables, latent ones too.

        Raises:
            CausalModelError: AE-7222 a mean or a variance is too large for a float.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            spread = self.total_effects
            found = Gaussian(self.names, spread @ self.intercepts, spread @ self.noise @ spread.T)
        for name, mean, row in zip(self.names, found.mean, found.covariance, strict=True):
            if not (np.isfinite(mean) and np.all(np.isfinite(row))):
                message = f"The mean or the variance of {name} is too large for a float."
                raise CausalModelError("AE-7222", message, mend="measure the variables in larger units.")
        return found

    def distribution(self, names: Sequence[str] | None = None, given: Mapping[str, float] | None = None) -> Gaussian:
        """The distribution of these variables given what is known, in their order.

        Args:
            names: The variables; None for all observed ones that are not known.
            given: What is known.

        Raises:
            CausalModelError: AE-7208 a variable is unknown; AE-7210 what is known has probability zero.
        """
        known = dict(given or {})
        wanted = [name for name in self.observed if name not in known] if names is None else as_names(names)
        _places(self.names, (*wanted, *known))
        free = [name for name in wanted if name not in known]
        found = self.whole.marginal([*free, *known]).given(known) if known else self.whole.marginal(free)
        sure = [name for name in wanted if name in known]
        mean = np.concatenate([found.mean, [_number(name, known[name]) for name in sure]])
        covariance = np.zeros((mean.size, mean.size))
        covariance[: len(free), : len(free)] = found.covariance
        return Gaussian((*free, *sure), mean, covariance).marginal(wanted)

    def do(
        self, interventions: Mapping[str, float | LinearEquation] | None = None, /, **more: float | LinearEquation
    ) -> "LinearModel":
        """The model in which these variables are set to numbers, or follow other equations with noise of their own.

        Raises:
            CausalModelError: AE-7208 a variable is unknown; AE-7222 a number is not finite; AE-7223 a variance is
                negative.
            GraphError: AE-7103 an equation reads an effect of its variable.
        """
        coefficients, intercepts, noise = self.coefficients.copy(), self.intercepts.copy(), self.noise.copy()
        for name, law in {**(interventions or {}), **more}.items():
            place = _place(self.names, name)
            equation = law if isinstance(law, LinearEquation) else LinearEquation(intercept=_number(name, law))
            coefficients[place] = 0.0
            for cause, number in equation.coefficients.items():
                coefficients[place, _place(self.names, cause)] = number
            intercepts[place] = equation.intercept
            noise[place, :] = noise[:, place] = 0.0
            noise[place, place] = equation.variance
        return LinearModel(self.names, coefficients, intercepts, noise, self.latent)

    def abducted(self, given: Mapping[str, float]) -> "LinearModel":
        """The model of the units of which this is known: the same equations, the noise as the evidence leaves it.

        What would have been under X=1, given what was: `model.abducted(was).do(X=1).distribution(["Y"])`.

        Raises:
            CausalModelError: AE-7208 a variable is unknown; AE-7210 what is known has probability zero.

        Source: Pearl, Causality, 2009, theorem 7.1.7 (abduction, action, prediction).
        """
        places = _places(self.names, given)
        shared = self.noise @ self.total_effects[places].T
        own = Gaussian(self.names, np.zeros(len(self.names)), self.noise)
        noise = _conditioned(own, shared, self.whole.marginal(list(given)), given)
        return LinearModel(self.names, self.coefficients, self.intercepts + noise.mean, noise.covariance, self.latent)

    def total_effect(self, cause: str, effect: str) -> float:
        """By how much the mean of the effect rises when the cause is set one higher.

        Raises:
            CausalModelError: AE-7208 a variable is unknown.
        """
        return float(self.total_effects[_place(self.names, effect), _place(self.names, cause)])

    def direct_effect(self, cause: str, effect: str) -> float:
        """The part of the effect that no other variable passes on.

        Raises:
            CausalModelError: AE-7208 a variable is unknown.
        """
        return float(self.coefficients[_place(self.names, effect), _place(self.names, cause)])

    def path_effect(self, path: Sequence[str]) -> float:
        """The part of the effect that goes along these variables: the product of the coefficients on the way.

        Raises:
            CausalModelError: AE-7208 a variable is unknown.
        """
        return float(np.prod([self.direct_effect(cause, effect) for cause, effect in pairwise(path)]))


def _place(names: Sequence[str], name: str) -> int:
    if name not in names:
        found = f"There is no variable {name} in the model."
        raise CausalModelError("AE-7208", found, mend=f"use one of {', '.join(names)}.")
    return names.index(name)


def _places(names: Sequence[str], wanted: Iterable[str]) -> list[int]:
    return [_place(names, name) for name in wanted]


def _number(name: str, value: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = np.nan
    if not np.isfinite(number):
        found = f"The variable {name} cannot be {value!r}."
        raise CausalModelError("AE-7222", found, mend="give a finite number.")
    return number
