"""What is known of a system: its observational distribution, and those of experiments?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from aetia.errors import CausalModelError
from aetia.scm.graphs.graph import Graph
from aetia.scm.language.query import Value
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.models.factor import Factor

__all__ = ["Experiment", "Law", "ModelJoint", "district_law"]

_TOLERANCE = 1e-6
"""How far a distribution may be from one of the graph: beyond rounding of printed numbers it is another graph's."""


@dataclass(frozen=True)
class Experiment:
    """The distribution of some variables where others were set.

    Args:
        do: The values that were set.
        joint: The distribution of what was measured then.
    """

    do: Mapping[str, Value]
    joint: Factor


@dataclass(frozen=True)
class ModelJoint:
    """The joint distribution of a model's observed variables, of which only marginals are ever written down."""

    model: DiscreteModel

    def marginal(self, names: Iterable[str]) -> Factor:
        """The distribution of these variables."""
        found = self.model.joint(tuple(names))
        return Factor(found.axes, found.values.astype(float))


@dataclass(frozen=True)
class Law:
    """What is known of a system.

    Args:
        values: Of each observed variable its values, in the order of the tables' axes.
        joint: The joint distribution of all observed variables.
        experiments: What experiments tell beyond that.
    """

    values: Mapping[str, tuple[Value, ...]]
    joint: Factor | ModelJoint
    experiments: tuple[Experiment, ...] = ()

    @classmethod
    def of(cls, model: DiscreteModel, experiments: Iterable[Mapping[str, Value]] = ()) -> "Law":
        """What is known of a model by observation, and by setting variables to these values, one experiment each."""
        made = list[Experiment]()
        for values in experiments:
            measured = [name for name in model.observed if name not in values]
            made.append(Experiment(dict(values), ModelJoint(model.do(values)).marginal(measured)))
        return cls({name: model.values[name] for name in model.observed}, ModelJoint(model), tuple(made))

    def require_compatible(self, graph: Graph) -> None:
        """Nothing, once it is sure that the joint distribution factors along the graph.

        Raises:
            CausalModelError: AE-7242 it does not, or is no distribution of the graph's variables.
        """
        joint = self.joint.marginal(self.values) if isinstance(self.joint, ModelJoint) else self.joint
        shape = tuple(len(self.values[name]) for name in joint.axes if name in self.values)
        if set(joint.axes) != set(graph.nodes) or shape != joint.values.shape:
            found = f"The distribution is of {', '.join(joint.axes)}, and the graph has {', '.join(graph.nodes)}."
            raise CausalModelError("AE-7242", found, mend="give the joint distribution of all observed variables.")
        if np.any(joint.values < 0) or abs(joint.values.sum() - 1) > _TOLERANCE:
            found = f"The joint distribution sums to {joint.values.sum():.6g}, or has a negative cell."
            raise CausalModelError("AE-7242", found, mend="give probabilities that sum to one.")
        product = Factor((), np.ones(()))
        for names in graph.c_components:
            known = district_law(graph, joint, names)
            product = product.times(Factor(known.axes, np.nan_to_num(known.values)))
        gap = float(np.max(np.abs(product.over(joint.axes) - joint.values)))
        if gap > _TOLERANCE:
            found = f"The distribution does not factor along the graph: a cell is off by {gap:.2g}."
            mend = "add the edges that the data ask for, or fit a model of the graph to them first."
            raise CausalModelError("AE-7242", found, mend=mend)


def district_law(graph: Graph, joint: Factor | ModelJoint, names: frozenset[str]) -> Factor:
    """P(district | do(its outer parents)), which the joint distribution tells; NaN where it never sees the parents.

    Args:
        graph: An ADMG over the axes of the joint distribution.
        joint: The joint distribution.
        names: A confounded component of the graph, or the first of one in causal order.

    Returns:
        A factor over the outer parents and the district.
    Source: Tian and Pearl, A general identification condition for causal effects, AAAI 2002, lemma 4.
    """
    found = Factor((), np.ones(()))
    before = list[str]()
    for name in graph.order:
        before.append(name)
        if name in names:
            part = next(one for one in graph.subgraph(before).c_components if name in one)
            pillow = (part.union(*(graph.parents[one] for one in part))) - {name}
            whole = joint.marginal([*sorted(pillow), name])
            condition = whole.sum_out([name]).over(whole.axes)
            with np.errstate(divide="ignore", invalid="ignore"):
                chance = np.where(condition > 0, whole.values / condition, np.nan)
            axes = tuple(dict.fromkeys((*found.axes, *whole.axes)))
            earlier, later = np.broadcast_arrays(found.over(axes), Factor(whole.axes, chance).over(axes))
            # What is impossible so far stays so, whatever would come next.
            found = Factor(axes, np.where(earlier == 0, 0.0, earlier * later))
    return found
