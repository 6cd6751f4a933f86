"""What does the text of a causal question ask?

    query        P( terms | conditions )   E[ term | conditions ]   EFFECT( treatment, outcome ; more | conditions )
    term         name [ world ] = value          the world and the value may be absent
    world        [name=value, name=name[world]]  what is set there
    condition    do(name=value, name) or a term
    treatment    name, or name=value vs value
    more         mediators `M, N` of NDE and NIE; paths `X -> M -> Y` of PSE
    name, value  a word without spaces and ( ) [ ] = | , ; < > " '; anything between quotes

`aetia.scm.language.query` shows the questions. An error points at the place.
"""

import difflib
import itertools
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from aetia.errors import QueryError
from aetia.scm.graphs.graph import Graph
from aetia.scm.language.query import (
    EFFECTS,
    Assignment,
    EffectName,
    EffectQuery,
    ExpectationQuery,
    ProbabilityQuery,
    Query,
    Term,
    Value,
)
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.models.linear import LinearModel

__all__ = ["parse_assignments", "parse_query"]

Source = DiscreteModel | LinearModel | Graph
"""What knows the names, and for a discrete model the values, that a question may use."""

_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<arrow>->)|(?P<mark>[()\[\]=|,;])"""
    r"""|"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<word>(?:[^\s()\[\]=|,;<>"'-]|-(?!>))+)"""
)
_INTEGER, _NUMBER = (
    re.compile(r"-?[0-9]{1,300}"),
    re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE),
)
_DEEPEST = 20


def parse_query(text: str, source: Source | None = None) -> Query:
    """The question that a text asks.

    Args:
        text: Like `P(Y=1 | do(X=1), Z=0)`; the module's head has the grammar, `aetia.scm.language.query` examples.
        source: A model or graph. If given, names have to be its variables, values those of its variables (which then
            come with the model's own types), and paths its paths.

    Raises:
        QueryError: AE-7301 the text is none of the grammar; AE-7302 an unknown effect; AE-7303 an unknown variable;
            AE-7304 an unknown value; AE-7305 a part that the question lacks or cannot have; AE-7306 a path is not in
            the graph.
    """
    reader = _Reader(text, source)
    query = reader.query()
    reader.end()
    return query


def parse_assignments(text: str, source: Source | None = None) -> tuple[Assignment, ...]:
    """The interventions that a text like `X=1, M=M[X=0]` makes.

    Args:
        text: Variables and the values that they are set to.
        source: As for `parse_query`.

    Raises:
        QueryError: AE-7301, AE-7303, AE-7304, AE-7305 as for `parse_query`.
    """
    reader = _Reader(text, source)
    found = reader.assignments()
    reader.end()
    return found


@dataclass(frozen=True)
class _Token:
    """A piece of the text; `kind` is "word", "quoted", "end" or the mark itself."""

    kind: str
    text: str
    start: int
    end: int


def _plain(text: str) -> Value:
    """What a word says when no model knows better: a whole number, a number, true or false, or the word itself."""
    if text in {"True", "False"}:
        return text == "True"
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text


@dataclass
class _Reader:
    """Reads the tokens of a text from left to right."""

    text: str
    source: Source | None
    tokens: list[_Token] = field(default_factory=list)
    place: int = 0
    depth: int = 0

    def __post_init__(self) -> None:
        position = 0
        while position < len(self.text):
            match = _TOKEN.match(self.text, position)
            if match is None:
                found = f"The sign {self.text[position]} has no meaning here."
                raise self.error(
                    "AE-7301",
                    found,
                    _Token("", "", position, position + 1),
                    "close every quote, and see `P(Y=1 | do(X=1))` for how a question looks.",
                )
            kind = match.lastgroup or ""
            if kind != "space":
                content = match.group(kind)
                shown = {"double": "quoted", "single": "quoted", "word": "word"}.get(kind, content)
                self.tokens.append(_Token(shown, content, position, match.end()))
            position = match.end()
        self.tokens.append(_Token("end", "", len(self.text), len(self.text) + 1))

    # -- what stands at the place ---------------------------------------------------------------

    @property
    def now(self) -> _Token:
        """The token to be read next."""
        return self.tokens[self.place]

    def after(self, steps: int = 1) -> _Token:
        """A token further on."""
        return self.tokens[min(self.place + steps, len(self.tokens) - 1)]

    def take(self, *kinds: str, wanted: str = "") -> _Token:
        """The next token, which has to be of one of these kinds."""
        token = self.now
        if token.kind not in kinds:
            expected = wanted or " or ".join(f"`{kind}`" for kind in kinds)
            here = "The text ends" if token.kind == "end" else f"There is `{self.text[token.start : token.end]}`"
            raise self.error(
                "AE-7301",
                f"{here} where {expected} should stand.",
                token,
                "see `P(Y=1 | do(X=1), Z=0)`, `E[Y[X=1] | X=0]` and `ATE(X, Y)`.",
            )
        self.place += 1
        return token

    def takes(self, kind: str) -> bool:
        """Whether the next token is of this kind; if so it is read."""
        is_there = self.now.kind == kind
        self.place += is_there
        return is_there

    def end(self) -> None:
        """Nothing is left."""
        self.take("end", wanted="the end")

    def error(self, code: str, found: str, token: _Token, mend: str) -> QueryError:
        """An error that points at the token."""
        line = "".join(" " if sign.isspace() else sign for sign in self.text)
        caret = " " * token.start + "^" * max(1, token.end - token.start)
        return QueryError(code, found, mend=mend, details=(line, caret))

    # -- the grammar ----------------------------------------------------------------------------

    def query(self) -> Query:
        """A whole question."""
        head = self.take("word", wanted="P(...), E[...] or an effect such as ATE(...)")
        if head.text == "P":
            self.take("(")
            event = self.terms()
            given, do = self.conditions(")")
            return ProbabilityQuery(event, given, do)
        if head.text == "E":
            self.take("[")
            outcome = self.term()
            given, do = self.conditions("]")
            return ExpectationQuery(outcome, given, do)
        for effect in EFFECTS:
            if head.text == effect:
                return self.effect(effect, head)
        close = difflib.get_close_matches(head.text.upper(), EFFECTS, 3, cutoff=0.5)
        mend = (
            f"write {' or '.join(close)}, if that is meant."
            if close
            else f"use P(...), E[...] or one of {', '.join(EFFECTS)}."
        )
        raise self.error("AE-7302", f"There is no question called {head.text}.", head, mend)

    def terms(self) -> tuple[Term, ...]:
        """Terms with commas between."""
        found = [self.term()]
        while self.takes(","):
            found.append(self.term())
        return tuple(found)

    def term(self) -> Term:
        """A variable, perhaps in a world, perhaps with a value."""
        name = self.name()
        world = self.world()
        return Term(name, self.value(name) if self.takes("=") else None, world)

    def world(self) -> tuple[Assignment, ...]:
        """Interventions in brackets, sorted by name; none where there is no bracket."""
        opening = self.now
        if not self.takes("["):
            return ()
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.error("AE-7305", f"Worlds are nested more than {_DEEPEST} deep.", opening, "nest fewer.")
        found = self.assignments(is_world=True)
        self.take("]", wanted="`,` or `]`")
        self.depth -= 1
        return tuple(sorted(found, key=lambda one: one.variable))

    def assignments(self, *, is_world: bool = False) -> tuple[Assignment, ...]:
        """Interventions with commas between, on a variable each."""
        found = dict[str, Assignment]()
        while True:
            token = self.now
            name = self.name()
            if name in found:
                raise self.error("AE-7305", f"{name} is set twice.", token, "set it once.")
            value = self.assigned(name) if is_world or self.now.kind == "=" else None
            found[name] = Assignment(name, value)
            if not self.takes(","):
                return tuple(found.values())

    def assigned(self, name: str) -> "Value | Term":
        """What a variable is set to: `=value`, or `=name[world]`."""
        self.take("=")
        if self.after().kind == "[":
            return Term(self.name(), None, self.world())
        return self.value(name)

    def conditions(self, closing: str) -> tuple[tuple[Term, ...], tuple[Assignment, ...]]:
        """What stands after the bar, terms and interventions; then the end of the question."""
        given, do = list[Term](), dict[str, Assignment]()
        if self.takes("|"):
            while True:
                token = self.now
                if token.kind == "word" and token.text == "do" and self.after().kind == "(":
                    self.place += 2
                    for one in self.assignments():
                        if one.variable in do:
                            raise self.error("AE-7305", f"{one.variable} is set twice.", token, "set it once.")
                        do[one.variable] = one
                    self.take(")", wanted="`,` or `)`")
                else:
                    given.append(self.term())
                if not self.takes(","):
                    break
        self.take(closing, wanted=f"`,` or `{closing}`")
        return tuple(given), tuple(do.values())

    def effect(self, effect: EffectName, head: _Token) -> EffectQuery:
        """An effect by its name, once it is sure that it has its parts and no others."""
        self.take("(")
        treatment = self.name()
        treated = control = None
        if self.takes("="):
            treated = self.value(treatment)
            if self.take("word", wanted="`vs` and the value to compare with").text != "vs":
                self.place -= 1
                self.take("vs")
            control = self.value(treatment)
        self.take(",")
        at_outcome = self.now
        outcome = self.term()
        if outcome.world or outcome.variable == treatment:
            found = f"The outcome {outcome} is {'a counterfactual' if outcome.world else 'the treatment itself'}."
            raise self.error("AE-7305", found, at_outcome, "name another variable, in no world.")
        at_more = self.now
        more = self.more(effect, treatment, outcome.variable) if self.takes(";") else ()
        at_conditions = self.now
        given, do = self.conditions(")")
        lacks = {
            "CATE": not given and "a condition: `CATE(X, Y | Z=1)`",
            "CDE": not do and "the mediators' values: `CDE(X, Y | do(M=0))`",
        }
        lacks["PSE"] = not more and "its paths: `PSE(X, Y; X -> M -> Y)`"
        if lacks.get(effect):
            raise self.error("AE-7305", f"{effect} needs {lacks[effect]}.", head, "add that.")
        if given and effect in {"ATE", "TE"}:
            raise self.error(
                "AE-7305", f"{effect} is of everybody; it has no condition.", at_conditions, "ask for the CATE."
            )
        if more and effect not in {"NDE", "NIE", "PSE"}:
            raise self.error(
                "AE-7305",
                f"{effect} has neither mediators nor paths.",
                at_more,
                "ask for NDE, NIE or PSE, or leave them out.",
            )
        mediators, paths = ((), more) if effect == "PSE" else (tuple(path[0] for path in more), ())
        return EffectQuery(effect, treatment, outcome, treated, control, mediators, paths, given, do)

    def more(self, effect: str, treatment: str, outcome: str) -> tuple[tuple[str, ...], ...]:
        """Mediators or, for PSE, paths: each the names that arrows join."""
        found = list[tuple[str, ...]]()
        while True:
            token, path = self.now, [self.name()]
            while effect == "PSE" and self.takes("->"):
                path.append(self.name())
            whole = _Token("", "", token.start, self.tokens[self.place - 1].end)
            if effect == "PSE":
                self.check_path(path, treatment, outcome, whole)
            elif path[0] in {treatment, outcome}:
                raise self.error(
                    "AE-7305", f"{path[0]} cannot be its own mediator.", whole, "name variables between the two."
                )
            found.append(tuple(path))
            if not self.takes(","):
                return tuple(found)

    def check_path(self, path: list[str], treatment: str, outcome: str, whole: _Token) -> None:
        """The path is one from the treatment to the outcome, and in the graph if there is one."""
        if path[0] != treatment or path[-1] != outcome or len(path) < 2:
            found = f"The path does not lead from {treatment} to {outcome}."
            raise self.error("AE-7305", found, whole, f"write it as `{treatment} -> ... -> {outcome}`.")
        graph = self.graph
        for cause, result in itertools.pairwise(path):
            if graph is not None and cause not in graph.parents[result]:
                mend = (
                    f"use arrows of the graph; {result} has {', '.join(sorted(graph.parents[result])) or 'no'} parents."
                )
                raise self.error("AE-7306", f"The graph has no arrow {cause} -> {result}.", whole, mend)

    # -- names and values -----------------------------------------------------------------------

    @property
    def graph(self) -> Graph | None:
        """The graph of the source, if there is a source."""
        return self.source if self.source is None or isinstance(self.source, Graph) else self.source.graph

    def name(self) -> str:
        """A variable's name."""
        token = self.take("word", "quoted", wanted="a variable's name")
        graph = self.graph
        if graph is not None and token.text not in graph.nodes:
            mend = f"use {_closest(token.text, graph.nodes)}."
            raise self.error("AE-7303", f"There is no variable {token.text}.", token, mend)
        return token.text

    def value(self, name: str) -> Value:
        """A value of the variable: the model's own, or what the word says."""
        token = self.take("word", "quoted", wanted=f"a value of {name}")
        said = _plain(token.text) if token.kind == "word" else token.text
        if not isinstance(self.source, DiscreteModel):
            return said
        values = self.source.values[name]
        for value in (*(one for one in values if str(one) == token.text), *(one for one in values if one == said)):
            return value
        mend = f"use {_closest(token.text, map(str, values))}."
        raise self.error("AE-7304", f"{name} is never {token.text}.", token, mend)


def _closest(text: str, names: Iterable[str]) -> str:
    """The names that may have been meant: those alike, else all."""
    known = list(names)
    found = difflib.get_close_matches(text, known, 3) or known
    return " or ".join(found[:8])
