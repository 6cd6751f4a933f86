"""What would happen under an intervention, if all that is known is the diagram and what is observed?

The observed joint is split in two: the mechanisms that share hidden causes with the treatment (a comb, since the rest
fits into its gap) and the rest. Surgery then closes the comb's own treatment wire and feeds the rest another state.
That takes tables of observed variables alone, though the diagram has hidden ones.

For a treatment A, a bridge B and an outcome C, with a hidden cause of A and C:

    f(a, c | b) = P(a) P(c | a, b)        the comb
    g(b | a)    = P(b | a)                what fits into it; P(a, b, c) = f(a, c | b) g(b | a)
    P(c | do(a)) = sum_b g(b | a) sum_a' f(a', c | b)
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from aetia.errors import DiagramError
from aetia.scm.diagrams.category import Diagram
from aetia.scm.diagrams.convert import graph_of
from aetia.scm.graphs.graph import Graph
from aetia.scm.graphs.projection import projected
from aetia.scm.language.derivation import Number
from aetia.scm.models.factor import Factor

__all__ = ["Comb", "comb_disintegration"]

_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Comb:
    """An observed joint, split at a treatment.

    Args:
        treatment: The variable at which it is split.
        teeth: The variables of the comb: those joined to the treatment by hidden causes, itself among them.
        comb: Their probabilities, each given all that comes before it: f.
        filler: Those of the other variables, likewise: g.
        variables: All observed variables, causes first.
    """

    treatment: str
    teeth: tuple[str, ...]
    comb: Factor
    filler: Factor
    variables: tuple[str, ...]

    @property
    def joint(self) -> Factor:
        """The comb with the filler in it: the joint that was split."""
        return self.comb.times(self.filler).marginal(self.variables)

    def do(self, index: int) -> Factor:
        """The law of the other variables if the treatment is set to its value at `index`.

        Raises:
            DiagramError: AE-7515 there is no such value.
        """
        axis = self.comb.axes.index(self.treatment)
        if not 0 <= index < self.comb.values.shape[axis]:
            found = f"{self.treatment} has {self.comb.values.shape[axis]} values, and {index} is not the index of one."
            raise DiagramError("AE-7515", found, mend="count the values from 0.")
        others = tuple(name for name in self.variables if name != self.treatment)
        closed = self.comb.sum_out([self.treatment])
        return closed.times(self.filler.at({self.treatment: index})).marginal(others)

    def cut(self, state: Sequence[Number] | None = None) -> Factor:
        """The law of all variables after surgery: the treatment comes from a state of its own.

        Args:
            state: The treatment's probabilities, one a value; all alike unless given.

        Raises:
            DiagramError: AE-7516 the state is no distribution over the treatment's values.
        """
        size = self.comb.values.shape[self.comb.axes.index(self.treatment)]
        exact = self.comb.values.dtype == object
        weights = list(state) if state is not None else [Fraction(1, size) if exact else 1 / size] * size
        if len(weights) != size or not min(weights) >= 0 or not abs(sum(weights) - 1) <= _TOLERANCE:
            found = f"The state ({', '.join(map(str, weights))}) is no distribution over {size} values."
            raise DiagramError("AE-7516", found, mend=f"give {size} probabilities that sum to one.")
        fresh = Factor((self.treatment,), np.array(weights, dtype=object if exact else float))
        closed = self.comb.sum_out([self.treatment])
        return closed.times(self.filler).times(fresh).marginal(self.variables)


def comb_disintegration(
    diagram: Diagram | Graph, joint: Factor, treatment: str, *, smoothing: Number | None = None
) -> Comb:
    """Split an observed joint at a treatment, once the diagram shows that surgery there needs no more than it.

    It does if the treatment shares no hidden cause with a child of its own, not even by way of other variables: then
    all children stand in the filler. The split is unique if every combination of values occurs, which is required.

    Args:
        diagram: A diagram with a box a variable; or its graph, in which a bidirected edge is a hidden common cause.
        joint: The probabilities of the observed variables, floats or fractions.
        treatment: The variable that will be set.
        smoothing: Added to every cell before the joint is normalised again; None refuses empty cells.

    Raises:
        DiagramError: AE-7511 the joint's variables are not those of the diagram; AE-7512 it is no distribution; AE-7513
            a cell is empty; AE-7514 the treatment shares a hidden cause with its child.
        GraphError: AE-7104 there is no such variable.

    Source: Jacobs, Kissinger, Zanasi 2019, sections 5 to 7; the condition is that of Tian and Pearl 2002, theorem 3.
    """
    graph = projected(graph_of(diagram) if isinstance(diagram, Diagram) else diagram)
    graph.known([treatment])
    teeth = next(component for component in graph.c_components if treatment in component)
    _refuse_bridge(graph, treatment, teeth)
    whole = _checked(graph, joint, smoothing)
    before = whole.marginal(())
    comb = filler = before.divided_by(before)
    for place, name in enumerate(graph.order):
        until = whole.marginal(graph.order[: place + 1])
        conditional = until.divided_by(before)
        if name in teeth:
            comb = comb.times(conditional)
        else:
            filler = filler.times(conditional)
        before = until
    return Comb(treatment, tuple(name for name in graph.order if name in teeth), comb, filler, graph.order)


def _refuse_bridge(graph: Graph, treatment: str, teeth: frozenset[str]) -> None:
    """Raise unless all children of the treatment are outside its comb."""
    caught = [name for name in graph.order if name in teeth & graph.children[treatment]]
    if not caught:
        return
    # The shortest way along hidden causes is the witness.
    came: dict[str, str] = {treatment: ""}
    waiting = deque([treatment])
    while waiting:
        name = waiting.popleft()
        for other in sorted(graph.siblings[name] - came.keys()):
            came[other] = name
            waiting.append(other)
    way = [caught[0]]
    while came[way[-1]]:
        way.append(came[way[-1]])
    found = f"The treatment {treatment} shares a hidden cause with its child {caught[0]}, so no comb can be split off."
    details = (f"hidden causes: {' <-> '.join(reversed(way))}", f"child: {treatment} -> {caught[0]}")
    mend = "observe that cause, or ask for bounds."
    raise DiagramError("AE-7514", found, mend=mend, details=details)


def _checked(graph: Graph, joint: Factor, smoothing: Number | None) -> Factor:
    """The joint with its axes in the graph's order and, if so wanted, no empty cell."""
    if set(joint.axes) != set(graph.nodes):
        found = f"The joint is over {', '.join(joint.axes)}, and the diagram shows {', '.join(graph.nodes)}."
        raise DiagramError("AE-7511", found, mend="give the joint of all observed variables, and of no other.")
    whole = joint.marginal(graph.order)
    is_exact = whole.values.dtype == object
    if not np.all(whole.values >= 0) or not abs(whole.values.sum() - 1) <= (0 if is_exact else _TOLERANCE):
        found = f"The joint's cells sum to {whole.values.sum()}" + (
            "." if np.all(whole.values >= 0) else ", and one is negative or no number."
        )
        raise DiagramError("AE-7512", found, mend="give probabilities from 0 that sum to one.")
    if smoothing is not None:
        cells = whole.values + smoothing
        whole = Factor(whole.axes, cells / cells.sum())
    if np.any(whole.values == 0):
        place = np.argwhere(whole.values == 0)[0]
        cell = ", ".join(f"{name}: {index}" for name, index in zip(whole.axes, place, strict=True))
        found = f"The joint has an empty cell ({cell}), where the comb is not determined."
        raise DiagramError("AE-7513", found, mend="collect data there, or pass smoothing=, such as one over the count.")
    return whole
