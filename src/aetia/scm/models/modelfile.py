"""How does an explicit causal model get into a file, and out of it again?

    {"kind": "discrete", "variables": {
        "X": {"values": [0, 1], "table": ["1/3", "2/3"]},
        "Y": {"values": ["no", "yes"], "parents": ["X"], "table": [[0.9, 0.1], [0.2, 0.8]]},
        "U": {"values": [0, 1], "table": [0.5, 0.5], "latent": true}}}

    {"kind": "linear", "variables": {
        "X": {"variance": 1.0},
        "Y": {"coefficients": {"X": 2.0}, "intercept": 1.0, "variance": 0.5}},
     "noise_covariances": [["X", "Y", 0.3]]}

A probability is a number, or an exact fraction as text. Networks in the Bayesian interchange format (.bif) are read,
too.
"""

import json
import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import numpy as np

from aetia.errors import CausalModelError
from aetia.files import write_atomic
from aetia.scm.language.query import Value
from aetia.scm.models.bif import model_from_bif
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.models.linear import LinearEquation, LinearModel
from aetia.scm.models.mechanism import Mechanism

__all__ = ["model_from_json", "model_to_json", "read_model", "write_model"]

_Kind = TypeVar("_Kind")

_HUGE = 1e150
"""Squares of larger numbers are not finite."""

_MOST_AXES = 64
"""numpy's own limit."""

_FRACTION = re.compile(r"-?\d{1,2000}(/\d{1,2000})?|-?\d{0,1000}\.\d{1,1000}", re.ASCII)


def read_model(path: Path) -> DiscreteModel | LinearModel:
    """The model of a file: .bif in the Bayesian interchange format, all else JSON.

    Raises:
        CausalModelError: AE-7225 the file cannot be read; AE-7226 it is not well formed, or a field is wrong; AE-7201
            to AE-7223 the model is wrong.
        GraphError: AE-7103 the variables form a cycle.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        found = f"The model {path} cannot be read: {reason}."
        raise CausalModelError("AE-7225", found, mend="name a file of JSON or .bif that exists.") from error
    return model_from_bif(text) if path.suffix.lower() == ".bif" else model_from_json(text)


def write_model(path: Path, model: DiscreteModel | LinearModel) -> None:
    """Write the model as JSON, whole or not at all.

    Raises:
        RunError: AE-6011 the disk is full; AE-6012 the place cannot be written.
    """
    write_atomic(path, model_to_json(model).encode())


def model_to_json(model: DiscreteModel | LinearModel) -> str:
    """The model as text, from which `model_from_json` makes the same one: every float and fraction is kept exactly."""
    if isinstance(model, DiscreteModel):
        kind, variables, shared = "discrete", _discrete_form(model), []
    else:
        kind, (variables, shared) = "linear", _linear_form(model)
    lines = ",\n".join(f"    {json.dumps(name)}: {json.dumps(one)}" for name, one in variables.items())
    rest = f',\n  "noise_covariances": {json.dumps(shared)}' if shared else ""
    return f'{{\n  "kind": "{kind}",\n  "variables": {{\n{lines}\n  }}{rest}\n}}\n'


def _discrete_form(model: DiscreteModel) -> dict[str, object]:
    variables = dict[str, object]()
    for name, values in model.values.items():
        one = model.mechanisms[name]
        table = np.vectorize(str, otypes=[object])(one.table) if one.table.dtype == object else one.table
        parents = {"parents": list(one.parents)} if one.parents else {}
        hidden = {"latent": True} if name in model.latent else {}
        variables[name] = {"values": list(values), **parents, "table": table.tolist(), **hidden}
    return variables


def _linear_form(model: LinearModel) -> tuple[dict[str, object], list[object]]:
    variables, shared = dict[str, object](), list[object]()
    for row, name in enumerate(model.names):
        causes = {cause: float(number) for cause, number in zip(model.names, model.coefficients[row], strict=True)}
        used = {cause: number for cause, number in causes.items() if number}
        variables[name] = {
            **({"coefficients": used} if used else {}),
            "intercept": float(model.intercepts[row]),
            "variance": float(model.noise[row, row]),
            **({"latent": True} if name in model.latent else {}),
        }
        after = zip(model.names[row + 1 :], model.noise[row, row + 1 :], strict=True)
        shared += [[name, other, float(number)] for other, number in after if number]
    return variables, shared


def model_from_json(text: str) -> DiscreteModel | LinearModel:
    """The model that this text describes.

    Raises:
        CausalModelError: AE-7226 the text is not well formed, or a field is wrong; AE-7201 to AE-7223 the model is.
        GraphError: AE-7103 the variables form a cycle.
    """
    try:
        form = json.loads(text, object_pairs_hook=_unique, parse_constant=_refused)
    except RecursionError as error:
        raise _malformed("It is nested too deeply.") from error
    except ValueError as error:
        raise _malformed(f"It is not JSON: {error}.") from error
    kind = _field(form, "the model", "kind", str, "")
    if kind == "discrete":
        _only(form, "the model", "kind", "variables")
        return _discrete(_field(form, "the model", "variables", dict, None))
    if kind == "linear":
        _only(form, "the model", "kind", "variables", "noise_covariances")
        shared = _field(form, "the model", "noise_covariances", list, [])
        return _linear(_field(form, "the model", "variables", dict, None), shared)
    raise _malformed(f"The model is of the kind {kind!r}.", 'write "kind": "discrete" or "kind": "linear".')


def _malformed(found: str, mend: str = "`aetia.scm.models.modelfile` shows the form.") -> CausalModelError:
    return CausalModelError("AE-7226", found, mend=mend)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key in found if sum(key == other for other, _ in pairs) > 1)
        raise _malformed(f"The key {twice!r} stands twice in one place.", "keep one of the two.")
    return found


def _refused(constant: str) -> float:
    raise _malformed(f"It holds {constant}.", "give finite numbers.")


def _only(form: Mapping[str, object], where: str, *keys: str) -> None:
    odd = [key for key in form if key not in keys]
    if odd:
        raise _malformed(f"The field {odd[0]!r} of {where} means nothing.", f"use some of {', '.join(keys)}.")


def _field(form: object, where: str, key: str, kind: type[_Kind], default: _Kind | None) -> _Kind:
    """The field of this kind; no default: it must be there."""
    fields = _mapping(form, where)
    value = fields.get(key, default)
    if not isinstance(value, kind):
        what = f"is {json.dumps(value)[:40]}" if key in fields else "is absent"
        raise _malformed(f"The field {key!r} of {where} {what}.")
    return value


def _discrete(variables: Mapping[str, object]) -> DiscreteModel:
    values, mechanisms, latent = dict[str, tuple[Value, ...]](), dict[str, Mechanism](), set[str]()
    for name, form in variables.items():
        where = f"the variable {name!r}"
        listed = _field(form, where, "values", list, None)
        parents = _field(form, where, "parents", list, [])
        table = _field(form, where, "table", list, None)
        _only(_mapping(form, where), where, "values", "parents", "table", "latent")
        if not all(isinstance(value, int | float | str) for value in listed):
            raise _malformed(f"A value of {where} is neither number nor text nor truth value.")
        if not all(isinstance(parent, str) for parent in parents):
            raise _malformed(f"A parent of {where} is no name.")
        values[name] = tuple(listed)
        mechanisms[name] = Mechanism(name, tuple(parents), np.array(_numbers(table, where), dtype=object))
        if _field(form, where, "latent", bool, False):  # noqa: FBT003 -- the field's default
            latent.add(name)
    return DiscreteModel(values, mechanisms, frozenset(latent))


def _numbers(table: object, where: str) -> object:
    """The table with its fractions read."""
    if isinstance(table, list):
        rows = [_numbers(row, where) for row in table]
        if len({_shape(row) for row in rows}) > 1:
            raise _malformed(f"The rows of the table of {where} have different lengths.")
        if len(_shape(rows)) > _MOST_AXES:
            raise _malformed(f"The table of {where} has more than {_MOST_AXES} axes.")
        return rows
    if isinstance(table, int | float) and not isinstance(table, bool):
        return table
    if isinstance(table, str) and _FRACTION.fullmatch(table):
        try:
            return Fraction(table)
        except ZeroDivisionError as error:
            raise _malformed(f"The table of {where} holds {table}.") from error
    raise _malformed(f"The table of {where} holds {json.dumps(table)[:40]}.", "give numbers, or fractions like '1/3'.")


def _shape(table: object) -> tuple[int, ...]:
    """The shape of nested lists whose rows are known to be alike."""
    shape = list[int]()
    while isinstance(table, list):
        shape.append(len(table))
        table = table[0] if table else None
    return tuple(shape)


def _linear(variables: Mapping[str, object], shared: list[object]) -> LinearModel:
    equations, latent = dict[str, LinearEquation](), list[str]()
    for name, form in variables.items():
        where = f"the variable {name!r}"
        _only(_mapping(form, where), where, "coefficients", "intercept", "variance", "latent")
        coefficients = _field(form, where, "coefficients", dict, {})
        equations[name] = LinearEquation(
            {cause: _number(number, where) for cause, number in coefficients.items()},
            _number(_field(form, where, "intercept", object, 0.0), where),
            _number(_field(form, where, "variance", object, 0.0), where),
        )
        if _field(form, where, "latent", bool, False):  # noqa: FBT003 -- the field's default
            latent.append(name)
    covariances = dict[tuple[str, str], float]()
    for entry in shared:
        match entry:
            case [str(first), str(second), number] if first != second:
                pair = first, second
            case _:
                raise _malformed(f"{json.dumps(entry)[:40]} is no covariance.", 'write it like ["X", "Y", 0.3].')
        if pair in covariances or pair[::-1] in covariances:
            raise _malformed(f"The covariance of {first!r} and {second!r} stands twice.", "keep one of the two.")
        covariances[pair] = _number(number, "the covariances")
    return LinearModel.of(equations, noise_covariances=covariances, latent=latent)


def _mapping(form: object, where: str) -> Mapping[str, object]:
    if not isinstance(form, dict):
        raise _malformed(f"There is {json.dumps(form)[:40]} where {where} should be.")
    return form


def _number(value: object, where: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _HUGE:
        return float(value)
    raise _malformed(f"{json.dumps(value)[:40]} of {where} is no number that could be meant.", "give a finite number.")
