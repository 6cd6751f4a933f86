"""What becomes of a string diagram when a variable is taken from its mechanism and set from outside?

Surgery replaces boxes by diagrams with the same ends and leaves everything else in place: an endofunctor of the
category of diagrams, so that it may be done before or after parts are put together.

Source: Jacobs, Kissinger, Zanasi, Causal inference by string diagram surgery, FoSSaCS 2019 (arXiv 1811.08338).
"""

from collections.abc import Callable
from functools import reduce

from aetia.errors import DiagramError
from aetia.scm.diagrams.category import Box, Diagram, discard, identity

__all__ = ["cut", "mapped", "point", "reset", "uniform"]


def uniform(name: str) -> Diagram:
    """The state in which all values of this type are alike."""
    return Box("uniform", (), (name,), kind="uniform").diagram


def point(name: str, index: int) -> Diagram:
    """The state in which this type surely has the value at `index`."""
    return Box(f"{name}={index}", (), (name,), kind="point", index=index).diagram


def mapped(diagram: Diagram, rule: Callable[[Box], Diagram]) -> Diagram:
    """Return the diagram with every box replaced: the functor that is the identity on types and `rule` on boxes.

    Raises:
        DiagramError: AE-7506 the rule changes the ends of a box.
    """
    whole = identity(*diagram.domain)
    for step in diagram.steps:
        part = rule(step.box)
        if (part.domain, part.codomain) != (step.box.inputs, step.box.outputs):
            found = f"The box {step.box.name} is to be replaced by a diagram with other ends."
            raise DiagramError("AE-7506", found, mend="replace it by one with the box's inputs and outputs.")
        # All wires stay outputs until the end, so that later boxes find them at their old numbers.
        wires = len(whole.outputs)
        chosen = whole.selected([*range(wires), *step.inputs])
        whole = chosen >> (identity(*chosen.codomain[:wires]) @ part)
    return whole.selected(diagram.outputs)


def reset(diagram: Diagram, name: str, state: Diagram) -> Diagram:
    """Return the diagram in which every wire of type `name` that a box makes comes from `state` instead.

    What the box read is discarded, and what else it made it still makes. A diagram that makes no such wire stays as it
    is.

    Args:
        diagram: Any diagram.
        name: The type, such as the treatment.
        state: A diagram without inputs whose one output is of this type.

    Raises:
        DiagramError: AE-7506 the state has other ends.
    """
    if state.domain or state.codomain != (name,):
        found = f"A state of {name} has no inputs and one output of that type; this has other ends."
        raise DiagramError("AE-7506", found, mend=f'use uniform("{name}"), or point("{name}", 0).')

    def rule(box: Box) -> Diagram:
        if name not in box.outputs:
            return box.diagram
        if set(box.outputs) == {name}:
            return reduce(Diagram.__matmul__, [state] * len(box.outputs), discard(*box.inputs))
        ends = [discard(name) @ state if one == name else identity(one) for one in box.outputs]
        return box.diagram >> reduce(Diagram.__matmul__, ends, identity())

    return mapped(diagram, rule)


def cut(diagram: Diagram, name: str) -> Diagram:
    """Return the diagram after surgery at `name`: its boxes discard what they read, and all its values are alike.

    Conditioning the law of this diagram on a value of `name` gives the law under an intervention that sets the value.
    """
    return reset(diagram, name, uniform(name))
