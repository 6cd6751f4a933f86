"""What is the probability, or the mean, of terms in any worlds given terms in any worlds?

Every causal question is answered by such quantities and their differences, sums and quotients.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from aetia.errors import CausalModelError, NotIdentifiedError, QueryError
from aetia.scm.graphs.graph import Graph
from aetia.scm.graphs.separation import separated
from aetia.scm.language.derivation import Number
from aetia.scm.language.query import Assignment, ExpectationQuery, ProbabilityQuery, Term, Value
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.queries.worlds import ParallelWorlds, World, consistent, parallel_worlds, settled

__all__ = ["Quantity", "felt", "felt_by_each", "in_world", "number_of", "numbers_of", "placed", "told", "worlds_of"]


@dataclass(frozen=True)
class Quantity:
    """A probability or a mean across worlds.

    Args:
        event: The terms with values that it is the probability of; for a mean, one term without a value.
        given: The terms with values that it is conditional on.
    """

    event: tuple[Term, ...]
    given: tuple[Term, ...] = ()

    @property
    def is_mean(self) -> bool:
        """Whether it is the mean of its one event."""
        return len(self.event) == 1 and self.event[0].value is None

    @property
    def terms(self) -> tuple[Term, ...]:
        """All its terms."""
        return (*self.event, *self.given)

    @property
    def world(self) -> World | None:
        """The one world that all its terms are in, where each is set to a value; None if there are several."""
        first = self.event[0].world
        is_flat = not any(isinstance(one.value, Term) for one in first)
        return first if is_flat and all(term.world == first for term in self.terms) else None

    def __str__(self) -> str:
        shared = self.world or ()
        event, given = (
            (tuple(replace(term, world=()) for term in terms) if shared else terms)
            for terms in (self.event, self.given)
        )
        return str(
            ExpectationQuery(event[0], given, shared) if self.is_mean else ProbabilityQuery(event, given, shared)
        )


def in_world(term: Term, do: Iterable[Assignment]) -> Term:
    """The term where besides its own world this is set too; its own world has the last word.

    What nested terms say of their worlds is left as it is.
    """
    world = {one.variable: one for one in do} | {one.variable: one for one in term.world}
    return Term(term.variable, term.value, tuple(sorted(world.values(), key=lambda one: one.variable)))


def placed(terms: Iterable[Term], do: tuple[Assignment, ...]) -> tuple[Term, ...]:
    """The terms of a question where its `do` is done.

    Raises:
        QueryError: AE-7337 a term has a world of its own besides: nothing says whether `do` is meant there too.
    """
    found = tuple(terms)
    for term in found if do else ():
        if term.world:
            acting = ", ".join(map(str, do))
            text = (
                f"do({acting}) stands beside {term}, which has a world of its own: that leaves open what is set there."
            )
            mend = f"write every world out, without do: `{in_world(term, do)}`."
            raise QueryError("AE-7337", text, mend=mend)
    return tuple(in_world(term, do) for term in found)


def numbers_of(values: Iterable[Value], name: str) -> list[int | float]:
    """The values as numbers.

    Raises:
        QueryError: AE-7332 they are none.
    """
    found = list[int | float]()
    for value in values:
        if isinstance(value, str):
            text = f"{name} has no mean: its value {value} is no number."
            raise QueryError("AE-7332", text, mend=f"say which value counts: `{name}={value}`.")
        found.append(int(value) if isinstance(value, bool) else value)
    return found


def felt(quantity: Quantity, model: DiscreteModel) -> Quantity:
    """The same quantity without the interventions that cannot reach a term, or only set what was so anyway."""
    found = felt_by_each(quantity, model)
    return Quantity(found.event, tuple(dict.fromkeys(found.given)))


def felt_by_each(quantity: Quantity, model: DiscreteModel) -> Quantity:
    """As `felt`, term by term: what was given twice in different words now is given twice in the same."""
    quantity = Quantity(tuple(map(settled, quantity.event)), tuple(map(settled, quantity.given)))
    while True:
        # What is given may not be rewritten by what is asked: it has to stand by itself.
        same = Quantity(consistent(quantity.event, quantity.terms), consistent(quantity.given, quantity.given))
        network = parallel_worlds(model, same.terms)
        event, given = (
            tuple(replace(term, world=()) if network.name(term) == term.variable else term for term in terms)
            for terms in (same.event, same.given)
        )
        simpler = Quantity(event, given)
        if simpler == quantity:
            return quantity
        quantity = simpler


def told(quantity: Quantity, model: DiscreteModel) -> Quantity:
    """The same quantity without what is given that tells nothing more, however coupled versions vary together.

    Versions of a variable with a chance of its own count as sharing a hidden cause. The two have the same number where
    all that is given is possible.
    """
    network = parallel_worlds(model, quantity.terms)
    arrows = [(parent, one.name) for one in network.versions.values() for parent in dict.fromkeys(one.parents)]
    picture = Graph.of(arrows, network.coupled, nodes=network.versions)
    asked, given = {network.name(term) for term in quantity.event}, list(quantity.given)
    for term in quantity.given:
        name, rest = network.name(term), {network.name(one) for one in given if one != term}
        if name not in asked | rest and not asked & rest and separated(picture, asked, [name], rest):
            given.remove(term)
    return Quantity(quantity.event, tuple(given))


def worlds_of(quantity: Quantity, model: DiscreteModel) -> ParallelWorlds:
    """The worlds of the quantity side by side, once it is sure that they have one answer.

    Raises:
        NotIdentifiedError: AE-7460 a variable with a chance of its own stands in two versions, and no table says how
            these vary together. That is no proof that models with these tables differ: their bounds may meet.
    """
    network = parallel_worlds(model, quantity.terms)
    if network.coupled:
        versions = network.coupled[0]
        name = network.versions[versions[0]].variable
        found = (
            f"{quantity} cannot be told from the tables by this engine: {name} has a chance of its own, "
            f"and no table says how {' and '.join(versions)} vary together."
        )
        mend = (
            "ask `aetia.scm.bounds`, which may meet all the same, make the chance a latent root that it reads, "
            'or assume="gumbel-max".'
        )
        raise NotIdentifiedError("AE-7460", found, mend=mend)
    return network


def number_of(quantity: Quantity, model: DiscreteModel) -> Number:
    """The quantity's exact number, by elimination in the network of its worlds.

    Raises:
        NotIdentifiedError: AE-7460 as `worlds_of`.
        QueryError: AE-7330 a value is left open; AE-7332 a mean of values that are no numbers.
        CausalModelError: AE-7210 what is given has probability zero; AE-7207, AE-7208 unknown values and variables;
            AE-7209 the tables do not fit the budget.
    """
    network = worlds_of(quantity, model)
    known = _event(network, quantity.given)
    if known is None:
        what = ", ".join(map(str, quantity.given))
        raise CausalModelError("AE-7210", f"{what} has probability zero.", mend="ask given something that can be.")
    if quantity.is_mean:
        term = quantity.event[0]
        law = network.model.joint([network.name(term)], known).values
        found = np.dot(law, np.array(numbers_of(model.values[term.variable], term.variable), dtype=law.dtype))
        return found if isinstance(found, Fraction) else Fraction(found) if model.is_exact else float(found)
    event = _event(network, quantity.event)
    if event is None or any(known.get(name, value) != value for name, value in event.items()):
        network.model.probability({}, known)  # what is given has to be possible all the same
        return Fraction(0) if model.is_exact else 0.0
    return network.model.probability(event, known)


def _event(network: ParallelWorlds, terms: Iterable[Term]) -> dict[str, Value] | None:
    """Of each version its value; None if one has two."""
    found = dict[str, Value]()
    for term in terms:
        if term.value is None:
            raise QueryError(
                "AE-7330", f"The question leaves the value of {term} open.", mend=f"give it one: `{term}=...`."
            )
        if found.setdefault(network.name(term), term.value) != term.value:
            return None
    network.model.index(found)
    return found
