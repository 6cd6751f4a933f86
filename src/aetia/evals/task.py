"""What is a task, and how are its items made?

A task is declared once, by name, with what it asks of a reasoner (its target) and where its items come from: a
generator, whose labels the causal engine derives, or a published set.
"""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from random import Random
from typing import Generic, Literal, NamedTuple, TypeVar

from aetia.errors import EvaluationError
from aetia.evals.item import Form, Item, Language, Origin
from aetia.runs.keys import JSON
from aetia.text import clean_text

__all__ = [
    "Generator",
    "Names",
    "Published",
    "Solution",
    "Style",
    "Tags",
    "Target",
    "Task",
    "Wording",
    "generated",
    "orbit",
    "task_named",
    "tasks",
]

Names = Literal["real", "random", "nonsense"]
"""What the variables are called: words of the world, single letters or random letters, or words that mean nothing."""

Rung = Literal["discovery", "association", "intervention", "counterfactual", "none"]

_TRIES = 10_000  # draws for one item before the task counts as unable

# Each module in these packages declares tasks, in a tuple `TASKS`.
_PACKAGES = ("aetia.evals.tasks", "aetia.evals.published")


@dataclass(frozen=True)
class Target:
    """What a task measures, in CaLM's frame.

    Args:
        rung: The level of the causal ladder; `none` for tasks that are no causal questions.
        scenario: CaLM's short name, as in `ATE`, or the set's own.
        form: How the items are answered.
        mode: How what is given is told: in words of the world, in symbols, or with numbers.
    """

    rung: Rung
    scenario: str
    form: Form
    mode: Literal["natural", "symbolic", "mathematical"] = "natural"


@dataclass(frozen=True)
class Tags:
    """What a task is like, in HEMM's dimensions, for tables over many tasks (seed 020).

    Args:
        skill: What a reasoner needs, as in `arithmetic`, `graph search`, `world knowledge`.
        flow: Where what is needed comes from: all of it from the text, or some of it from what is known.
        use: What the skill is for, as in `decision`, `explanation`, `diagnosis`.
    """

    skill: tuple[str, ...] = ()
    flow: Literal["text", "knowledge", "both"] = "text"
    use: str = "reasoning"


@dataclass(frozen=True)
class Style:
    """How an item is worded; its causal content is the same in every style.

    Args:
        language: Of the text.
        names: What the variables are called.
        wording: Which of the wordings of the language, from 0.
        order: A seed for the order of options and of what is given; 0 is the generator's own order.
    """

    language: Language = "en"
    names: Names = "real"
    wording: int = 0
    order: int = 0

    def __str__(self) -> str:
        return f"{self.language}/{self.names}/{self.wording}/{self.order}"


@dataclass(frozen=True)
class Solution:
    """The label of a problem and why it is right: see `Item`.

    A choice's label is the text of the right option, since its number depends on the order.
    """

    label: str
    margin: float | None = None
    derivation: tuple[str, ...] = ()
    rivals: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Wording:
    """A problem in words.

    Args:
        context: What is given.
        question: What is asked.
        options: Of a choice, in their order here.
        label: The label in these words: the number of the right option of a choice, else the solution's.
        facts: What is asked as plain data, by the names that the text uses.
        accepted: Further right answers, for the form `text`.
        rivals: The solution's, in these words.
        derivation: The solution's, in these words.
    """

    context: str
    question: str
    label: str
    options: tuple[str, ...] = ()
    facts: Mapping[str, JSON] = field(default_factory=dict)
    accepted: tuple[str, ...] = ()
    rivals: Mapping[str, str] = field(default_factory=dict)
    derivation: tuple[str, ...] = ()


ProblemT = TypeVar("ProblemT")


class Generator(ABC, Generic[ProblemT]):
    """Three pure steps: pose a problem, solve it by the engine, put it into words.

    `pose` draws what the problem is, before `word` draws names, so that a style changes the words and nothing else.
    """

    version: int = 1
    """Raise it with every change that gives a seed other items."""

    labels: tuple[str, ...] = ()
    """The labels to balance: as often one as the other; empty if there is nothing to balance."""

    languages: tuple[Language, ...] = ("en",)
    names: tuple[Names, ...] = ("real", "random", "nonsense")
    wordings: int = 1
    """How many wordings each language has."""

    has_order: bool = False
    """Whether `Style.order` changes anything."""

    @cached_property
    def first_style(self) -> Style:
        """How an item is worded if nothing else is asked for."""
        return Style(self.languages[0], self.names[0])

    @abstractmethod
    def pose(self, random: Random, /) -> ProblemT | None:
        """Draw a problem; None if what was drawn is none: degenerate, with several answers, or decided by a hair."""

    @abstractmethod
    def solve(self, problem: ProblemT, /) -> Solution:
        """Return the label by the engine."""

    @abstractmethod
    def word(self, problem: ProblemT, solution: Solution, style: Style, random: Random, /) -> Wording:
        """Put the problem into words; `random` is for names and for nothing else."""

    def cluster(self, problem: ProblemT, /) -> str:  # noqa: ARG002  a subclass's to use
        """A name of the causal system that several problems may share; empty if each problem has its own."""
        return ""

    def changed(self, problem: ProblemT, random: Random, /) -> Mapping[str, ProblemT]:  # noqa: ARG002  as above
        """Problems that differ from this one in one causal respect, by the name of the change, as in `flipped-edge`."""
        return {}


@dataclass(frozen=True)
class Published:
    """A set that others published, read from a folder that the user names.

    Args:
        folder: The folder's usual name, as in `cladder`; it is looked for below what the user names, and there itself.
        files: The SHA-256 of each file that is read, by its path in the folder; no other file is opened.
        read: Yields the items of the folder whose files have just been verified.
        home: Where the set is had.
        licence: Its SPDX name; empty if there is none.
        faults: What is wrong with an item besides its label, one sentence each, as in "the treatment is the outcome".
    """

    folder: str
    files: Mapping[str, str]
    read: Callable[[Path], Iterator[Item]]
    home: str
    licence: str
    faults: Callable[[Item], tuple[str, ...]] | None = None


@dataclass(frozen=True)
class Task:
    """A task, declared once.

    Args:
        name: As in `calm/ate-natural`.
        asks: What is asked, in one line.
        target: What it measures.
        source: Where its items come from.
        chance: The share that a blind guess gets right, of numbers the best constant one; 0 where guessing is hopeless.
        tags: What it is like.
        seeds: Ids of the works that it rests on.
        citation: The paper to cite.
        engine: Answers an item from its text alone, by the causal engine; None if no engine can.
    """

    name: str
    asks: str
    target: Target
    source: "Generator[object] | Published"
    chance: float
    tags: Tags = field(default_factory=Tags)
    seeds: tuple[str, ...] = ()
    citation: str = ""
    engine: Callable[[Item], str] | None = None

    @property
    def is_generated(self) -> bool:
        """Whether its items are made here."""
        return isinstance(self.source, Generator)


def _modules() -> Iterator[str]:
    for package in _PACKAGES:
        places = importlib.import_module(package).__path__
        for module in pkgutil.iter_modules(places, f"{package}."):
            if not module.name.rpartition(".")[2].startswith("_"):
                yield module.name


@cache
def _declared() -> Mapping[str, Task]:
    found: dict[str, Task] = {}
    for module in _modules():
        for task in importlib.import_module(module).TASKS:
            if task.name in found:
                raise ValueError(f"two tasks are called {task.name!r}")
            found[task.name] = task
    return found


def tasks() -> tuple[Task, ...]:
    """Every task, in the order in which they are listed."""
    return tuple(_declared().values())


def task_named(name: str) -> Task:
    """The task of that name.

    Raises:
        EvaluationError: AE-8102 there is none.
    """
    import difflib

    known = _declared()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        details = (f"nearest: {', '.join(near)}",) if near else ()
        found = f"No task is called {clean_text(name, 60)!r}."
        raise EvaluationError("AE-8102", found, details=details, mend="see `aetia evals list`")
    return known[name]


def generated(task: Task, index: int, seed: int = 0, style: Style | None = None) -> Item:
    """Item number `index` of a task's items of that seed; it depends on nothing else, and on no other item.

    Which label comes is drawn first, each as likely as the others, so that no label can be guessed.

    Raises:
        EvaluationError: AE-8103 the task is no generated one; AE-8104 no fit item was found; AE-8105 it has no such
            style.
    """
    posed = _posed(task, index, seed)
    return _worded(task, posed, style or posed.generator.first_style, posed.random, "base")


def orbit(task: Task, index: int, seed: int = 0, style: Style | None = None) -> tuple[Item, ...]:
    """The item and its minimal pairs: other names, wordings, orders and languages, and small causal changes.

    Rewordings have the item's label; the label of a change is derived anew.

    Raises:
        EvaluationError: As `generated`.
    """
    posed = _posed(task, index, seed)
    generator, state = posed.generator, posed.random.getstate()
    base = style or generator.first_style

    def worded(posed: _Posed, style: Style, variant: str) -> Item:
        random = Random(0)
        random.setstate(state)  # each member draws the same names, if it draws any
        return _worded(task, posed, style, random, variant)

    found = [worded(posed, base, "base")]
    for name, other in _other_styles(generator, base).items():
        reworded = worded(posed, other, name)
        if not _says_the_same(reworded, found[0]):  # with little to put in order, order changes nothing
            found.append(reworded)
    for name, changed in generator.changed(posed.problem, Random(f"{posed.place}:change")).items():
        found.append(worded(posed._replace(problem=changed, solution=generator.solve(changed)), base, name))
    return tuple(found)


def _says_the_same(first: Item, second: Item) -> bool:
    return (first.context, first.question, first.options) == (second.context, second.question, second.options)


class _Posed(NamedTuple):
    """A problem with its solution, and the stream that its names are drawn from."""

    generator: Generator[object]
    problem: object
    solution: Solution
    place: str
    random: Random


def _posed(task: Task, index: int, seed: int) -> _Posed:
    if not isinstance(task.source, Generator):
        raise EvaluationError("AE-8103", f"{task.name} is a published set.", mend="name the folder with its files.")
    generator, place = task.source, f"{task.name}:{seed}:{index}"
    random = Random(f"{place}:{generator.version}")
    wanted = random.choice(generator.labels) if generator.labels else None
    for _ in range(_TRIES):
        problem = generator.pose(random)
        if problem is None:
            continue
        solution = generator.solve(problem)
        if wanted is None or solution.label == wanted:
            return _Posed(generator, problem, solution, place, random)
    found = f"{task.name} found no fit item in {_TRIES} draws."
    raise EvaluationError("AE-8104", found, mend="use another seed; if that does not help, report it.")


def _worded(task: Task, posed: _Posed, style: Style, random: Random, variant: str) -> Item:
    generator, solution = posed.generator, posed.solution
    _check_style(task, generator, style)
    words = generator.word(posed.problem, solution, style, random)
    return Item(
        task=task.name,
        context=words.context,
        question=words.question,
        form=task.target.form,
        label=words.label,
        options=words.options,
        accepted=words.accepted,
        language=style.language,
        margin=solution.margin,
        derivation=words.derivation or solution.derivation,
        facts=words.facts,
        rivals=words.rivals or solution.rivals,
        cluster=generator.cluster(posed.problem) or posed.place,
        orbit=posed.place,
        variant=variant,
        origin=Origin("generated", "Apache-2.0", "", generator.version, posed.place[len(task.name) + 1 :], str(style)),
    )


def _other_styles(generator: "Generator[object]", base: Style) -> dict[str, Style]:
    found = {f"names={name}": replace(base, names=name) for name in generator.names if name != base.names}
    for number in range(generator.wordings):
        if number != base.wording:
            found[f"wording={number}"] = replace(base, wording=number)
    if generator.has_order:
        found["order"] = replace(base, order=base.order + 1)
    for language in generator.languages:
        if language != base.language:
            found[f"language={language}"] = replace(base, language=language)
    return found


def _check_style(task: Task, generator: "Generator[object]", style: Style) -> None:
    has_language, has_names = style.language in generator.languages, style.names in generator.names
    if has_language and has_names and 0 <= style.wording < generator.wordings:
        return
    missing = f"in the language {style.language}" if not has_language else f"in the style {style}"
    found = f"{task.name} has no items {missing}."
    mend = (
        f"its languages are {', '.join(generator.languages)}, its names {', '.join(generator.names)}, "
        f"its wordings 0 to {generator.wordings - 1}."
    )
    raise EvaluationError("AE-8105", found, mend=mend)
