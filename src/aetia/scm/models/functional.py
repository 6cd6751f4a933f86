"""What would a model of arbitrary functions with noise produce, and what would have been for the units that were seen?

Functions act on whole columns of samples. Every variable draws its noise from a stream of its own, so that an
intervention changes what follows from it and nothing else: two worlds share their units.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from aetia.errors import CausalModelError
from aetia.scm.graphs.graph import Graph
from aetia.scm.models.factor import as_names
from aetia.scm.models.mechanism import parameters

__all__ = ["FunctionalMechanism", "FunctionalModel", "Noise", "normal", "uniform"]

Noise = Callable[[np.random.Generator, int], np.ndarray]
"""Draws that many values of noise, [N]."""

Columns = dict[str, np.ndarray]
"""Of each variable its values, [N]."""

_NOISE = "noise"


def normal(spread: float = 1.0, mean: float = 0.0) -> Noise:
    """Gaussian noise of this standard deviation."""
    return lambda draw, count: draw.normal(mean, spread, count)


def uniform(low: float = 0.0, high: float = 1.0) -> Noise:
    """Noise that is equally likely everywhere from low to high."""
    return lambda draw, count: draw.uniform(low, high, count)


@dataclass(frozen=True)
class FunctionalMechanism:
    """How a variable comes to its value: a function of its parents' columns, with noise added or put in.

    Args:
        function: The function of the parents' columns, in their order, and of the noise's, last, unless it is additive.
        parents: The parents' names.
        noise: Where the noise comes from; None for none.
        is_additive: Whether the noise is added to what the function gives, which can be undone from data.
    """

    function: Callable[..., np.ndarray | float]
    parents: tuple[str, ...]
    noise: Noise | None = None
    is_additive: bool = True


@dataclass(frozen=True)
class FunctionalModel:
    """A structural causal model of functions and noise, answered by sampling.

    Args:
        mechanisms: Of each variable how it comes to its value.
        latent: The variables that nobody observes.

    Raises:
        CausalModelError: AE-7204 a function reads what is no variable.
        GraphError: AE-7103 the variables form a cycle; AE-7102 a latent variable is unknown.
    """

    mechanisms: Mapping[str, FunctionalMechanism]
    latent: frozenset[str] = field(default_factory=frozenset)

    def __hash__(self) -> int:
        return hash((frozenset(self.mechanisms), self.latent))

    def __post_init__(self) -> None:
        for name, mechanism in self.mechanisms.items():
            unknown = [parent for parent in mechanism.parents if parent not in self.mechanisms]
            if unknown:
                found = f"The function of {name} reads {unknown[0]}, which is no variable of the model."
                raise CausalModelError("AE-7204", found, mend=f"read some of {', '.join(self.mechanisms)}, or noise.")
        assert self.graph.order is not None

    @classmethod
    def of(
        cls,
        functions: Mapping[str, Callable[..., np.ndarray | float]],
        *,
        noise: Mapping[str, Noise] | None = None,
        latent: Sequence[str] = (),
    ) -> "FunctionalModel":
        """A model of functions whose parameters name the parents; one called `noise` is the variable's own noise.

            FunctionalModel.of(
                {"X": lambda: 0.0, "Y": lambda X: X**2, "Z": lambda X, Y, noise: np.exp(X * noise) + Y},
                noise={"X": normal(), "Y": normal(0.1), "Z": normal()},
            )

        Where a function does not ask for its noise, the noise is added.

        Args:
            functions: Of each variable its function, of columns [N].
            noise: Of each variable its noise; none for those left out.
            latent: The variables that nobody observes.

        Raises:
            CausalModelError: AE-7204 a function reads what is no variable; AE-7208 noise is given to none; AE-7231 a
                function asks for noise, and there is none.
            GraphError: AE-7103 the variables form a cycle; AE-7102 a latent variable is unknown.
        """
        sources = dict(noise or {})
        for name in sources:
            _require(name, functions)
        mechanisms = {name: _mechanism(name, function, sources.get(name)) for name, function in functions.items()}
        return cls(mechanisms, frozenset(as_names(latent)))

    @cached_property
    def graph(self) -> Graph:
        """Who acts on whom, the latent variables among them."""
        pairs = [(parent, name) for name, one in self.mechanisms.items() for parent in one.parents]
        return Graph.of(pairs, nodes=self.mechanisms, latent=self.latent)

    @property
    def observed(self) -> tuple[str, ...]:
        """The variables that are not latent, in order."""
        return tuple(name for name in self.mechanisms if name not in self.latent)

    def do(
        self,
        interventions: Mapping[str, float | np.ndarray | FunctionalMechanism | Callable[..., np.ndarray]] | None = None,
        /,
        **more: float | np.ndarray | FunctionalMechanism | Callable[..., np.ndarray],
    ) -> "FunctionalModel":
        """The model in which these variables are set: to a number, a column, or what a function of others gives.

        Raises:
            CausalModelError: AE-7208 a variable is unknown; AE-7204 a function reads what is no variable.
            GraphError: AE-7103 a function reads an effect of its variable.
        """
        fresh = dict(self.mechanisms)
        for name, law in {**(interventions or {}), **more}.items():
            _require(name, self.mechanisms)
            if isinstance(law, FunctionalMechanism):
                fresh[name] = law
            elif callable(law):
                fresh[name] = _mechanism(name, law, self.mechanisms[name].noise if _asks(name, law) else None)
            else:
                fresh[name] = FunctionalMechanism(lambda law=law: law, ())
        return replace(self, mechanisms=fresh)

    def draw_noise(self, count: int, seed: int) -> Columns:
        """The noise of so many units, of each variable that has some; the same for every intervention."""
        streams = np.random.SeedSequence(seed).spawn(len(self.mechanisms))
        return {
            name: np.asarray(one.noise(np.random.default_rng(stream), count))
            for stream, (name, one) in zip(streams, self.mechanisms.items(), strict=True)
            if one.noise is not None
        }

    def evaluated(self, noise: Mapping[str, np.ndarray], count: int) -> Columns:
        """The columns, [N] each, that follow from this noise, latent variables too.

        Raises:
            CausalModelError: AE-7232 a function does not give one number a unit.
        """
        columns: Columns = {}
        for name in self.graph.order:
            columns[name] = self._column(name, columns, noise.get(name), count)
        return {name: columns[name] for name in self.mechanisms}

    def _column(self, name: str, columns: Mapping[str, np.ndarray], noise: np.ndarray | None, count: int) -> np.ndarray:
        mechanism = self.mechanisms[name]
        inputs = [columns[parent] for parent in mechanism.parents]
        try:
            if mechanism.is_additive or noise is None:
                value = np.asarray(mechanism.function(*inputs))
                value = value if noise is None else value + noise
            else:
                value = np.asarray(mechanism.function(*inputs, noise))
            return np.broadcast_to(value, (count,))
        except Exception as error:
            found = f"The function of {name} fails on columns of {count} units: {error}."
            raise CausalModelError(
                "AE-7232", found, mend="let it act on columns, and give one number a unit."
            ) from error

    def counterfactual(
        self,
        seen: Mapping[str, Sequence[float] | np.ndarray],
        interventions: Mapping[str, float | np.ndarray | FunctionalMechanism | Callable[..., np.ndarray]],
    ) -> Columns:
        """What would have been for each of these units under the interventions: of each variable the column, [N].

        The noise of every effect of the interventions is what is left of it once its function is taken away
        (abduction); with it the changed model is evaluated. What is no effect of them stays as it was seen.

        Args:
            seen: Of the variables their values, [N]; the effects of the interventions and their parents are needed.
            interventions: As for `do`, without noise.

        Raises:
            CausalModelError: AE-7208 a variable is unknown; AE-7222 what was seen is no column of finite numbers;
                AE-7233 a variable that is needed was not seen, or its noise cannot be recovered; AE-7210 what was seen
                cannot be.

        Source: Peters, Janzing and Schoelkopf, Elements of Causal Inference, 2017, section 6.4 (counterfactuals of
        additive noise models).
        """
        changed = self.do(interventions)
        for name in seen:
            _require(name, self.mechanisms)
        columns = {name: _seen_column(name, column) for name, column in seen.items()}
        count = max((column.size for column in columns.values()), default=1)
        affected = changed.graph.descendants(interventions)
        found = dict(columns)
        for name in changed.graph.order:
            if name in interventions:
                absent = [parent for parent in changed.mechanisms[name].parents if parent not in found]
                if absent or changed.mechanisms[name].noise is not None:
                    lacking = f"{absent[0]} was not seen" if absent else "it has noise"
                    mend = "set it by what was seen, without noise."
                    raise CausalModelError("AE-7233", f"The intervention on {name} is open: {lacking}.", mend=mend)
                found[name] = changed._column(name, found, None, count)  # noqa: SLF001 -- another model of this class
            elif name in affected:
                found[name] = changed._column(name, found, self._recovered(name, columns), count)  # noqa: SLF001
        return {name: found[name] for name in self.mechanisms if name in found}

    def _recovered(self, name: str, seen: Mapping[str, np.ndarray]) -> np.ndarray | None:
        """The noise that a variable must have had; None if it has none."""
        mechanism = self.mechanisms[name]
        if not mechanism.is_additive:
            found = f"The noise of {name} is not added to its function, so data do not tell it."
            raise CausalModelError("AE-7233", found, mend="write it as a function of the parents, noise added.")
        absent = [other for other in (*mechanism.parents, name) if other not in seen]
        if absent:
            found = f"The noise of {name} cannot be told: {absent[0]} was not seen."
            raise CausalModelError("AE-7233", found, mend=f"give the values of {', '.join(self.mechanisms)}.")
        column = seen[name]
        left = column - self._column(name, seen, None, column.size)
        if mechanism.noise is not None:
            return left
        if not np.allclose(left, 0, atol=1e-9 * (1 + float(np.abs(column).max(initial=0)))):
            found = f"What was seen of {name} has probability zero: it is certain given its parents."
            raise CausalModelError("AE-7210", found, mend="check the data, or give the variable noise.")
        return None


def _seen_column(name: str, column: Sequence[float] | np.ndarray) -> np.ndarray:
    try:
        numbers = np.atleast_1d(np.asarray(column, dtype=np.float64))
    except (TypeError, ValueError, OverflowError):
        numbers = np.full(1, np.nan)
    if numbers.ndim > 1 or not np.all(np.isfinite(numbers)):
        found = f"What was seen of {name} is no column of finite numbers."
        raise CausalModelError("AE-7222", found, mend="give one finite number a unit; leave units with gaps out.")
    return numbers


def _asks(name: str, function: Callable[..., np.ndarray | float]) -> bool:
    return _NOISE in parameters(name, function)


def _mechanism(name: str, function: Callable[..., np.ndarray | float], noise: Noise | None) -> FunctionalMechanism:
    parents = tuple(parent for parent in parameters(name, function) if parent != _NOISE)
    if not _asks(name, function):
        return FunctionalMechanism(function, parents, noise)
    if noise is None:
        found = f"The function of {name} asks for noise, and there is none."
        raise CausalModelError("AE-7231", found, mend=f"give it as noise={{{name!r}: normal()}}.")

    def ordered(*columns: np.ndarray) -> np.ndarray | float:
        return function(**dict(zip((*parents, _NOISE), columns, strict=True)))

    return FunctionalMechanism(ordered, parents, noise, is_additive=False)


def _require(name: str, known: Mapping[str, object]) -> None:
    if name not in known:
        found = f"There is no variable {name} in the model."
        raise CausalModelError("AE-7208", found, mend=f"use one of {', '.join(known)}.")
