"""What do several worlds look like side by side: the one that is, and those that would be if something were set?

The worlds share what is not set, nor affected by what is set: above all the chance in the roots. Each variable gets as
many versions as there are different ways in which its causes stand; a version whose causes all stand as they are is the
variable itself. The result is one model (a twin network, for two worlds), and a question across worlds becomes an
ordinary conditional probability of it.

Source: Balke and Pearl, Probabilistic evaluation of counterfactual queries, AAAI 1994; Shpitser and Pearl, What
counterfactuals can be tested, UAI 2007 (the merging of versions).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import combinations

import numpy as np

from aetia.errors import QueryError
from aetia.scm.graphs.graph import Graph
from aetia.scm.language.query import Assignment, Term, Value
from aetia.scm.models.discrete import DiscreteModel, Mechanism
from aetia.scm.models.factor import Factor

__all__ = ["ParallelWorlds", "Version", "World", "consistent", "parallel_worlds", "path_term", "settled"]

_MOST_ROWS = 2**22
"""Combinations of what two versions hear that are looked at one by one."""

World = tuple[Assignment, ...]
"""What is set, sorted by name."""


@dataclass(frozen=True)
class Version:
    """A variable as it stands in one or several worlds.

    Args:
        name: Its name in the network: that of the variable where all stands as it is, else like `Y[X=1]`.
        variable: The variable in the model.
        parents: The names of the versions that it hears, in the order of the mechanism's parents.
        value: The value that it is set to; None if it follows its mechanism.
    """

    name: str
    variable: str
    parents: tuple[str, ...]
    value: Value | None = None


@dataclass(frozen=True)
class ParallelWorlds:
    """Worlds side by side.

    Args:
        source: The model whose worlds these are.
        versions: Of each name its version, causes first.
        named: Of each term that was asked for, without its value, the name of its version.
    """

    source: DiscreteModel
    versions: Mapping[str, Version]
    named: Mapping[Term, str]

    @cached_property
    def model(self) -> DiscreteModel:
        """The one model of all these worlds."""
        values = {name: self.source.values[one.variable] for name, one in self.versions.items()}
        return DiscreteModel(values, {name: self._mechanism(one) for name, one in self.versions.items()})

    def _mechanism(self, version: Version) -> Mechanism:
        if version.value is None:
            table = self.source.mechanisms[version.variable].table
            if len(set(version.parents)) == len(version.parents):
                return Mechanism(version.name, version.parents, table)
            # Two parents that are set to the same version have the same value: the table's diagonal.
            heard = tuple(dict.fromkeys(version.parents))
            sizes = [table.shape[version.parents.index(name)] for name in heard]
            places = dict(zip(heard, np.indices(sizes, sparse=True), strict=True))
            return Mechanism(version.name, heard, table[tuple(places[name] for name in version.parents)])
        values = self.source.values[version.variable]
        sure = [Fraction(value == version.value) for value in values]
        return Mechanism(version.name, (), np.array(sure, dtype=object if self.source.is_exact else np.float64))

    @cached_property
    def coupled(self) -> tuple[tuple[str, str], ...]:
        """The pairs of versions of a variable whose own chances can both matter at once.

        How two such versions vary together is not said by a table of probabilities; with no pair, every question about
        these worlds has one answer. Where one of the two always hears what leaves it no chance, nothing is open.
        """
        free = [one for one in self.versions.values() if one.value is None]
        pairs = ((first, second) for first, second in combinations(free, 2) if first.variable == second.variable)
        return tuple((first.name, second.name) for first, second in pairs if self._meet(first, second))

    def _meet(self, first: Version, second: Version) -> bool:
        """Whether both can hear at once what leaves them a chance of their own."""
        if self.source.mechanisms[first.variable].is_deterministic:
            return False
        one, other = self._chancy(first), self._chancy(second)
        axes = tuple(dict.fromkeys((*one.axes, *other.axes)))
        sizes = dict(zip((*one.axes, *other.axes), (*one.values.shape, *other.values.shape), strict=True))
        if math.prod(sizes.values()) > _MOST_ROWS:
            return True
        return bool(np.any(one.over(axes) & other.over(axes)))

    def _chancy(self, version: Version) -> Factor:
        """Of each combination of values that a version can hear whether it leaves a chance."""
        mechanism = self._mechanism(version)
        chancy = np.asarray(np.any((mechanism.table > 0) & (mechanism.table < 1), axis=-1), dtype=bool)
        heard = [self.versions[name] for name in mechanism.parents]
        places = [
            slice(None) if one.value is None else self.source.values[one.variable].index(one.value) for one in heard
        ]
        return Factor(tuple(one.name for one in heard if one.value is None), np.asarray(chancy[tuple(places)]))

    def name(self, term: Term) -> str:
        """The name of the version that a term is of."""
        return self.named[Term(term.variable, None, term.world)]


def parallel_worlds(model: DiscreteModel, terms: Iterable[Term]) -> ParallelWorlds:
    """The smallest network in which all these variables stand, each in its world.

    Args:
        model: The model; its latent variables take part.
        terms: Variables in worlds, nested ones among them; their values do not matter here.

    Raises:
        QueryError: AE-7330 a world leaves a value open; AE-7331 a variable is set to one with other values.
        CausalModelError: AE-7207 a value is unknown; AE-7208 a variable is.
    """
    builder = _Builder(model)
    named = {Term(term.variable, None, term.world): builder.place(term.variable, term.world) for term in terms}
    return ParallelWorlds(model, builder.versions, named)


def path_term(graph: Graph, paths: Sequence[Sequence[str]], treated: Value, control: Value, do: World = ()) -> Term:
    """The outcome where the treated value travels along these paths alone, and the control value along all others.

    `X -> M -> Y` gives `Y[X=control, M=M[X=treated]]`; longer paths nest deeper. A cause of Y off the paths that hears
    M is held at what it is under the control value: else the treated value would leak along `X -> M -> P -> Y`.

    Source: Avin, Shpitser and Pearl, Identifiability of path-specific effects, IJCAI 2005 (there for sets of edges).

    Args:
        graph: The model's graph.
        paths: The names along each path; all start at the treatment and end at the outcome.
        treated: What travels along the paths.
        control: What travels along the others.
        do: What is set in every world besides.
    """
    treatment, outcome = paths[0][0], paths[0][-1]
    rests = {tuple(path[start:]) for path in paths for start in range(len(path))}
    baseline = _sorted((*do, Assignment(treatment, control)))
    touched, fixed = graph.descendants([treatment]) - {treatment}, {one.variable for one in do}

    def along(rest: tuple[str, ...]) -> Term:
        is_treated = (treatment, *rest) in rests
        world = {one.variable: one for one in baseline}
        if is_treated:
            world[treatment] = Assignment(treatment, treated)
        parents = graph.parents[rest[0]] - {treatment} - fixed
        carrying = {parent for parent in parents if (parent, *rest) in rests}
        # What hears the treated value here only because another cause does is held as it is without it.
        leaking = touched if is_treated else graph.descendants(carrying)
        for parent in parents & (carrying | leaking):
            inner = along((parent, *rest)) if parent in carrying else Term(parent, None, baseline)
            world[parent] = Assignment(parent, inner)
        return Term(rest[0], None, _sorted(world.values()))

    return along((outcome,))


def _sorted(world: Iterable[Assignment]) -> World:
    return tuple(sorted(world, key=lambda one: one.variable))


def consistent(terms: Sequence[Term], known: Sequence[Term]) -> tuple[Term, ...]:
    """The terms with every intervention dropped that only sets what is known to be so anyway.

    Where X is x in a world, Y there is what it would be if X were set to x (the axiom of consistency).

    Source: Galles and Pearl, An axiomatic characterization of causal counterfactuals, 1998.

    Args:
        terms: Variables in worlds.
        known: What is known, of the same question.
    """
    facts = {(fact.world, Assignment(fact.variable, fact.value)) for fact in known if fact.value is not None}
    return tuple(_reduced(term, facts) for term in terms)


def settled(term: Term) -> Term:
    """The same term, once no world sets the variable that is looked at: `M[M=M[X=0]]` is `M[X=0]`.

    What is set to a value stays as `M[M=1]`; inside of a world it becomes the value.
    """
    world = tuple(Assignment(one.variable, _settled_value(one.value)) for one in term.world)
    for one in world:
        if one.variable == term.variable:
            inner = one.value
            return (
                Term(inner.variable, term.value, inner.world)
                if isinstance(inner, Term)
                else replace(term, world=(one,))
            )
    return replace(term, world=world)


def _settled_value(value: Value | Term | None) -> Value | Term | None:
    if not isinstance(value, Term):
        return value
    inner = settled(value)
    is_set = [one.value for one in inner.world if one.variable == inner.variable]
    return is_set[0] if is_set else inner


def _reduced(term: Term, facts: set[tuple[World, Assignment]]) -> Term:
    for one in term.world:
        rest = tuple(other for other in term.world if other != one)
        # X[X=x] is x whatever is known; the fact itself must not vanish into a term that says less.
        if (rest, one) in facts and term.variable != one.variable:
            return _reduced(Term(term.variable, term.value, rest), facts)
    return term


@dataclass
class _Builder:
    """Makes versions, each once."""

    model: DiscreteModel
    versions: dict[str, Version] = field(default_factory=dict)
    _made: dict[tuple[str, tuple[str, ...], Value | None], str] = field(default_factory=dict)
    _worlds: dict[World, dict[str, str]] = field(default_factory=dict)

    def place(self, variable: str, world: World) -> str:
        """The name of the variable's version in this world."""
        self.model.known([variable, *(one.variable for one in world)])
        there = self._worlds.setdefault(world, {})
        if variable not in there:
            assigned = {one.variable: one for one in world}
            needed = self._needed(variable, assigned.keys() | there.keys())
            for name in self.model.graph.order:
                if name not in needed or name in there:
                    continue
                if name in assigned:
                    there[name] = self._assigned(assigned[name])
                else:
                    heard = tuple(there[parent] for parent in self.model.mechanisms[name].parents)
                    there[name] = self.version(name, heard, str(Term(name, None, self._felt(name, world))))
        return there[variable]

    def _needed(self, variable: str, known: set[str]) -> set[str]:
        """The variable and its causes, up to those that are known."""
        found, waiting = {variable}, [variable]
        while waiting:
            name = waiting.pop()
            fresh = set(self.model.mechanisms[name].parents) - found if name not in known else set()
            found |= fresh
            waiting.extend(fresh)
        return found

    def _felt(self, name: str, world: World) -> World:
        """The interventions that can reach a variable."""
        causes = self._needed(name, {one.variable for one in world})
        return tuple(one for one in world if one.variable in causes)

    def _assigned(self, one: Assignment) -> str:
        if one.value is None:
            found = f"The question leaves open what {one.variable} is set to."
            raise QueryError("AE-7330", found, mend=f"give it a value: `{one.variable}=...`.")
        if not isinstance(one.value, Term):
            return self.constant(one.variable, one.value)
        other = one.value.variable
        name = self.place(other, one.value.world)
        if self.model.values[other] != self.model.values[one.variable]:
            found = f"{one.variable} cannot be set to {one.value}: {other} has other values."
            raise QueryError("AE-7331", found, mend=f"set it to another version of {one.variable}.")
        return name

    def constant(self, variable: str, value: Value) -> str:
        """A variable that is set to a value."""
        self.model.index({variable: value})
        return self._make(Version(f"{variable}[={value}]", variable, (), value))

    def version(self, variable: str, parents: tuple[str, ...], name: str) -> str:
        """A variable that hears these versions of its parents."""
        own = parents == self.model.mechanisms[variable].parents
        return self._make(Version(variable if own else name, variable, parents))

    def _make(self, version: Version) -> str:
        key = version.variable, version.parents, version.value
        if key not in self._made:
            name = version.name
            while name in self.versions or (name in self.model.values and name != version.variable):
                name += "'"
            self._made[key] = name
            self.versions[name] = Version(name, version.variable, version.parents, version.value)
        return self._made[key]
