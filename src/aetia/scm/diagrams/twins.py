"""What would have been, given what was? Two worlds in one diagram.

The twinned diagram has the boxes of a functional model once for each world, and the states that bring in chance once
for both: their wires are copied into either. Surgery acts in the counterfactual world alone; its outputs, given the
factual ones, answer the question.

Source: Jacobs, Kissinger, Zanasi, Causal inference via string diagram surgery: a diagrammatic approach to interventions
and counterfactuals, Mathematical Structures in Computer Science 2021.
"""

from collections.abc import Mapping
from itertools import chain

from aetia.errors import DiagramError
from aetia.scm.diagrams.category import Diagram, Step
from aetia.scm.diagrams.convert import diagram_of, interpretation_of
from aetia.scm.diagrams.semantics import interpret
from aetia.scm.diagrams.surgery import point
from aetia.scm.language.derivation import Number
from aetia.scm.language.query import Value
from aetia.scm.models.discrete import DiscreteModel

__all__ = ["counterfactual", "twinned"]


def twinned(diagram: Diagram, *worlds: Mapping[str, int]) -> Diagram:
    """Return the diagram of several worlds that share their chance; its outputs are those of each world in turn.

    A box whose inputs stand as in an earlier world is shared with it: that is where the worlds have not parted yet. So
    states are shared, unless they are set.

    Args:
        diagram: A diagram without inputs, whose boxes with inputs are functions.
        worlds: What is set in each world: a variable and the index of its value; nothing in the factual one.

    Raises:
        DiagramError: AE-7521 the diagram has inputs; AE-7522 no box makes a variable that is to be set.
    """
    if diagram.domain:
        found = f"The diagram has inputs ({', '.join(diagram.domain)}), so its chance cannot be shared."
        raise DiagramError("AE-7521", found, mend="put a state before each input.")
    made = {name for step in diagram.steps for name in step.box.outputs}
    unknown = [name for name in chain(*worlds) if name not in made]
    if unknown:
        found = f"No box of the diagram makes {unknown[0]}, so it cannot be set."
        raise DiagramError("AE-7522", found, mend=f"set some of {', '.join(sorted(made))}.")
    steps, outputs, count = list[Step](), list[int](), 0
    seen: dict[tuple[int, tuple[int, ...]], int] = {}
    for world in worlds:
        wires = list[int]()
        for place, step in enumerate(diagram.steps):
            key = place, tuple(wires[wire] for wire in step.inputs)
            if key not in seen and not world.keys() >= set(step.box.outputs):
                seen[key] = count
                steps.append(Step(step.box, key[1]))
                count += len(step.box.outputs)
            for offset, name in enumerate(step.box.outputs):
                if name in world:
                    wires.append(count)
                    steps.append(Step(point(name, world[name]).steps[0].box, ()))
                    count += 1
                else:
                    wires.append(seen[key] + offset)
        outputs += [wires[wire] for wire in diagram.outputs]
    return Diagram((), tuple(steps), tuple(outputs))


def counterfactual(
    model: DiscreteModel, event: Mapping[str, Value], *, do: Mapping[str, Value], given: Mapping[str, Value]
) -> Number:
    """Return the probability that `event` would have been, had `do` been done, given what was.

    Args:
        model: A functional model: all chance sits in its roots.
        event: Variables and their values in the counterfactual world.
        do: Variables and the values that they are set to there.
        given: What was observed in the factual world.

    Raises:
        DiagramError: AE-7523 the model is not functional; AE-7524 what was given has probability zero.
        CausalModelError: AE-7207, AE-7208 a variable or a value is unknown.
    """
    if not model.is_functional:
        name = next(name for name, one in model.mechanisms.items() if one.parents and not one.is_deterministic)
        found = f"The mechanism of {name} leaves chance outside the roots, which two worlds cannot share."
        raise DiagramError("AE-7523", found, mend="put that chance into a root of its own, which the mechanism reads.")
    wanted, known, fixed = model.index(event), model.index(given), model.index(do)
    whole = diagram_of(model)
    # All variables come out, hidden ones too, since either may be asked about.
    open_ended = Diagram((), whole.steps, tuple(range(len(whole.types))))
    places = {name: place for place, name in enumerate(open_ended.codomain)}
    both = twinned(open_ended, {}, fixed)
    chosen = [*(places[name] for name in known), *(len(places) + places[name] for name in wanted)]
    table = interpret(both.selected(chosen).normal, interpretation_of(model))
    evidence = table[tuple(known.values())]
    if not evidence.sum():
        found = f"What was given ({_listed(given)}) has probability zero."
        raise DiagramError("AE-7524", found, mend="give something that can have been.")
    return evidence[tuple(wanted.values())] / evidence.sum()


def _listed(event: Mapping[str, Value]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in event.items())
