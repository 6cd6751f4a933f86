"""What is a string diagram, and when are two of them the same?

Boxes joined by wires, read from left to right: composition `>>`, tensor `@`, and on every wire copying and discarding.
A wire has one start and any number of ends: two or more are copies, none is a discard. So the laws of copy and discard,
of swaps and of sliding boxes past one another hold by construction, and a normal form decides the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from aetia.errors import DiagramError

__all__ = ["Box", "Diagram", "Step", "copy", "discard", "identity", "swap"]


@dataclass(frozen=True)
class Box:
    """A generator: something that turns the values on its input wires into values on its output wires, by chance.

    Args:
        name: Its name.
        inputs: The type of each input wire, such as the name of a variable.
        outputs: The type of each output wire.
        kind: A mechanism of some model; or a state that means the same in each: all values alike, or one value.
        index: Of a state with one value, which.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    kind: Literal["mechanism", "uniform", "point"] = "mechanism"
    index: int = 0

    @property
    def diagram(self) -> "Diagram":
        """The diagram of this box alone."""
        count = len(self.inputs)
        return Diagram(
            self.inputs,
            (Step(self, tuple(range(count))),),
            tuple(range(count, count + len(self.outputs))),
        )


@dataclass(frozen=True)
class Step:
    """A box at its place in a diagram.

    Args:
        box: The box.
        inputs: The wire at each input: inputs of the diagram come first, then the outputs of each step in turn.
    """

    box: Box
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class Diagram:
    """A morphism of the free category of copies and discards.

    Args:
        domain: The types of its input wires.
        steps: Its boxes, each after those that it reads.
        outputs: The wire at each output.

    Raises:
        DiagramError: AE-7502 a step or an output reads a wire that is not there yet, or of another type.
    """

    domain: tuple[str, ...]
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]

    def __post_init__(self) -> None:
        known = list(self.domain)
        for step in self.steps:
            read = tuple(known[wire] if 0 <= wire < len(known) else "nothing" for wire in step.inputs)
            if read != step.box.inputs:
                found = f"The box {step.box.name} reads {_listed(step.box.inputs)} and is given {_listed(read)}."
                raise DiagramError("AE-7502", found, mend="give each box wires of its types that earlier boxes end in.")
            known += step.box.outputs
        strange = [wire for wire in self.outputs if not 0 <= wire < len(known)]
        if strange:
            found = f"The diagram ends in wire {strange[0]} and has {len(known)}."
            raise DiagramError("AE-7502", found, mend="end in wires of the diagram.")

    @cached_property
    def types(self) -> tuple[str, ...]:
        """The type of each wire."""
        return (*self.domain, *(name for step in self.steps for name in step.box.outputs))

    @property
    def codomain(self) -> tuple[str, ...]:
        """The types of its output wires."""
        return tuple(self.types[wire] for wire in self.outputs)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Of each step its first output wire."""
        found, wire = list[int](), len(self.domain)
        for step in self.steps:
            found.append(wire)
            wire += len(step.box.outputs)
        return tuple(found)

    def __rshift__(self, other: "Diagram") -> "Diagram":
        """This diagram, then the other.

        Raises:
            DiagramError: AE-7501 the other does not begin with the types that this one ends with.
        """
        if self.codomain != other.domain:
            found = f"One diagram ends in {_listed(self.codomain)}, and the next begins with {_listed(other.domain)}."
            raise DiagramError("AE-7501", found, mend="put swaps, copies or discards between, so that the types agree.")
        steps = list(self.steps)
        wires = _appended(steps, len(self.types), other, self.outputs)
        return Diagram(self.domain, tuple(steps), tuple(wires[wire] for wire in other.outputs))

    def __matmul__(self, other: "Diagram") -> "Diagram":
        """This diagram above the other, side by side."""
        count, domain = len(self.domain), (*self.domain, *other.domain)
        steps = list[Step]()
        upper = _appended(steps, len(domain), self, range(count))
        below = len(self.types) + len(other.domain)
        lower = _appended(steps, below, other, range(count, len(domain)))
        outputs = (*(upper[wire] for wire in self.outputs), *(lower[wire] for wire in other.outputs))
        return Diagram(domain, tuple(steps), outputs)

    def selected(self, places: Sequence[int]) -> "Diagram":
        """The diagram that ends in these of its outputs, in this order; the rest is discarded."""
        return Diagram(self.domain, self.steps, tuple(self.outputs[place] for place in places))

    @cached_property
    def normal(self) -> "Diagram":
        """The normal form: diagrams are the same up to the laws of causal string diagrams iff theirs are equal.

        Boxes that end in discards alone are gone, since chance that nobody looks at sums to one; the others stand in
        the order in which the outputs need them.

        Source: Fritz and Liang, Free gs-monoidal categories and free Markov categories, 2023.
        """
        makers = {wire: place for place, start in enumerate(self.starts) for wire in self._made(place, start)}
        order: dict[int, None] = {}
        for output in self.outputs:
            open_ends = [(output, False)]
            while open_ends:
                wire, is_ready = open_ends.pop()
                place = makers.get(wire)
                if place is None or place in order:
                    continue
                if is_ready:
                    order[place] = None
                else:
                    open_ends += [(wire, True), *((one, False) for one in reversed(self.steps[place].inputs))]
        wires, steps = {wire: wire for wire in range(len(self.domain))}, list[Step]()
        for place in order:
            steps.append(Step(self.steps[place].box, tuple(wires[wire] for wire in self.steps[place].inputs)))
            for wire in self._made(place, self.starts[place]):
                wires[wire] = len(wires)
        return Diagram(self.domain, tuple(steps), tuple(wires[wire] for wire in self.outputs))

    def _made(self, place: int, start: int) -> range:
        return range(start, start + len(self.steps[place].box.outputs))

    def __str__(self) -> str:
        names = [f"{name}{wire}" for wire, name in enumerate(self.types)]
        lines = []
        for step, start in zip(self.steps, self.starts, strict=True):
            made = ", ".join(names[start : start + len(step.box.outputs)])
            lines.append(f"{made} = {step.box.name}({', '.join(names[wire] for wire in step.inputs)})")
        head = f"({', '.join(names[: len(self.domain)])}) ->"
        return "; ".join([*lines, f"{head} ({', '.join(names[wire] for wire in self.outputs)})"])


def _listed(types: Sequence[str]) -> str:
    return f"({', '.join(types)})"


def _appended(steps: list[Step], count: int, other: Diagram, inputs: Sequence[int]) -> list[int]:
    """Append the other's steps, its inputs joined to these wires of `count`; return the number of each of its wires."""
    wires = list(inputs)
    for step in other.steps:
        steps.append(Step(step.box, tuple(wires[wire] for wire in step.inputs)))
        wires += range(count, count + len(step.box.outputs))
        count += len(step.box.outputs)
    return wires


def identity(*types: str) -> Diagram:
    """Wires that do nothing; without types the empty diagram, the unit of `@`."""
    return Diagram(types, (), tuple(range(len(types))))


def copy(*types: str) -> Diagram:
    """Each of these wires twice: all of them, then all of them again."""
    return Diagram(types, (), (*range(len(types)), *range(len(types))))


def discard(*types: str) -> Diagram:
    """An end to these wires."""
    return Diagram(types, (), ())


def swap(first: str, second: str) -> Diagram:
    """Two wires that cross."""
    return Diagram((first, second), (), (1, 0))
