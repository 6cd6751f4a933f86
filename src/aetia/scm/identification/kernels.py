"""What is the distribution of a district under an intervention on all else, and what of it is left for a smaller one?

A kernel Q[S] is P(S | do(all else)), written as a product of one factor a variable in causal order: the variable's law
given the earlier ones. Sums are put off: a variable that goes is only summed where a factor that stays reads it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from aetia.scm.identification.bits import Admg, members
from aetia.scm.identification.evidence import Evidence
from aetia.scm.language.expression import Expression, Probability, Product, Quotient, Sum

__all__ = ["Kernel", "measured_kernel", "narrowed", "product"]


@dataclass(frozen=True)
class _Law:
    """A variable's factor: its number, the expression, and the variables that stand in it."""

    place: int
    expression: Expression
    reads: int


@dataclass(frozen=True)
class Kernel:
    """Q[members] as a product, summed over `hidden`.

    Args:
        graph: The graph.
        members: The variables it is the distribution of.
        laws: A factor for each member and each hidden variable, in causal order.
        hidden: The variables that are summed out.
    """

    graph: Admg
    members: int
    laws: tuple[_Law, ...]
    hidden: int = 0
    _blocks: dict[int, "_Block"] = field(default_factory=dict, compare=False, repr=False)

    def marginal(self, kept: int) -> "Kernel":
        """Q[kept], where `kept` is closed under the members' arrows that lead to it."""
        gone = (self.members | self.hidden) & ~kept
        laws = list(self.laws)
        for place in sorted(members(gone), reverse=True):
            if sum(law.reads >> place & 1 for law in laws) == 1:
                laws = [law for law in laws if law.place != place]
        left = sum(1 << law.place for law in laws)
        return Kernel(self.graph, kept, tuple(laws), left & ~kept)

    def district(self, part: int) -> "Kernel":
        """Q[part], where `part` is one of the members' districts: each member's law given the earlier members."""
        if not self.hidden:
            return Kernel(self.graph, part, tuple(law for law in self.laws if part >> law.place & 1))
        return Kernel(self.graph, part, tuple(self._conditional(place) for place in members(part)))

    def _conditional(self, place: int) -> _Law:
        """The law of a member given the earlier ones: Q up to it over Q before it, whatever both share cancelled."""
        before = self.members & ((1 << place) - 1)
        above, below = self._up_to(before | 1 << place), self._up_to(before)
        shared = {id(block) for block in above} & {id(block) for block in below}
        numerator = [block for block in above if id(block) not in shared]
        denominator = [block for block in below if id(block) not in shared]
        reads = 0
        for block in (*numerator, *denominator):
            reads |= block.reads
        expression = product(block.expression for block in numerator)
        if denominator:
            expression = Quotient(expression, product(block.expression for block in denominator))
        return _Law(place, expression, reads)

    def _up_to(self, kept: int) -> list["_Block"]:
        """Q[kept] as factors, each summed over the hidden variables that hold it together."""
        inner = Kernel(self.graph, self.members, self.laws, self.hidden).marginal(kept)
        return self._found(inner)

    def _found(self, inner: "Kernel") -> list["_Block"]:
        waiting, found = list(inner.laws), list[_Block]()
        while waiting:
            block = [waiting.pop(0)]
            inside = block[0].reads & inner.hidden
            while joined := [law for law in waiting if law.reads & inside]:
                waiting = [law for law in waiting if not law.reads & inside]
                block += joined
                for law in joined:
                    inside |= law.reads & inner.hidden
            key = sum(1 << law.place for law in block)
            if key not in self._blocks:
                self._blocks[key] = _Block.of(self.graph, sorted(block, key=lambda law: law.place), inside)
            assert self._blocks[key].over == inside
            found.append(self._blocks[key])
        return found

    @cached_property
    def expression(self) -> Expression:
        """The product, summed over what is hidden."""
        return product(block.expression for block in self._found(self))


@dataclass(frozen=True)
class _Block:
    """Factors that hidden variables hold together, summed over these."""

    expression: Expression
    reads: int
    over: int

    @classmethod
    def of(cls, graph: Admg, laws: Sequence[_Law], over: int) -> "_Block":
        reads = 0
        for law in laws:
            reads |= law.reads
        inner = product(law.expression for law in laws)
        return cls(Sum(graph.listed(over), inner) if over else inner, reads & ~over, over)


def measured_kernel(graph: Admg, part: int, within: int, evidence: Evidence) -> Kernel:
    """Q[part] from what was measured: each variable's law given its Markov blanket among the earlier variables.

    Args:
        graph: The graph.
        part: A district of `within`.
        within: Variables that the experiment did not set, with all their ancestors among these.
        evidence: What was measured.

    Source: Tian and Pearl 2002, lemma 4 (the factors of a district); Richardson 2003 (the blankets).
    """
    set_by_experiment = graph.mask(evidence.do)
    do = tuple(graph.terms[place] for place in members(set_by_experiment))
    laws = list[_Law]()
    for place in members(part):
        own = 1 << place
        blanket = graph.with_parents(graph.component(own, within & (2 * own - 1))) & ~own & ~set_by_experiment
        given = tuple(graph.terms[other] for other in members(blanket))
        chance = Probability((graph.terms[place],), given, evidence.population, do)
        laws.append(_Law(place, chance, own | blanket | set_by_experiment))
    return Kernel(graph, part, tuple(laws))


def narrowed(kernel: Kernel, part: int) -> Kernel:
    """Q[part] from Q of a larger district that does give it.

    Source: Tian and Pearl 2003, figure 7 (Identify); complete by Huang and Valtorta 2006.
    """
    graph = kernel.graph
    while True:
        above = graph.ancestors(part, kernel.members)
        if above == part:
            return kernel.marginal(part)
        assert above != kernel.members, "a hedge"
        kernel = kernel.marginal(above).district(graph.component(part & -part, above))


def product(factors: Iterable[Expression]) -> Expression:
    """The product of these factors, its quotients as one, with what is above and below its line cancelled."""
    above, below = list[Expression](), list[Expression]()
    for factor in factors:
        over, under = (factor.numerator, factor.denominator) if isinstance(factor, Quotient) else (factor, None)
        above += over.factors if isinstance(over, Product) else [over]
        below += [] if under is None else under.factors if isinstance(under, Product) else [under]
    for factor in tuple(below):
        place = next((number for number, one in enumerate(above) if one is factor), None)
        if place is not None:
            del above[place], below[next(number for number, one in enumerate(below) if one is factor)]
    top = above[0] if len(above) == 1 else Product(tuple(above))
    if not below:
        return top
    return Quotient(top, below[0] if len(below) == 1 else Product(tuple(below)))
