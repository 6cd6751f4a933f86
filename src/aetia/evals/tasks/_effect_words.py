"""How is a question about an effect put into words, in every wording and language?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from random import Random
from string import ascii_uppercase
from typing import TYPE_CHECKING, TypeVar

from aetia.evals.item import Language
from aetia.evals.task import Names, Solution, Style, Wording
from aetia.evals.tasks._draws import sampled
from aetia.evals.tasks._effect_numbers import SCALE, Asked, Problem, Statement
from aetia.evals.tasks._graph_names import words_file
from aetia.evals.tasks._phrases import pairs_told, phrase, phrases

if TYPE_CHECKING:
    from aetia.runs.keys import JSON

__all__ = ["FAMILY", "WORDINGS", "Variable", "query_text", "quoted", "worded"]

FAMILY = "calm_effects"
WORDINGS = 2

_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"


@dataclass(frozen=True)
class Variable:
    """A variable's name, and the names of its values 0 and 1."""

    name: str
    values: tuple[str, str]


@cache
def _real(language: Language) -> tuple[Variable, ...]:
    told = (one.split("/") for one in phrases(FAMILY, language)["variables"])
    return tuple(Variable(name, (low, high)) for name, low, high in told)


@cache
def _plain_values(language: Language) -> tuple[str, str]:
    return phrase(FAMILY, "low", 0, language), phrase(FAMILY, "high", 0, language)


def _variables(names: Names, language: Language, count: int, random: Random) -> tuple[Variable, ...]:
    """So many different variables; the same draw gives the same ones in every language."""
    if names == "real":
        every = _real(language)
        return tuple([every[place] for place in sampled(random, range(len(every)), count)])
    values = _plain_values(language)
    if names == "random":
        return tuple([Variable(letter, values) for letter in sampled(random, ascii_uppercase, count)])
    found: dict[str, Variable] = {}
    while len(found) < count:
        pieces = (_CONSONANTS, _VOWELS, _CONSONANTS, _VOWELS, _CONSONANTS)
        name = "".join([random.choice(piece) for piece in pieces])
        found[name] = Variable(name, values)
    return tuple(found.values())


@dataclass(frozen=True)
class _Speaker:
    """What all sentences of one item need.

    Args:
        style: How they are worded.
        variables: By the place in the graph.
        places: Of outcome, treatment, mediator and adjuster in the graph.
    """

    style: Style
    variables: tuple[Variable, ...]
    places: tuple[int, int, int, int]

    @cached_property
    def phrases(self) -> Mapping[str, str]:
        """Every phrase in this style."""
        return _phrases_of(self.style.language, self.style.wording)

    @cached_property
    def values(self) -> list[list[str]]:
        """That outcome, treatment, mediator and adjuster are 0, and that they are 1; nothing where there is none."""
        template, held = self.phrases["value"], [self.variables[place] if place >= 0 else None for place in self.places]
        return [[template.format(name=one.name, value=value) for value in one.values] if one else [] for one in held]

    def event(self, mask: int, bits: int) -> str:
        """An event in words, treatment and mediator before the outcome."""
        told = [self.values[place][bits >> place & 1] for place in (1, 2, 3, 0) if mask >> place & 1]
        return self.phrases["and"].join(told)

    def sentence(self, statement: Statement, units: int) -> str:
        """What is told of one probability."""
        event, bits, given, known = statement
        number = _number(units)
        if given:
            told = self.event(given, known)
            return self.phrases["given"].format(given=told, event=self.event(event, bits), number=number)
        return self.phrases["alone"].format(event=self.event(event, bits), number=number)

    def question(self, name: str, asked: Asked) -> str:
        """What is asked."""
        outcome, treatment, mediator, _ = (self.variables[place] if place >= 0 else None for place in self.places)
        words: dict[str, str] = {}
        if outcome and treatment:
            words |= {"y": outcome.name, "y1": outcome.values[asked.wanted], "y0": outcome.values[1 - asked.wanted]}
            words |= {"x": treatment.name, "x1": treatment.values[asked.treated]}
            words["x0"] = treatment.values[1 - asked.treated]
        if mediator:
            words |= {"m": mediator.name, "m1": mediator.values[asked.held]}
        if asked.bound:
            words["bound"] = self.phrases[asked.bound]
        return self.phrases[name].format(**words)


@cache
def _phrases_of(language: Language, wording: int) -> Mapping[str, str]:
    return {name: phrase(FAMILY, name, wording, language) for name in phrases(FAMILY, language)}


def worded(problem: Problem, solution: Solution, style: Style, random: Random, form: str) -> Wording:
    """Put a problem into words; `form` is `natural` (yes or no) or `number`."""
    system, asked = problem.system, problem.asked
    variables = _variables(style.names, style.language, len(system.parents), random)
    speaker = _Speaker(style, variables, system.roles.places)
    order = Random(problem.shuffle)
    numbers = _ordered(problem.numbers.items(), order, style.order)
    edges = _ordered(system.edges, order, style.order)
    pairs = [(variables[cause].name, variables[node].name) for cause, node in edges]
    said = speaker.phrases
    context = said["context"].format(
        edges=said["between edges"].join(pairs_told(said["edge"], pairs)),
        numbers=said["between numbers"].join([speaker.sentence(*one) for one in numbers]),
    )
    names = [quoted(one.name) for one in variables]
    roles = [names[place] if place >= 0 else "" for place in system.roles.places]
    facts: dict[str, JSON] = {
        "graph": "; ".join([f"{names[cause]} -> {names[node]}" for cause, node in edges]),
        "treatment": variables[system.roles.treatment].name,
        "outcome": variables[system.roles.outcome].name,
        "query": query_text(asked, roles),
        "bound": asked.bound,
        "numbers": {_symbol(one, roles): _number(units) for one, units in numbers},
    }
    context_question = speaker.question(f"{asked.kind} {form}", asked)
    steps = [_step(one, style.language) for one in solution.derivation]
    derivation = tuple([one.format(x=roles[1], y=roles[0], m=roles[2], z=roles[3]) for one in steps])
    return Wording(context, context_question, solution.label, (), facts, (), solution.rivals, derivation)


def _step(told: str, language: Language) -> str:
    """A step of the derivation in a language; what is not translated is a number."""
    return told if language == "en" else str(words_file("calm_effects_steps", language).get(told, told))


_PartT = TypeVar("_PartT")


def _ordered(parts: Iterable[_PartT], order: Random, turn: int) -> list[_PartT]:
    """The parts shuffled, then turned: a turn gives another order for sure, another shuffle of two things may not."""
    found = list(parts)
    order.shuffle(found)
    turn %= len(found)
    return [*found[turn:], *found[:turn]]


def _number(units: int) -> str:
    return f"{units // SCALE}.{units % SCALE:04d}"


def quoted(name: str) -> str:
    """The name as graphs and queries are written: in quotes if it is more than one word."""
    return name if name.isidentifier() else f'"{name}"'


def _symbol(statement: Statement, roles: list[str]) -> str:
    event, bits, given, known = statement
    told, condition = _symbols(event, bits, roles), _symbols(given, known, roles)
    return f"P({told} | {condition})" if given else f"P({told})"


def _symbols(mask: int, bits: int, roles: list[str]) -> str:
    return ", ".join([f"{roles[place]}={bits >> place & 1}" for place in (1, 2, 3, 0) if mask >> place & 1])


def query_text(asked: Asked, roles: list[str]) -> str:
    """The question in the grammar of `aetia.scm`; `roles` has the outcome, the treatment and the mediator."""
    outcome, treatment, mediator = roles[:3]
    imagined, other = asked.treated, 1 - asked.treated
    wanted = f"{outcome}={asked.wanted}"
    if asked.kind in {"pn", "ps"}:
        seen = f"{treatment}={other}, {outcome}={1 - asked.wanted}"
        return f"P({outcome}[{treatment}={imagined}]={asked.wanted} | {seen})"
    if asked.kind == "see":
        return f"P({wanted} | {treatment}={imagined}) - P({wanted} | {treatment}={other})"
    compared = f"{treatment}={other} vs {imagined}" if asked.kind == "ett" else f"{treatment}={imagined} vs {other}"
    held = f" | do({mediator}={asked.held})" if asked.kind == "cde" else ""
    return f"{asked.kind.upper()}({compared}, {wanted}{held})"
