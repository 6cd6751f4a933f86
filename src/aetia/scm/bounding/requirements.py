"""What must hold of each mechanism for an event across several worlds to come about?

A requirement says that a variable answers to these values of its parents with that value. An event is the disjoint
union of sets of requirements; those on variables without a common hidden cause are independent. This is the common
ground of canonical models: linear programs, the Gumbel-max model and the rules of identification all start from it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from aetia.errors import CausalModelError
from aetia.scm.graphs.graph import Graph
from aetia.scm.language.query import Term, Value
from aetia.scm.queries.worlds import World

__all__ = ["Requirement", "Responses", "Scenario"]

Requirement = tuple[str, tuple[Value, ...], Value]
"""A variable, the values of its parents in their order, and the value that it answers with."""

Scenario = frozenset[Requirement]
"""Requirements all of which hold."""

Possible = Callable[[Requirement], bool]

_MOST_SCENARIOS = 200_000


@dataclass(frozen=True)
class Responses:
    """How events come about in a graph over finite variables.

    Args:
        parents: Of each variable its parents, in order.
        values: Of each variable its values.
        possible: Whether a requirement can hold at all; those that cannot are left out.
    """

    parents: Mapping[str, tuple[str, ...]]
    values: Mapping[str, tuple[Value, ...]]
    possible: Possible = lambda _: True

    @classmethod
    def of(cls, graph: Graph, values: Mapping[str, tuple[Value, ...]]) -> "Responses":
        """Those of a graph, parents in the order of their names."""
        return cls({name: tuple(sorted(graph.parents[name])) for name in graph.nodes}, values)

    def scenarios(self, event: Sequence[Term]) -> list[Scenario]:
        """The different ways in which an event comes about, as disjoint sets of requirements.

        Args:
            event: Variables with their values, each in its world.

        Raises:
            CausalModelError: AE-7241 there are too many ways.
        """
        found = list[Scenario]()
        for state in self._holding(list(event), _State({}, {})):
            if len(found) == _MOST_SCENARIOS:
                what = ", ".join(map(str, event))
                text = f"The event {what} comes about in more than {_MOST_SCENARIOS:,} ways."
                raise CausalModelError("AE-7241", text, mend="ask about fewer worlds, or a smaller graph.")
            found.append(frozenset((*key, value) for key, value in state.answers.items()))
        return found

    def _holding(self, event: list[Term], state: "_State") -> Iterator["_State"]:
        if not event:
            yield state
            return
        term, *rest = event
        for value, after in self._value(term.variable, term.world, state, term.value):
            if value == term.value:
                yield from self._holding(rest, after)

    def _value(
        self, name: str, world: World, state: "_State", wanted: Value | None = None
    ) -> Iterator[tuple[Value, "_State"]]:
        """The values that a variable can have in a world, and what is then known; others than `wanted` may lack."""
        if (name, world) in state.seen:
            yield state.seen[name, world], state
            return
        for one in world:
            if one.variable == name:
                if isinstance(one.value, Term):
                    yield from self._value(one.value.variable, one.value.world, state)
                elif one.value is not None:
                    yield one.value, state
                return
        for heard, told in self._heard(self.parents[name], world, state):
            key = name, heard
            if key in told.answers:
                value = told.answers[key]
                yield value, told.with_value(name, world, value)
                continue
            for value in self.values[name]:
                if (wanted is None or value == wanted) and self.possible((name, heard, value)):
                    yield value, told.with_answer(key, value).with_value(name, world, value)

    def _heard(
        self, parents: tuple[str, ...], world: World, state: "_State"
    ) -> Iterator[tuple[tuple[Value, ...], "_State"]]:
        if not parents:
            yield (), state
            return
        for value, after in self._value(parents[0], world, state):
            for rest, told in self._heard(parents[1:], world, after):
                yield (value, *rest), told


@dataclass(frozen=True)
class _State:
    """What has been settled: the values of variables in worlds, and the answers of mechanisms to their parents."""

    seen: Mapping[tuple[str, World], Value]
    answers: Mapping[tuple[str, tuple[Value, ...]], Value]

    def with_value(self, name: str, world: World, value: Value) -> "_State":
        return _State({**self.seen, (name, world): value}, self.answers)

    def with_answer(self, key: tuple[str, tuple[Value, ...]], value: Value) -> "_State":
        return _State(self.seen, {**self.answers, key: value})
