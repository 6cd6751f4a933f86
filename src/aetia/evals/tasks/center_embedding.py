"""Who did what in the sentence that the writer that the editor praised wrote? Clauses nested in the middle of clauses.

Each being has a deed of its own. In a plausible sentence each does its own; in an implausible one, of the same verbs
and the same syntax, each does another's, so that only the syntax tells who did what.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from random import Random
from typing import Literal, NamedTuple, cast

from aetia.evals.item import Item
from aetia.evals.task import Generator, Solution, Style, Tags, Target, Task, Wording
from aetia.evals.tasks._draws import sampled
from aetia.evals.tasks._phrases import phrase, phrases, read, read_back, unreadable

__all__ = ["TASKS", "Embedding", "Nested"]

_FAMILY = "center_embedding"
_DEPTHS = range(1, 7)

Kind = Literal["action", "agent", "count", "nested", "sequence", "consequence"]
_KINDS: tuple[Kind, ...] = ("action", "agent", "count", "nested", "sequence", "consequence")


class Being(NamedTuple):
    """A noun with the forms of what it does to others, and of what it does alone."""

    noun: str
    past: str
    base: str
    participle: str
    gerund: str
    alone: str
    alone_base: str


@cache
def _beings(world: str) -> tuple[Being, ...]:
    return tuple(Being(*line.split("|")) for line in phrases(_FAMILY)[world])


@dataclass(frozen=True)
class Nested:
    """A sentence and what is asked of it.

    Args:
        world: `people` or `animals`.
        owners: The beings whose verbs the sentence has, the outermost clause first.
        shift: How far the nouns are moved along the verbs; 0 if each being does what is its own to do.
        kind: What is asked.
        asked: The place of the being that is asked about.
    """

    world: str
    owners: tuple[int, ...]
    shift: int
    kind: Kind
    asked: int

    @cached_property
    def clauses(self) -> "list[Clause]":
        """The clauses of the sentence, the outermost first."""
        beings = _beings(self.world)
        owners = [beings[place] for place in self.owners]
        moved = owners[self.shift :] + owners[: self.shift]
        return list(zip([being.noun for being in moved], owners, strict=True))

    @cached_property
    def answers(self) -> list[str]:
        """The label, and further texts that are right."""
        return _answers(self.clauses, self.kind, self.asked)


class Embedding(Generator[Nested]):
    """Sentences of depth 1 to 6, each depth and each type of question as often as the others.

    Args:
        is_plausible: Whether each being does what is its own to do.
    """

    names = ("real",)
    wordings = 2

    def __init__(self, *, is_plausible: bool) -> None:
        self._is_plausible = is_plausible

    def pose(self, random: Random, /) -> Nested | None:
        """Draw the depth, the beings, and what is asked about which of them."""
        depth = random.choice(_DEPTHS)
        world = random.choice(("people", "animals"))
        owners = tuple(sampled(random, range(len(_beings(world))), depth + 1))
        kind = random.choice(_KINDS)
        # The innermost being has nobody who acts on it, the outermost acts on nobody: they are asked about where that
        # leaves something to ask.
        last = depth - (kind == "nested")
        shift = 0 if self._is_plausible else 1 + int(depth * random.random())
        return Nested(world, owners, shift, kind, int((last + 1) * random.random()))

    def solve(self, problem: Nested, /) -> Solution:
        """The answer by the clauses that the sentence was made from; in what it differs if each did its own deed."""
        clauses = problem.clauses
        steps = tuple([_event(clauses, place, "past") for place in range(len(clauses) - 1, -1, -1)])
        rivals: dict[str, str] = {}
        if problem.shift and problem.kind == "action":
            own = {being.noun: being for being in _beings(problem.world)}[clauses[problem.asked][0]]
            rivals["what-it-usually-does"] = own.base if problem.asked else own.alone_base
        return Solution(problem.answers[0], derivation=steps, rivals=rivals)

    def word(self, problem: Nested, solution: Solution, style: Style, random: Random, /) -> Wording:  # noqa: ARG002
        """The sentence and the question."""
        clauses = problem.clauses
        nouns = [noun for noun, _ in clauses]
        verbs = [owner.past for _, owner in clauses[:0:-1]]
        sentence = f"The {' that the '.join(nouns)} {' '.join(verbs)} {clauses[0][1].alone}."
        label, *accepted = problem.answers
        facts = {"depth": len(clauses) - 1, "kind": problem.kind, "is_plausible": not problem.shift}
        context = phrase(_FAMILY, "context", style.wording).format(sentence=sentence)
        question = _question(problem, clauses, style.wording)
        return Wording(context, question, label, facts={**facts}, accepted=tuple(accepted))

    def changed(self, problem: Nested, random: Random, /) -> Mapping[str, Nested]:
        """The twin: the same verbs and syntax, with nouns that fit them or do not."""
        shift = 0 if problem.shift else 1 + random.randrange(len(problem.owners) - 1)
        return {"implausible" if shift else "plausible": replace(problem, shift=shift)}


Clause = tuple[str, Being]
"""The noun of a clause, and the being whose verb it has."""


def _question(problem: Nested, clauses: list[Clause], wording: int) -> str:
    is_innermost = problem.asked == len(clauses) - 1
    name = "affected" if problem.kind == "agent" and is_innermost else problem.kind
    by = clauses[min(problem.asked + 1, len(clauses) - 1)][1]
    who, whom = ("Who", "whom") if problem.world == "people" else ("What", "what")
    return phrase(_FAMILY, name, wording).format(
        noun=clauses[problem.asked][0], past=by.past, participle=by.participle, Who=who, whom=whom
    )


def _event(clauses: list[Clause], place: int, form: Literal["past", "base", "gerund"]) -> str:
    """What the being at a place does, in words: `past` and `gerund` with its noun, `base` without."""
    noun, owner = clauses[place]
    if not place:
        return owner.alone_base if form == "base" else f"the {noun} {owner.alone}"
    whom = f"the {clauses[place - 1][0]}"
    if form == "base":
        return f"{owner.base} {whom}"
    return f"the {noun} {owner.past if form == 'past' else owner.gerund} {whom}"


def _answers(clauses: list[Clause], kind: Kind, asked: int) -> list[str]:
    """The label, and further texts that are right."""
    depth = len(clauses) - 1
    if kind == "count":
        return [str(depth + 1), phrases(_FAMILY)["numbers"][depth - 1]]
    if kind == "agent":
        noun = clauses[asked + 1 if asked < depth else depth - 1][0]
        return [f"the {noun}", noun]
    if kind in ("action", "nested"):
        told, base = _event(clauses, asked, "past"), _event(clauses, asked, "base")
        found = [base, told.removeprefix(f"the {clauses[asked][0]} "), told]
        return list(dict.fromkeys(found))
    nothing = phrase(_FAMILY, "nothing", 0)
    if kind == "consequence":
        return [_event(clauses, asked - 1, "past")] if asked else [nothing, "none"]
    join = phrase(_FAMILY, "join", 0)
    places = range(depth, asked, -1)
    forms: tuple[Literal["past", "gerund"], ...] = ("gerund", "past")
    return [
        join.join([_event(clauses, place, form) for place in places]) or other
        for form, other in zip(forms, (nothing, "no prior events"), strict=True)
    ]


def _engine(item: Item) -> str:
    """Reads nouns and verbs off the sentence with a stack: each verb belongs to the last noun that still has none."""
    _, found = read_back(_FAMILY, ("context",), item.context)
    heads, tail = [], found["sentence"].strip().rstrip(".").removeprefix("The ")
    while " that the " in tail:
        head, tail = tail.split(" that the ", 1)
        heads.append(head)
    noun, *words = tail.split(" ")
    stack, read = [*heads, noun], [*words]
    beings = [being for world in ("people", "animals") for being in _beings(world)]
    acting = {being.past: being for being in beings}
    clauses: list[Clause] = []
    while len(stack) > 1:
        length = 2 if " ".join(read[:2]) in acting else 1
        clauses.append((stack.pop(), acting[" ".join(read[:length])]))
        read = read[length:]
    clauses.append((stack.pop(), next(being for being in beings if being.alone == " ".join(read))))
    return _read_question(item.question, clauses[::-1])


def _read_question(question: str, clauses: list[Clause]) -> str:
    places = {noun: place for place, (noun, _) in enumerate(clauses)}
    done = {owner.participle: place - 1 for place, (_, owner) in enumerate(clauses) if place}
    for name in ("nested", "action", "affected", "count", "sequence", "consequence", "agent"):
        for template in phrases(_FAMILY)[name]:
            said = read(template, question)
            if said is None:
                continue
            kind: Kind = "agent" if name == "affected" else name
            if kind == "count":
                return str(len(places))
            asked = done.get(said["participle"]) if kind == "nested" else places.get(said["noun"])
            if asked is not None:
                return _answers(clauses, kind, asked)[0]
    raise unreadable(question)


def _task(name: str, asks: str, *, is_plausible: bool) -> Task:
    return Task(
        name=f"center/{name}",
        asks=asks,
        target=Target("none", "centre embedding", "text"),
        source=cast("Generator[object]", Embedding(is_plausible=is_plausible)),
        chance=0.0,
        tags=Tags(("syntax", "relations"), "text", "reading"),
        seeds=("078",),
        citation="CenterBench: The Dog the Cat Chased Stumped the Model, EACL 2026",
        engine=_engine,
    )


TASKS = (
    _task("plausible", "Who did what in a nested sentence where each does what it usually does?", is_plausible=True),
    _task(
        "implausible", "Who did what in a nested sentence where nobody does what it usually does?", is_plausible=False
    ),
)
