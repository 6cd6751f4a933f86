"""What does the causal engine answer to a question about a graph?

For the generated texts and for the published ones: the graph, the pair and the options have been read from the text.
"""

from collections.abc import Sequence

from aetia import scm
from aetia.errors import NotIdentifiedError
from aetia.evals.item import Item
from aetia.evals.tasks._graph_words import read_graph, read_question, unreadable
from aetia.scm.graphs.front_door import Instrument, is_front_door_set, is_instrument

__all__ = ["engine", "holds", "is_effect_identified", "right_options"]


def engine(item: Item) -> str:
    """The answer to a generated question about a graph, from its text.

    Raises:
        EvaluationError: AE-8110 the text cannot be read.
    """
    graph, words = read_graph(item)
    asked = read_question(item, words)
    kind = item.task.partition("/")[2]
    if not item.options:
        return "yes" if holds(kind, graph, asked.cause, asked.effect) else "no"
    options = [option.split(words.inner) for option in item.options]
    right = right_options(kind, graph, asked.cause, asked.effect, options)
    if len(right) != 1:
        raise unreadable(item.question)
    return str(right[0])


def holds(kind: str, graph: scm.Graph, cause: str, effect: str) -> bool:
    """Whether a pair is in the relation that `ar`, `ca-fa`, `ca-fp` or `cei-...` asks about."""
    if kind in {"ar", "ca-fa"}:
        return cause != effect and cause in graph.ancestors([effect])
    if kind == "ca-fp":
        return cause in graph.parents[effect]
    return is_effect_identified(graph, cause, effect)


def is_effect_identified(graph: scm.Graph, cause: str, effect: str) -> bool:
    """Whether the effect follows from what is observed."""
    try:
        scm.identify(graph, f"P({effect} | do({cause}))")
    except NotIdentifiedError:
        return False
    return True


def right_options(
    kind: str, graph: scm.Graph, cause: str, effect: str, options: Sequence[Sequence[str]]
) -> tuple[int, ...]:
    """The numbers, from 1, of the options that satisfy the criterion of `bas-...`, `fas` or `iv`.

    A set of instruments is right if each of its variables is an instrument with nothing conditioned on.
    """

    def is_right(chosen: Sequence[str]) -> bool:
        if kind == "fas":
            return is_front_door_set(graph, cause, effect, chosen)
        if kind == "iv":
            return all(is_instrument(graph, Instrument(name), cause, effect) for name in chosen)
        return scm.is_adjustment_set(graph, cause, effect, chosen)

    return tuple(number for number, chosen in enumerate(options, 1) if is_right(chosen))
