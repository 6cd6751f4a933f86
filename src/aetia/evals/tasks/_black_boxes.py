"""What can be in a black box? Two steps out of a short list, of numbers or of words, and what the box does on inputs.

The boxes of a kind are few, so that which of them agree with some examples is known exactly: for each input and output
there is one whole number whose bits say which boxes give it, and examples together are a bitwise and.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import NamedTuple

from aetia.evals.tasks._phrases import phrases

__all__ = ["INPUTS", "PARAMETERS", "Box", "Kind", "Step", "boxes", "fitting", "output", "steps_of"]

Value = int | str

INPUTS = range(-12, 21)
"""What numeric boxes are tried on."""

PARAMETERS = range(2, 10)
"""The numbers that a step may have."""

_NUMERIC: Mapping[str, Callable[[int, int], int]] = {
    "add": lambda value, c: value + c,
    "subtract": lambda value, c: value - c,
    "multiply": lambda value, c: value * c,
    "from": lambda value, c: c - value,
    "modulo": lambda value, c: value % c,
    "most": min,
    "least": max,
    "absolute": lambda value, _: abs(value),
    "square": lambda value, _: value * value,
}
_ALONE = ("absolute", "square")  # steps without a number

_WORDS: Mapping[str, Callable[[str], str]] = {
    "reverse": lambda word: word[::-1],
    "double": lambda word: "".join(letter * 2 for letter in word),
    "no-vowels": lambda word: "".join(letter for letter in word if letter not in "aeiou"),
    "rotate": lambda word: word[1:] + word[:1],
    "drop-first": lambda word: word[1:],
    "drop-last": lambda word: word[:-1],
    "sort": lambda word: "".join(sorted(word)),
    "next": lambda word: "".join("a" if letter == "z" else chr(ord(letter) + 1) for letter in word),
    "mirror": lambda word: word + word[::-1],
    "swap": lambda word: word[-1:] + word[1:-1] + word[:1] if len(word) > 1 else word,
    "odd": lambda word: word[::2],
    "shout": lambda word: word + "x",
}


class Step(NamedTuple):
    """One step, with its number if it has one."""

    name: str
    parameter: int | None = None


class Box(NamedTuple):
    """The first step and the second."""

    first: Step
    second: Step


@dataclass(frozen=True)
class Kind:
    """The boxes of numbers or of words.

    Args:
        boxes: All of them.
        inputs: What they are tried on.
        outputs: For each box what it makes of each input.
        masks: For each input and output the boxes that give it, as the bits of one number.
        rows: What each pair of steps makes of each input, also of those that do what another pair does.
    """

    boxes: tuple[Box, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Mapping[Value, Value], ...]
    masks: Mapping[tuple[Value, Value], int]
    rows: Mapping[Box, Mapping[Value, Value]]


def output(box: Box, value: Value) -> Value:
    """What the box makes of an input."""
    return _done(box.second, _done(box.first, value))


def _done(step: Step, value: Value) -> Value:
    if isinstance(value, str):
        return _WORDS[step.name](value)
    return _NUMERIC[step.name](value, step.parameter or 0)


@cache
def steps_of(kind: str) -> tuple[Step, ...]:
    """Every step of boxes of that kind, `numeric` or `strings`."""
    if kind == "strings":
        return tuple(Step(name) for name in _WORDS)
    named = [Step(name, number) for name in _NUMERIC if name not in _ALONE for number in PARAMETERS]
    return (*named, *(Step(name) for name in _ALONE))


@cache
def boxes(kind: str) -> Kind:
    """All boxes of that kind, tried on all inputs; of those that never differ, the first."""
    inputs: tuple[Value, ...] = tuple(INPUTS) if kind == "numeric" else phrases("find_functions")["words"]
    pairs = product(steps_of(kind), repeat=2)
    made = [Box(*pair) for pair in pairs if kind == "numeric" or pair[0] != pair[1]]
    rows = {box: {value: output(box, value) for value in inputs} for box in made}
    different: dict[tuple[Value, ...], Box] = {}
    for box, table in rows.items():
        different.setdefault(tuple(table.values()), box)
    tables = tuple(rows[box] for box in different.values())
    masks: dict[tuple[Value, Value], int] = {}
    for place, table in enumerate(tables):
        for pair in table.items():
            masks[pair] = masks.get(pair, 0) | 1 << place
    return Kind(tuple(different.values()), inputs, tables, masks, rows)


def fitting(kind: Kind, examples: Sequence[tuple[Value, Value]]) -> int:
    """The boxes that agree with every example, as bits."""
    left = -1
    for example in examples:
        left &= kind.masks[example]
    return left
