"""What do the tests of string diagrams share?"""

import random
from fractions import Fraction

import numpy as np
import pytest

from aetia.errors import DiagramError
from aetia.scm.discrete import DiscreteModel


def fractions(shape: tuple[int, ...], rows: int, generator: random.Random) -> np.ndarray:
    """Positive fractions that sum to one over all axes after the first `rows`."""
    numbers = [Fraction(generator.randint(1, 9)) for _ in range(int(np.prod(shape, dtype=int)))]
    table = np.array(numbers, dtype=object).reshape(shape)
    return table / table.sum(axis=tuple(range(rows, len(shape))), keepdims=True)


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
