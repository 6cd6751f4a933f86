"""Does a reasoner tell what independences imply about causes from what they leave open?

The premise is all that a Markov equivalence class of DAGs says about dependence; the hypothesis is a relation of two of
its variables, and it follows if it holds in every DAG of the class. Drawn items have twins of the other label with the
same premise and the same relation, and the variables stand in a random order, so that neither the premise alone nor the
hypothesis alone tells the label. Hypotheses whose label depends on how "common effect" is understood are not drawn.
`every_item` has all hypotheses of all classes, as the published set has them.

Two variables imply nothing in either class, so that there is no task of two.

Source: Jin et al., Can Large Language Models Infer Causation from Correlation? ICLR 2024 (seed 064); its code is under
the MIT licence, and its wording is the first one here, so that published items can be read.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import combinations, permutations, product
from random import Random
from typing import NamedTuple, cast

from aetia.errors import EvaluationError
from aetia.evals.item import Item, Origin
from aetia.evals.task import Generator, Names, Solution, Style, Tags, Target, Task, Wording
from aetia.evals.tasks._corr2cause_text import deduced, listed_names
from aetia.evals.tasks._dag_classes import READINGS, RELATIONS, RELEASED_LARGEST, catalogue, independences
from aetia.evals.tasks._draws import sampled
from aetia.evals.tasks._formal_graphs import bits, reached
from aetia.evals.tasks._formal_words import drawn_names, wordings
from aetia.evals.tasks._phrases import pairs_told
from aetia.text import clean_text

__all__ = ["TASKS", "every_item"]

_WORDS = wordings("corr2cause")
_MIRRORED = {"child": "parent", "descendant": "ancestor"}
_SIZES = (3, 4, 5, 6)
_SYMMETRIC = 4  # the relations from here on are the same both ways
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class _Problem(NamedTuple):
    """A class and a hypothesis about it.

    Args:
        size: How many variables.
        number: The class's number in its catalogue.
        order: Which of its variables stands where in the text.
        relation: The hypothesis's place among `RELATIONS`.
        first: One variable of the class.
        second: Another one.
    """

    size: int
    number: int
    order: tuple[int, ...]
    relation: int
    first: int
    second: int


@cache
def _fit(size: int) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Each relation that some hypotheses claim rightly and some wrongly about one class, with these classes."""
    found: list[tuple[int, tuple[int, ...]]] = []
    for relation in range(len(RELATIONS)):
        classes = [one for one in range(len(catalogue(size).dags)) if all(_pairs(size, one, relation))]
        if classes:
            found.append((relation, tuple(classes)))
    return tuple(found)


@cache
def _pairs(size: int, number: int, relation: int) -> tuple[tuple[tuple[int, int], ...], ...]:
    """The pairs of which the relation does not follow however it is read, and those of which it does."""
    listed = catalogue(size)
    readings = ("paths", "children", "shared") if relation >= _SYMMETRIC else ("paths",)
    told = [(listed.counts[one][number, relation] == listed.members[number]).tolist() for one in readings]
    found: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
    for pair in permutations(range(size), 2):
        answers = {one[pair[0]][pair[1]] for one in told}
        if len(answers) == 1:
            found[answers.pop()].append(pair)
    return tuple(map(tuple, found))


@cache
def _true_of_some(size: int, number: int, relation: int, reading: str) -> tuple[tuple[int, int], ...]:
    """The pairs of which the relation does not follow however it is read, and that have it in some DAGs."""
    counts = catalogue(size).counts[reading][number, relation]
    return tuple(pair for pair in _pairs(size, number, relation)[0] if counts[pair])


class _Corr2Cause(Generator[_Problem]):
    version = 2
    names: tuple[Names, ...] = ("nonsense", "random")
    wordings = len(_WORDS)
    has_order = True

    def __init__(self, sizes: tuple[int, ...], reading: str = "paths") -> None:
        self.sizes = sizes
        self.reading = reading

    def pose(self, random: Random, /) -> _Problem | None:
        size = random.choice(self.sizes)
        relation, classes = random.choice(_fit(size))
        number = random.choice(classes)
        wrong, right = _pairs(size, number, relation)
        pairs = right if random.random() < 0.5 else wrong
        if pairs is wrong and random.random() < 0.5:
            pairs = _true_of_some(size, number, relation, self.reading) or wrong  # harder than true of none
        return _Problem(size, number, tuple(sampled(random, range(size), size)), relation, *random.choice(pairs))

    def solve(self, problem: _Problem, /) -> Solution:
        listed, first, second = catalogue(problem.size), problem.first, problem.second
        counts = listed.counts[self.reading][problem.number, problem.relation]
        every = listed.members[problem.number]
        label, some = _told(counts[first, second] == every), _told(counts[first, second] > 0)
        pair = (min(first, second), max(first, second), 0)
        correlated = _told(pair not in independences(listed.dags[problem.number]))
        rivals = {"one-graph": some, "correlation": correlated}
        if problem.relation < _SYMMETRIC:
            rivals["wrong-direction"] = _told(counts[second, first] == every)
        return Solution(label, rivals=rivals)

    def word(self, problem: _Problem, solution: Solution, style: Style, random: Random, /) -> Wording:
        words = _WORDS[style.wording]
        called = dict(zip(problem.order, _called(words, style, problem.size, random), strict=True))
        relation, ends = RELATIONS[problem.relation], (called[problem.first], called[problem.second])
        if relation in _MIRRORED:
            relation, ends = _MIRRORED[relation], ends[::-1]
        hypothesis = words[relation].format(first=ends[0], second=ends[1])
        graph, steps = self._explained(problem, called)
        facts = {"graph": graph, "treatment": ends[0], "outcome": ends[1], "query": relation}
        context, question = (
            _premise(problem, called, words, style.order),
            words["question"].format(hypothesis=hypothesis),
        )
        return Wording(context, question, solution.label, facts=facts, derivation=steps)

    def cluster(self, problem: _Problem, /) -> str:
        if problem.size == min(_SIZES):
            return ""  # all items of three variables are of one class, and one cluster would tell nothing
        return f"corr2cause:{problem.size}:{problem.number}"

    def changed(self, problem: _Problem, random: Random, /) -> Mapping[str, _Problem]:
        found = {"flipped-edge": _flipped(problem, random)}
        if problem.relation < _SYMMETRIC:
            found["reversed-pair"] = problem._replace(first=problem.second, second=problem.first)
        return {name: one for name, one in found.items() if one is not None}

    def _explained(self, problem: _Problem, called: Mapping[int, str]) -> tuple[str, tuple[str, ...]]:
        """The class's graph, with lines where its members differ, and the steps to the label."""
        listed, number = catalogue(problem.size), problem.number
        edges, alone = _graph(problem.size, number)
        told = [f"{called[cause]} {mark} {called[effect]}" for cause, mark, effect in edges]
        graph = "; ".join([*told, *[called[one] for one in alone]])
        every = listed.members[number]
        holds = int(listed.counts[self.reading][number, problem.relation, problem.first, problem.second])
        edges_told = f"Pairs that nothing separates have an edge; what can be oriented is: {graph}."
        return graph, (edges_told, f"The hypothesis holds in {holds} of the {every} graphs that fit.")


def _told(truth: object) -> str:
    return "yes" if truth else "no"


@cache
def _graph(size: int, number: int) -> tuple[list[tuple[int, str, int]], list[int]]:
    """The edges of a class's graph, with lines where its members differ, and the variables that have none."""
    listed = catalogue(size)
    arrows = listed.counts["paths"][number, 0].tolist()
    edges: list[tuple[int, str, int]] = []
    for one, other in combinations(range(size), 2):
        if arrows[one][other] + arrows[other][one]:
            cause, effect = (one, other) if arrows[one][other] else (other, one)
            edges.append((cause, "->" if arrows[cause][effect] == listed.members[number] else "--", effect))
    joined = {end for cause, _, effect in edges for end in (cause, effect)}
    return edges, [one for one in range(size) if one not in joined]


def _called(words: Mapping[str, str], style: Style, size: int, random: Random) -> tuple[str, ...]:
    if style.names == "nonsense":
        return drawn_names(random, "nonsense", size)
    if words["letters"] == "drawn":
        return tuple(sampled(random, _LETTERS, size))
    return tuple(_LETTERS[:size] if words["letters"] == "forward" else _LETTERS[::-1][:size])


def _premise(problem: _Problem, called: Mapping[int, str], words: Mapping[str, str], order: int) -> str:
    names = [called[one] for one in problem.order]
    apart = _separated_places(problem)
    independent: list[str] = []
    for (first, second), sets in apart.items():
        template = words["given"].format(first=names[first], second=names[second], given="{given}")
        before, _, after = template.partition("{given}")
        if () in sets:
            independent.append(words["independent"].format(first=names[first], second=names[second]))
        lists = [listed_names([names[one] for one in given]) for given in sets if given]
        independent += [f"{before}{given}{after}" for given in lists]
    correlated: list[str] = []
    if words["correlated"]:
        pairs = [pair for pair in combinations(range(problem.size), 2) if () not in apart.get(pair, ())]
        correlated = pairs_told(words["correlated"], [(names[first], names[second]) for first, second in pairs])
    start = order % problem.size or min(order, 1)
    variables = listed_names(names[start:] + names[:start])
    if order:
        Random(order).shuffle(correlated)
        Random(order).shuffle(independent)
    parts = [words["space"].join(part) for part in (correlated, independent) if part]
    relations = words["however"].join(parts) or words["none"]
    return words["premise"].format(count=problem.size, variables=variables, relations=relations)


def _separated_places(problem: _Problem) -> dict[tuple[int, int], list[tuple[int, ...]]]:
    """The independent pairs, as places in the text, with what separates them: small sets first."""
    place = sorted(range(problem.size), key=problem.order.__getitem__)
    moved: dict[int, tuple[int, ...]] = {}
    found: list[tuple[int, int, int, tuple[int, ...]]] = []
    for one, other, given in independences(catalogue(problem.size).dags[problem.number]):
        if given not in moved:
            moved[given] = tuple(sorted([place[vertex] for vertex in bits(given)]))
        first, second = place[one], place[other]
        if second < first:
            first, second = second, first
        found.append((first, second, len(moved[given]), moved[given]))
    apart: dict[tuple[int, int], list[tuple[int, ...]]] = {}
    for first, second, _, given in sorted(found):
        apart.setdefault((first, second), []).append(given)
    return apart


def _flipped(problem: _Problem, random: Random) -> _Problem | None:
    """The same hypothesis about a class that has one edge of this one's first graph the other way round."""
    children = catalogue(problem.size).dags[problem.number]
    edges = [(cause, effect) for cause in range(problem.size) for effect in bits(children[cause])]
    random.shuffle(edges)
    for cause, effect in edges:
        turned = list(children)
        turned[cause] ^= 1 << effect
        if reached(turned, cause) >> effect & 1:
            continue  # the turned edge would close a cycle
        turned[effect] |= 1 << cause
        number, place = catalogue(problem.size).found(turned)
        if number != problem.number:
            order = tuple(place[one] for one in problem.order)
            first, second = place[problem.first], place[problem.second]
            return _Problem(problem.size, number, order, problem.relation, first, second)
    return None


def every_item(size: int, reading: str = "paths", style: Style | None = None) -> Iterator[Item]:
    """Yield every hypothesis about every class, as the published set has them: 12, 90, 720, 8,520 or 198,090.

    A class's variables stand in the order of its first DAG, and each pair in that order, so that labels are as they
    come: 0, 3, 57, 1,248 and 42,524 of them are yes in the reading `paths`.

    Args:
        size: How many variables, from two to six.
        reading: See `READINGS`; the words are the same in each.
        style: The wording; its order is that of the sentences.

    Raises:
        EvaluationError: AE-8141 there are fewer variables, or more, or no such reading.
    """
    if size not in (2, *_SIZES) or reading not in READINGS or (reading == "as-released" and size > RELEASED_LARGEST):
        found = f"Corr2Cause has no hypotheses about {size} variables in the reading {clean_text(reading, 20)!r}."
        mend = f"ask for 2 to 6 variables and one of the readings {', '.join(READINGS)}."
        raise EvaluationError("AE-8141", found, mend=mend)
    generator, style = _Corr2Cause((size,), reading), style or Style(names="random")
    for number, (relation, pair) in product(range(len(catalogue(size).dags)), _hypotheses(size)):
        problem = _Problem(size, number, tuple(range(size)), relation, *pair)
        solution = generator.solve(problem)
        place = f"{number}:{pair[0]}:{pair[1]}:{RELATIONS[relation]}"
        words = generator.word(problem, solution, style, Random(place))
        yield Item(
            task=f"corr2cause/n{size}",
            context=words.context,
            question=words.question,
            form="binary",
            label=solution.label,
            derivation=words.derivation,
            facts=words.facts,
            rivals=solution.rivals,
            cluster=generator.cluster(problem),
            orbit=f"corr2cause/n{size}:{place}",
            variant="base" if reading == "paths" else f"reading={reading}",
            origin=Origin(version=generator.version, seed=place, wording=str(style)),
        )


def _hypotheses(size: int) -> list[tuple[int, tuple[int, int]]]:
    return [(relation, pair) for pair in combinations(range(size), 2) for relation in range(len(RELATIONS))]


_CITATION = "Jin et al., Can Large Language Models Infer Causation from Correlation? ICLR 2024, arXiv 2306.05836"
_TAGS = Tags(("graph search", "deduction"), "text", "explanation")


def _task(name: str, asks: str, sizes: tuple[int, ...]) -> Task:
    source = cast("Generator[object]", _Corr2Cause(sizes))
    target = Target("discovery", "CORR2CAUSE", "binary", "symbolic")
    return Task(f"corr2cause/{name}", asks, target, source, 0.5, _TAGS, ("064",), _CITATION, deduced)


TASKS: tuple[Task, ...] = (
    *(_task(f"n{n}", f"What independences among {n} variables imply about causes.", (n,)) for n in _SIZES),
    _task("all", "What independences among three to six variables imply about causes.", _SIZES),
)
