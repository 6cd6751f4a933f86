"""How is a causal graph put into words, and read back from them?

The wordings are data, one template a place; reading inverts the same templates, and knows nothing of how the text was
made.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from aetia import scm
from aetia.errors import EvaluationError
from aetia.evals.item import Item, Language
from aetia.evals.tasks._graph_names import words_file
from aetia.text import clean_text

__all__ = ["GraphWords", "Question", "graph_words", "pattern_of", "read_graph", "read_question", "unreadable"]

_NAME = r"\w+?"


@dataclass(frozen=True)
class GraphWords:
    """One wording of one language, taken apart at its places so that filling it in is cheap.

    Args:
        given: The text before and after the edges.
        edge: The text between cause and effect.
        comma: Between edges.
        last: Before the last edge.
        hidden: Before and after the pairs with a hidden common cause.
        pair: Between the two of a pair.
        inner: Between the members of a set.
        questions: The templates of the questions, by the task's short name.
        because: The templates of the reasons.
    """

    given: tuple[str, str]
    edge: str
    comma: str
    last: str
    hidden: tuple[str, str]
    pair: str
    inner: str
    questions: Mapping[str, str]
    because: Mapping[str, str]

    def listed(self, edges: Sequence[str]) -> str:
        """Edges or pairs as one list."""
        if len(edges) == 1:
            return edges[0]
        return f"{self.comma.join(edges[:-1])}{self.last}{edges[-1]}"

    def context(self, edges: list[str], pairs: list[str], order: int) -> str:
        """What is given; edges stand in the order of the alphabet, or shuffled."""
        if order:
            random = Random(order)
            edges, pairs = random.sample(edges, len(edges)), random.sample(pairs, len(pairs))
        text = self.listed(edges).join(self.given)
        return text + self.listed(pairs).join(self.hidden) if pairs else text


@dataclass(frozen=True)
class Question:
    """What is asked of a graph: the two variables."""

    cause: str
    effect: str


@cache
def graph_words(language: Language, wording: int) -> GraphWords:
    """That wording of that language."""
    told = words_file("calm_graphs", language)

    def one(name: str) -> str:
        found = told[name]
        return str(found[wording]) if isinstance(found, list) else ""

    def parts(name: str, place: str) -> tuple[str, str]:
        before, _, after = one(name).partition("{" + place + "}")
        return before, after

    questions, because = told["questions"], told["because"]
    assert isinstance(questions, dict)
    assert isinstance(because, dict)
    return GraphWords(
        given=parts("given", "edges"),
        edge=one("edge").removeprefix("{cause}").removesuffix("{effect}"),
        comma=one("comma"),
        last=one("last"),
        hidden=parts("hidden", "pairs"),
        pair=one("pair").removeprefix("{first}").removesuffix("{second}"),
        inner=one("set"),
        questions={name: str(every[wording]) for name, every in questions.items()},
        because={name: str(text) for name, text in because.items()},
    )


def pattern_of(template: str) -> re.Pattern[str]:
    """What reads a template's places back."""
    escaped = re.escape(template).replace(r"\{", "{").replace(r"\}", "}")
    return re.compile(re.sub(r"\{(\w+)\}", lambda place: f"(?P<{place[1]}>{_NAME})", escaped))


def read_graph(item: Item) -> tuple[scm.Graph, GraphWords]:
    """The graph that an item's context tells, and the wording that it is told in.

    Raises:
        EvaluationError: AE-8110 it is told in no wording known here.
    """
    for wording in range(2):
        words = graph_words(item.language, wording)
        text = item.context
        if not text.startswith(words.given[0]):
            continue
        edges, _, rest = text.removeprefix(words.given[0]).partition(words.given[1])
        hidden = rest.removeprefix(words.hidden[0]).removesuffix(words.hidden[1])
        arcs = _pairs(hidden, words, words.pair) if rest else []
        return scm.Graph.of(_pairs(edges, words, words.edge), arcs), words
    raise unreadable(item.context)


def _pairs(text: str, words: GraphWords, between: str) -> list[tuple[str, str]]:
    every = text.replace(words.last, words.comma).split(words.comma)
    found = [one.split(between) for one in every]
    if any(len(one) != 2 for one in found):
        raise unreadable(text)
    return [(first, second) for first, second in found]


def read_question(item: Item, words: GraphWords) -> Question:
    """The two variables that an item asks about; its task's name ends in the name of the question.

    Raises:
        EvaluationError: AE-8110 the question is none of that task.
    """
    name = item.task.partition("/")[2]
    found = _question_pattern(words.questions["cei" if name.startswith("cei") else name]).fullmatch(item.question)
    if found is None:
        raise unreadable(item.question)
    return Question(found["cause"], found["effect"])


@cache
def _question_pattern(template: str) -> re.Pattern[str]:
    return pattern_of(template)


def unreadable(text: str, why: str = "") -> EvaluationError:
    """The error of an engine that cannot read a text, or that finds no one answer in it."""
    found = f"The text cannot be read{f' ({why})' if why else ''}: {clean_text(text, 120)!r}."
    return EvaluationError("AE-8110", found, mend="ask items in the wording in which they were made or published.")
