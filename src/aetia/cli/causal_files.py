"""Which causal graph or model does an argument of the shell name: a file, or the text itself?"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import click

from aetia.errors import CausalModelError, GraphError, QueryError
from aetia.scm.actual.setting import Event
from aetia.scm.graphs.graph import Graph
from aetia.scm.graphs.interchange import graph_from_dagitty, graph_from_dot, graph_from_json
from aetia.scm.graphs.notation import graph_from_text
from aetia.scm.language.query import Term, Value
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.models.equations import model_from_equations
from aetia.scm.models.linear import LinearModel
from aetia.scm.models.modelfile import model_from_json, read_model
from aetia.scm.queries.grammar import parse_assignments

__all__ = [
    "assignments_of",
    "discrete_model_named",
    "event_of",
    "graph_argument",
    "graph_named",
    "model_argument",
    "model_named",
]

model_argument = click.argument("model", metavar="MODEL")
"""A file of JSON or .bif, or equations."""

graph_argument = click.argument("graph", metavar="GRAPH")
"""A file of text, DOT, dagitty or JSON, a model's file, or the text of a graph."""

_COMPARES = re.compile(r"[<>!=]=|[<>]|\b(?:and|or|not|if)\b")
_DAGITTY = ("dag", "pdag", "mag", "pag")
_DOT = ("digraph", "graph", "strict")


def model_named(given: str) -> DiscreteModel | LinearModel:
    """The model in a file, or of equations: those of a file that is neither JSON nor .bif, or the argument itself.

    Raises:
        CausalModelError: AE-7225 there is no such file, and the text is no equation; and as `read_model`.
        QueryError: AE-7601, AE-7602 the equations cannot be read.
    """
    path = Path(given)
    if _is_file(path):
        return read_model(path) if path.suffix.lower() in {".json", ".bif"} else model_from_equations(_text(path))
    if "=" in given:
        return model_from_equations(given)
    found = f"There is no file {given}, and it is no equation."
    raise CausalModelError("AE-7225", found, mend="name a model's file (JSON, .bif, equations), or write `Y = X or Z`.")


def discrete_model_named(given: str) -> DiscreteModel:
    """The same, of a model with finitely many values.

    Raises:
        CausalModelError: AE-7228 the model is linear; and as `model_named`.
    """
    model = model_named(given)
    if isinstance(model, LinearModel):
        found = f"{given} is a linear model: its variables have no list of values."
        raise CausalModelError(
            "AE-7228", found, mend="name a discrete model; `aetia scm query` answers for linear ones."
        )
    return model


def graph_named(given: str) -> Graph:
    """The graph of a file, of a model's file, or of the argument itself.

    Raises:
        GraphError: AE-7106 to AE-7109 the text is no graph.
        CausalModelError: As `read_model`.
    """
    path = Path(given)
    if not _is_file(path):
        return _graph_from(given)
    if path.suffix.lower() == ".bif":
        return read_model(path).graph
    text = _text(path)
    if text.lstrip().startswith("{") and _is_model(text):
        return model_from_json(text).graph
    return _graph_from(text)


def assignments_of(given: tuple[str, ...]) -> dict[str, Value]:
    """Values of variables, `X=1` each or several with commas between.

    Raises:
        QueryError: AE-7301 the text is no assignment.
    """
    found = dict[str, Value]()
    for one in (one for text in given for one in parse_assignments(text)):
        if one.value is None or isinstance(one.value, Term):
            raise QueryError("AE-7305", f"{one} gives {one.variable} no value.", mend=f"write `{one.variable}=1`.")
        found[one.variable] = one.value
    return found


def event_of(given: str) -> Event:
    """What happened: values such as `Y=1, Z=0`, or an expression such as `Y == 1 or Z > 1`.

    Raises:
        QueryError: AE-7301 the text is no assignment; an expression is read later.
    """
    return given if _COMPARES.search(given) else assignments_of((given,))


def intervened(model: DiscreteModel | LinearModel, values: Mapping[str, Value]) -> DiscreteModel | LinearModel:
    """The model with these variables set to these values.

    Raises:
        CausalModelError: AE-7207, AE-7208 a value or variable is unknown; AE-7222 a linear model is given no number.
    """
    if isinstance(model, DiscreteModel):
        return model.do(values)
    numbers = dict[str, float]()
    for name, value in values.items():
        if isinstance(value, str):
            raise CausalModelError("AE-7222", f"{name} cannot be {value!r}.", mend=f"set it to a number: `{name}=1`.")
        numbers[name] = float(value)
    return model.do(numbers)


def _graph_from(text: str) -> Graph:
    start = text.lstrip()
    word = start.split("{")[0].split()
    if start.startswith("{"):
        return graph_from_json(text)
    if "{" in start and word and word[0].lower() in _DAGITTY:
        return graph_from_dagitty(text)
    if "{" in start and word and word[0].lower() in _DOT:
        return graph_from_dot(text)
    return graph_from_text(text)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # the text of a graph may be no path at all
        return False


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        found = f"The file {path} cannot be read: {error}."
        raise GraphError("AE-7129", found, mend="name a file of text that you may read.") from error


def _is_model(text: str) -> bool:
    try:
        return "kind" in json.loads(text)
    except ValueError:
        return False
