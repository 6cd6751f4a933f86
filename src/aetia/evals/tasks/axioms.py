"""Does a reasoner apply the axioms of causal graphs: that causes of causes are causes, and what blocks a path?

Each item has a twin: the same text, the other label. A coin in `pose` says which of the two is asked, so neither the
text alone nor the question alone tells the label, and there is no label left to balance.

Source: Vashishtha et al., Teaching Transformers Causal Reasoning through Axiomatic Training, ICML 2025 (seed 065).
"""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import combinations
from random import Random
from typing import NamedTuple, cast

from aetia import scm
from aetia.evals.item import Item
from aetia.evals.task import Generator, Names, Solution, Style, Tags, Target, Task, Wording
from aetia.evals.tasks._draws import sampled
from aetia.evals.tasks._formal_graphs import bits, families, is_separated, reached
from aetia.evals.tasks._formal_words import drawn_names, pattern_of, unreadable, wordings
from aetia.evals.tasks._phrases import pairs_told

__all__ = ["TASKS", "edges_from_text", "separation_from_text", "transitivity_from_text"]

# The sizes of the published tests; a complete graph of five would leave no pair without an edge.
CHAIN_LENGTHS = (7, 8, 9, 10, 11, 12, 13, 14, 15, 20, 50)
REVERSED_LENGTHS = (3, 4, 5, 6)
SEPARATED_LENGTHS = (7, 8, 9, 10, 11, 12, 13, 14, 15)
BRANCHED_SIZES = ((5, 7), (8, 11), (8, 16), (10, 14), (10, 20), (12, 17), (12, 24))
MOST_GIVEN = 4

_STEPS = tuple(((n + 1, n), (n, n + 1)) for n in range(max(CHAIN_LENGTHS)))
_ORDERS = 500  # orders of causes that branched graphs are drawn from
_PAIRS_TRIED = 24

_Edges = tuple[tuple[int, int], ...]
_WORDS = wordings("axioms")


class _Problem(NamedTuple):
    """A DAG over 0 .. size - 1, its edges in the order of the text, and what is asked about two of its variables."""

    edges: _Edges
    size: int
    first: int
    second: int
    given: tuple[int, ...] = ()


class _Axiom(Generator[_Problem]):
    names: tuple[Names, ...] = ("random", "nonsense")
    wordings = len(_WORDS)
    has_order = True
    asked = "transitivity"

    def word(self, problem: _Problem, solution: Solution, style: Style, random: Random, /) -> Wording:
        called = drawn_names(random, style.names, problem.size)
        words = _WORDS[style.wording]
        pairs = [(called[cause], called[effect]) for cause, effect in problem.edges]
        graph = "; ".join([f"{cause} -> {effect}" for cause, effect in pairs])
        if style.order:
            pairs = _shuffled(pairs, style.order)
        first, second = called[problem.first], called[problem.second]
        given = [called[one] for one in problem.given]
        question = words[self.asked].format(first=first, second=second, given=words["and"].join(given))
        query = f"P({second} | {', '.join([first, *given])})" if given else f"P({second} | do({first}))"
        facts = {"graph": graph, "treatment": first, "outcome": second, "query": query}
        context, steps = " ".join(pairs_told(words["edge"], pairs)), self.explained(problem, called, solution)
        return Wording(context, question, solution.label, facts=facts, derivation=steps)

    @abstractmethod
    def explained(self, problem: _Problem, called: Sequence[str], solution: Solution) -> tuple[str, ...]:
        """The steps to the label, in the names of the text."""


def _shuffled(pairs: list[tuple[str, str]], order: int) -> list[tuple[str, str]]:
    """The edges in another order than theirs."""
    found = Random(order).sample(pairs, len(pairs))
    return found if found != pairs else [*found[1:], found[0]]


class _Transitivity(_Axiom):
    def solve(self, problem: _Problem, /) -> Solution:
        first, second = problem.first, problem.second
        _, children = families(problem.edges, problem.size)
        label = "yes" if reached(children, first) >> second & 1 else "no"
        reverse = "yes" if reached(children, second) >> first & 1 else "no"
        return Solution(label, rivals={"wrong-direction": reverse, "direct-only": "no", "correlation": "yes"})

    def explained(self, problem: _Problem, called: Sequence[str], solution: Solution) -> tuple[str, ...]:
        if solution.label == "no":
            return (f"No chain of arrows leads from {called[problem.first]} to {called[problem.second]}.",)
        return (" -> ".join([called[one] for one in self.path(problem)]),)

    def path(self, problem: _Problem) -> Iterable[int]:
        """A path of arrows from first to second; there is one."""
        parents, children = families(problem.edges, problem.size)
        path, target = [problem.first], problem.second
        causes = reached(parents, target)
        while not children[path[-1]] >> target & 1:
            path.append(next(iter(bits(children[path[-1]] & causes))))
        return [*path, target]


class _Linear(_Transitivity):
    """One line of variables: a causes b if and only if every arrow between them points from a to b."""

    def solve(self, problem: _Problem, /) -> Solution:
        first, second = problem.first, problem.second
        between = problem.edges[min(first, second) : max(first, second)]
        ways = {cause < effect for cause, effect in between}
        label = "yes" if ways == {first < second} else "no"
        reverse = "yes" if ways == {second < first} else "no"
        return Solution(label, rivals={"wrong-direction": reverse, "direct-only": "no", "correlation": "yes"})

    def path(self, problem: _Problem) -> Iterable[int]:
        step = 1 if problem.first < problem.second else -1
        return range(problem.first, problem.second + step, step)


@cache
def _chain(size: int, is_reversed: bool) -> _Edges:
    return tuple((n + 1, n) if is_reversed else (n, n + 1) for n in range(size - 1))


class _Chain(_Linear):
    """A chain of arrows, each beginning where the last one ends, or the other way round."""

    def __init__(self, lengths: tuple[int, ...], *, is_reversed: bool = False) -> None:
        self.lengths = lengths
        self.is_reversed = is_reversed

    def pose(self, random: Random, /) -> _Problem | None:
        size = self.lengths[int(random.random() * len(self.lengths))]
        first, second = int(random.random() * size), int(random.random() * size)
        if -2 < first - second < 2:
            return None
        return _Problem(_chain(size, self.is_reversed), size, first, second)


class _Flipped(_Linear):
    """A chain whose arrows point either way: yes needs a run of arrows of one direction."""

    def pose(self, random: Random, /) -> _Problem | None:
        size = CHAIN_LENGTHS[int(random.random() * len(CHAIN_LENGTHS))]
        edges, runs = _flipped_chain(random, size)
        if not runs:
            return None
        start, length = runs[int(random.random() * len(runs))]
        distance = 2 + int(random.random() * (length - 1))
        is_yes = random.random() < 0.5
        low = start if is_yes else int(random.random() * (size - distance))
        first, second = (low, low + distance) if random.random() < 0.5 else (low + distance, low)
        ways = {cause < effect for cause, effect in edges[low : low + distance]}
        if (ways == {first < second}) is not is_yes:
            first, second = second, first
        return _Problem(edges, size, first, second)


def _flipped_chain(random: Random, size: int) -> tuple[_Edges, list[tuple[int, int]]]:
    """A chain of arrows of random directions, and its longest runs of two or more: their beginnings and lengths."""
    ways = random.getrandbits(size - 1)
    edges = tuple([step[ways >> n & 1] for n, step in enumerate(_STEPS[: size - 1])])
    turns = [n + 1 for n in bits((ways ^ ways >> 1) & ((1 << size - 2) - 1))]
    runs = [(low, high - low) for low, high in zip([0, *turns], [*turns, size - 1], strict=True) if high - low > 1]
    return edges, runs


@cache
def _complete(size: int, number: int) -> _Edges:
    """All edges of a complete DAG, told cause by cause; its order of causes is the number-th of some at random."""
    order = sampled(Random(f"order: {size}, {number}"), range(size), size)
    return tuple(sorted(combinations(order, 2)))


def _branched(random: Random) -> tuple[_Edges, int]:
    size, count = BRANCHED_SIZES[int(random.random() * len(BRANCHED_SIZES))]
    share = 2 * count / (size * (size - 1))
    complete = _complete(size, int(random.random() * _ORDERS))
    draw = random.random
    return tuple([edge for edge in complete if draw() < share]), size


class _Branched(_Transitivity):
    """A DAG with branches; first causes something, second has a cause, and no edge joins them, whatever the label."""

    def pose(self, random: Random, /) -> _Problem | None:
        edges, size = _branched(random)
        if len(edges) < 2:
            return None
        parents, children = families(edges, size)
        is_yes = random.random() < 0.5
        found: dict[bool, tuple[int, int]] = {}
        for _ in range(_PAIRS_TRIED):
            first, second = edges[int(random.random() * len(edges))][0], edges[int(random.random() * len(edges))][1]
            if first == second or (parents[first] | children[first]) >> second & 1:
                continue
            found.setdefault(bool(reached(children, first) >> second & 1), (first, second))
            if len(found) == 2:
                return _Problem(edges, size, *found[is_yes])
        return None


class _Separation(_Axiom):
    """Two variables without an edge, and a set that separates them, or one of the same size that does not."""

    asked = "separation"

    def pose(self, random: Random, /) -> _Problem | None:
        if random.random() < 0.5:
            edges, size = _branched(random)
        else:
            size = SEPARATED_LENGTHS[int(random.random() * len(SEPARATED_LENGTHS))]
            edges = _flipped_chain(random, size)[0]
        parents, children = families(edges, size)
        named = [one for one in range(size) if parents[one] | children[one]]  # the text does not name the others
        first, second = sampled(random, named, 2)
        others = [one for one in named if one not in (first, second)]
        if (parents[first] | children[first]) >> second & 1 or len(others) < 2:
            return None
        count = 1 + int(random.random() * min(MOST_GIVEN, len(others) - 1))
        found: dict[bool, tuple[int, ...]] = {}
        for _ in range(8):
            given = tuple(sorted(sampled(random, others, count)))
            mask = sum([1 << one for one in given])
            found.setdefault(is_separated(parents, children, first, second, mask), given)
            if len(found) == 2:
                return _Problem(edges, size, first, second, found[random.random() < 0.5])
        return None

    def solve(self, problem: _Problem, /) -> Solution:
        parents, children = families(problem.edges, problem.size)
        first, second = problem.first, problem.second
        given = sum(1 << one for one in problem.given)
        label = "yes" if is_separated(parents, children, first, second, given) else "no"
        alone = "yes" if is_separated(parents, children, first, second, 0) else "no"
        # Who takes every path for open unless a variable on it is given forgets that colliders block.
        both = [up | down for up, down in zip(parents, children, strict=True)]
        skeleton = "no" if reached(both, first, given) >> second & 1 else "yes"
        return Solution(label, rivals={"nothing-given": alone, "colliders-forgotten": skeleton})

    def explained(self, problem: _Problem, called: Sequence[str], solution: Solution) -> tuple[str, ...]:
        first, second = called[problem.first], called[problem.second]
        given = ", ".join([called[one] for one in problem.given])
        if solution.label == "yes":
            return (f"Every path between {first} and {second} is blocked once {given} is given.",)
        return (f"Some path between {first} and {second} is open once {given} is given.",)


def edges_from_text(item: Item) -> tuple[str, list[tuple[str, str]]]:
    """Read a text's edges, as pairs of cause and effect, and the number of its wording as a text.

    Raises:
        EvaluationError: AE-8110 the text is in none of the wordings.
    """
    sentences = [one for one in item.context.replace(". ", ".\n").split("\n") if one]
    for number, words in enumerate(_WORDS):
        found = [pattern_of(words["edge"]).fullmatch(one) for one in sentences]
        if found and all(found):
            return str(number), [(one["cause"], one["effect"]) for one in found if one]
    raise unreadable(item, "its sentences do not say what causes what")


def transitivity_from_text(item: Item) -> str:
    """Answer whether one variable is an ancestor of another by what the text says, through `aetia.scm`.

    Raises:
        EvaluationError: AE-8110 the text is in none of the wordings.
        GraphError: AE-7103 what the text says is a cycle.
    """
    number, edges = edges_from_text(item)
    asked = pattern_of(_WORDS[int(number)]["transitivity"]).fullmatch(item.question)
    if asked is None:
        raise unreadable(item, "its question asks for nothing that is known")
    graph = scm.graph_from_text("; ".join(f"{cause} -> {effect}" for cause, effect in edges))
    return "yes" if asked["first"] in graph.ancestors([asked["second"]]) - {asked["second"]} else "no"


def separation_from_text(item: Item) -> str:
    """Answer whether a set d-separates two variables by what the text says, through `aetia.scm`.

    Raises:
        EvaluationError: AE-8110 the text is in none of the wordings.
        GraphError: AE-7103 what the text says is a cycle.
    """
    number, edges = edges_from_text(item)
    words = _WORDS[int(number)]
    asked = pattern_of(words["separation"], given="[A-Za-z0-9, ]+").fullmatch(item.question)
    if asked is None:
        raise unreadable(item, "its question asks for nothing that is known")
    graph = scm.graph_from_text("; ".join(f"{cause} -> {effect}" for cause, effect in edges))
    given = [] if asked["given"] == words["nothing"] else asked["given"].split(words["and"])
    return "yes" if scm.separated(graph, [asked["first"]], [asked["second"]], given) else "no"


_CITATION = "Vashishtha et al., Teaching Transformers Causal Reasoning through Axiomatic Training, ICML 2025"
_TAGS = Tags(("graph search",), "text", "reasoning")


def _task(name: str, asks: str, generator: _Axiom) -> Task:
    target = Target("discovery", "AXIOM", "binary", "symbolic")
    engine = separation_from_text if isinstance(generator, _Separation) else transitivity_from_text
    source = cast("Generator[object]", generator)
    return Task(f"axioms/{name}", asks, target, source, 0.5, _TAGS, ("065",), _CITATION, engine)


TASKS: tuple[Task, ...] = (
    _task("transitivity-chain", "Whether one variable of a chain causes another.", _Chain(CHAIN_LENGTHS)),
    _task("transitivity-flipped", "The same, in a chain whose arrows point either way.", _Flipped()),
    _task("transitivity-branching", "Whether one variable causes another in a branched graph.", _Branched()),
    _task(
        "transitivity-reversal",
        "Whether one variable causes another in a short chain told from its end.",
        _Chain(REVERSED_LENGTHS, is_reversed=True),
    ),
    _task("d-separation", "Whether given variables separate two others.", _Separation()),
)
