"""What do the tests of string diagrams share?"""

import random
from fractions import Fraction

import numpy as np
import pytest

from aetia.errors import DiagramError
from aetia.scm.diagrams import Box, Diagram, Interpretation, Step
from aetia.scm.models.discrete import DiscreteModel

SIZES = {"A": 2, "B": 3, "C": 2}
BOXES = (
    Box("start", (), ("A",)),
    Box("pair", (), ("B", "C")),
    Box("turn", ("A",), ("B",)),
    Box("meet", ("A", "B"), ("A",)),
    Box("twice", ("A", "A"), ("C",)),
    Box("part", ("B",), ("C", "A")),
    Box("end", ("C",), ()),
)


def fractions(shape: tuple[int, ...], rows: int, generator: random.Random) -> np.ndarray:
    """Positive fractions that sum to one over all axes after the first `rows`."""
    numbers = [Fraction(generator.randint(1, 9)) for _ in range(int(np.prod(shape, dtype=int)))]
    table = np.array(numbers, dtype=object).reshape(shape)
    return table / table.sum(axis=tuple(range(rows, len(shape))), keepdims=True)


def some_interpretation(seed: int) -> Interpretation:
    generator = random.Random(seed)
    shapes = {box: tuple(SIZES[name] for name in (*box.inputs, *box.outputs)) for box in BOXES}
    ends = [box for box in BOXES if not box.outputs]
    tables = {box: fractions(shape, len(box.inputs), generator) for box, shape in shapes.items() if box not in ends}
    return Interpretation(SIZES, tables | {box: np.full(shapes[box], Fraction(1), dtype=object) for box in ends})


def some_diagram(generator: random.Random, domain: tuple[str, ...], steps: int = 4) -> Diagram:
    types, made = list(domain), list[Step]()
    while len(made) < steps:
        box = generator.choice(BOXES)
        wires = [[wire for wire, name in enumerate(types) if name == wanted] for wanted in box.inputs]
        if all(wires):
            made.append(Step(box, tuple(map(generator.choice, wires))))
            types += box.outputs
    outputs = [generator.randrange(len(types)) for _ in range(generator.randint(1, 3))] if types else []
    return Diagram(domain, tuple(made), tuple(outputs))


def code_of(caught: pytest.ExceptionInfo[DiagramError]) -> str:
    assert "Mend: " in str(caught.value)
    return caught.value.code


def hidden_model(seed: int, sizes: dict[str, int]) -> DiscreteModel:
    """S -> T -> C with a hidden cause H of S and C, in fractions."""
    generator = random.Random(seed)
    parents = {"H": (), "S": ("H",), "T": ("S",), "C": ("T", "H")}
    laws = {
        name: (list(read), fractions(tuple(sizes[one] for one in (*read, name)), len(read), generator))
        for name, read in parents.items()
    }
    order = ("S", "T", "C", "H")
    return DiscreteModel.of(laws, values={name: tuple(range(sizes[name])) for name in order}, latent=["H"])


def functional_model(seed: int) -> DiscreteModel:
    """X -> M -> Y and X -> Y, with chance in four hidden roots, one of them shared by X and Y."""
    generator = random.Random(seed)
    roots = {name: ([], fractions((3 if name == "H" else 2,), 0, generator)) for name in ("H", "UX", "UM", "UY")}
    parents = {"X": ["H", "UX"], "M": ["X", "UM"], "Y": ["X", "M", "UY", "H"]}
    laws = dict(roots)
    for name, read in parents.items():
        shape = tuple(3 if one == "H" else 2 for one in read)
        table = np.full((*shape, 2), Fraction(0), dtype=object)
        for place in np.ndindex(shape):
            table[(*place, generator.randrange(2))] = Fraction(1)
        laws[name] = (read, table)
    return DiscreteModel.of(laws, latent=list(roots))
