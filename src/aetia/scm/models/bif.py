"""How is a network in the Bayesian interchange format (.bif) read?

    variable rain { type discrete [ 2 ] { yes, no }; }
    probability ( rain | cloudy ) { (yes) 0.8, 0.2; (no) 0.1, 0.9; }
    probability ( cloudy ) { table 0.5, 0.5; }

All values are text, also where they look like numbers.
"""

import re
from collections.abc import Iterator, Mapping
from math import prod

import numpy as np

from aetia.errors import CausalModelError
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.models.mechanism import Mechanism

__all__ = ["model_from_bif"]

_ROUNDING = 1e-3
"""How far a row may sum from one: these files hold rounded numbers, and are divided by their sum."""

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_BLOCK = re.compile(r"\s*(network|variable|probability)\b([^{]*)\{((?:[^{}]|\{[^{}]*\})*)\}", re.ASCII)
_TYPE = re.compile(r"type\s+discrete\s*\[\s*(\d{1,6})\s*\]\s*\{([^}]*)\}", re.ASCII)
_ROW = re.compile(r"(?:\(([^)]*)\)|(table|default)\b)\s*([^;]*);", re.ASCII)


def model_from_bif(text: str) -> DiscreteModel:
    """The network that this text describes, each row divided by its sum, which rounding has left near one.

    Raises:
        CausalModelError: AE-7227 the text is not well formed; AE-7203 to AE-7206 the network is wrong.
        GraphError: AE-7103 the variables form a cycle.
    """
    values, laws = dict[str, tuple[str, ...]](), dict[str, str]()
    for kind, head, body in _blocks(_COMMENT.sub(" ", text)):
        if kind == "variable":
            name, match = head.strip().strip('"'), _TYPE.search(body)
            listed = _names(match.group(2)) if match else ()
            if not match or int(match.group(1)) != len(listed) or name in values:
                raise _malformed(f"The variable {name} does not list its values once, as many as it says.")
            values[name] = listed
        elif kind == "probability":
            laws[head.strip()] = body
    mechanisms = dict[str, Mechanism]()
    for head, body in laws.items():
        mechanism = _mechanism(head, body, values)
        if mechanism.variable in mechanisms:
            raise _malformed(f"The variable {mechanism.variable} has two tables.")
        mechanisms[mechanism.variable] = mechanism
    return DiscreteModel(values, {name: mechanisms[name] for name in values if name in mechanisms})


def _malformed(found: str) -> CausalModelError:
    return CausalModelError("AE-7227", found, mend="compare with the form that `aetia.scm.models.bif` shows.")


def _blocks(text: str) -> Iterator[tuple[str, str, str]]:
    place = 0
    while text[place:].strip():
        match = _BLOCK.match(text, place)
        if not match:
            line = text.count("\n", 0, place + len(text[place:]) - len(text[place:].lstrip())) + 1
            raise _malformed(f"Line {line} begins neither a network, a variable nor a probability.")
        yield match.group(1), match.group(2), match.group(3)
        place = match.end()


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip().strip('"') for name in text.split(","))


def _mechanism(head: str, body: str, values: Mapping[str, tuple[str, ...]]) -> Mechanism:
    inside = re.fullmatch(r"\(([^|()]*)(?:\|([^()]*))?\)", head)
    if not inside:
        raise _malformed(f"{head} is no head of a table.")
    name = inside.group(1).strip().strip('"')
    parents = _names(inside.group(2)) if inside.group(2) else ()
    unknown = [one for one in (name, *parents) if one not in values]
    if unknown:
        raise _malformed(f"The table of {name} names {unknown[0]}, which is no variable.")
    shape = tuple(len(values[one]) for one in (*parents, name))
    table = np.full(shape, np.nan)
    for combination, keyword, numbers in _ROW.findall(body):
        row = _probabilities(name, numbers)
        wanted = prod(shape) if keyword == "table" else shape[-1]
        if row.size != wanted:
            raise _malformed(f"A row of {name} has {row.size} numbers, and {wanted} are needed.")
        if keyword == "table":
            # The variable comes first there, its parents vary faster.
            table = np.moveaxis(row.reshape(shape[-1:] + shape[:-1]), 0, -1)
        elif keyword == "default":
            table[np.isnan(table).all(axis=-1)] = row
        else:
            table[_place(name, parents, combination, values)] = row
    sums = table.sum(axis=-1, keepdims=True)
    if not np.all(np.abs(sums - 1) <= _ROUNDING):
        raise _malformed(f"The table of {name} lacks a row, or has one that does not sum to 1.")
    return Mechanism(name, parents, table / sums)


def _probabilities(name: str, text: str) -> np.ndarray:
    try:
        return np.array([float(number) for number in text.replace(",", " ").split()])
    except ValueError as error:
        raise _malformed(f"A row of {name} holds {text.strip()[:40]!r}, which are no numbers.") from error


def _place(
    name: str, parents: tuple[str, ...], combination: str, values: Mapping[str, tuple[str, ...]]
) -> tuple[int, ...]:
    found = _names(combination)
    if len(found) != len(parents) or any(one not in values[parent] for one, parent in zip(found, parents, strict=True)):
        raise _malformed(f"The table of {name} has a row for ({combination}), which are no values of its parents.")
    return tuple(values[parent].index(one) for one, parent in zip(found, parents, strict=True))
