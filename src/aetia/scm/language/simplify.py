"""What is the shortest form of an estimand that this can find?

Each rewriting is an identity of probabilities; with a graph, some are identities only for distributions of that graph:
a condition may be added to a probability, or left out of it, where the variables are separated.

    sum_m P(m | x) P(y | m, x)           P(y | x)              chain rule, then the sum
    sum_m P(m | x) P(y | m, x, z)        P(y | x, z)           if m is independent of z given x
    P(x | w) P(y | x, w)                 P(x, y | w)
    P(y, z | x) / sum_y P(y, z | x)      P(y | x, z)
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from aetia.scm.graphs.graph import Graph
from aetia.scm.graphs.separation import separated
from aetia.scm.language.expression import (
    Constant,
    Difference,
    Expression,
    Probability,
    Product,
    Quotient,
    Sum,
)
from aetia.scm.language.query import Term
from aetia.scm.language.rewriting import free_variables, parts

__all__ = ["simplify"]


def simplify(expression: Expression, graph: Graph | None = None) -> Expression:
    """An equal expression, for all distributions (of the graph, if one is given) that leave the first one defined.

    Args:
        expression: What to simplify; its probabilities are of distributions, not of tables with rows left out.
        graph: The ADMG whose distributions it is about.
    """
    return _Simplifier(graph).simple(expression)


_ONE = Product(())


class _Simplifier:
    """One simplification: equal parts become one object, so that to be the same is to be the same object."""

    def __init__(self, graph: Graph | None) -> None:
        self.graph = graph
        self.pool: dict[tuple[object, ...], Expression] = {}
        self.done: dict[int, Expression] = {}
        self.held: list[Expression] = []  # identities stay taken only while their objects live
        self.sets: dict[int, tuple[frozenset[Term], frozenset[Term]]] = {}
        self.free: dict[int, frozenset[str]] = {}
        self.cuts: dict[frozenset[str], Graph] = {}

    def simple(self, expression: Expression) -> Expression:
        if id(expression) not in self.done:
            self.held.append(expression)
            self.done[id(expression)] = found = self._simple(expression)
            self.done[id(found)] = found
        return self.done[id(expression)]

    def _simple(self, expression: Expression) -> Expression:
        match expression:
            case Product(factors):
                return self._product(factors)
            case Sum(over, of):
                return self._sum(over, self.simple(of))
            case Quotient(numerator, denominator):
                above, under = self._flat([numerator])
                below, over = self._flat([denominator])
                return self._over([*above, *over], [*below, *under])
            case Difference(minuend, subtrahend):
                return self._kept(Difference(self.simple(minuend), self.simple(subtrahend)))
            case _:
                return self._leaf(expression)

    def _leaf(self, expression: Expression) -> Expression:
        if isinstance(expression, Probability):
            return self._sorted(expression)
        return self._kept(_ONE if expression == Constant(1) else expression)

    def _kept(self, expression: Expression) -> Expression:
        """The one object for all expressions that are equal to this one, whose parts are such objects."""
        inner = tuple(id(part) for part in parts(expression))
        own: object = expression.over if isinstance(expression, Sum) else None if inner else expression
        found = self.pool.setdefault((type(expression), own, inner), expression)
        self.held.append(expression)
        return found

    def _reads(self, expression: Expression) -> frozenset[str]:
        return free_variables(expression, self.free)

    def _sorted(self, chance: Probability) -> Probability:
        """The probability with its terms by name."""
        event, given, do = (tuple(sorted(found, key=_by_name)) for found in (chance.event, chance.given, chance.do))
        found = self._kept(Probability(event, given, chance.population, do))
        assert isinstance(found, Probability)
        return found

    def _product(self, factors: Iterable[Expression]) -> Expression:
        above, below = self._flat(factors)
        above = self._chained(above)
        return self._over(above, below)

    def _flat(self, factors: Iterable[Expression]) -> tuple[list[Expression], list[Expression]]:
        """The factors of a product, and those under the lines of its quotients."""
        above, below = list[Expression](), list[Expression]()
        for factor in map(self.simple, factors):
            over, under = (factor.numerator, factor.denominator) if isinstance(factor, Quotient) else (factor, _ONE)
            above += _factors(over)
            below += _factors(under)
        return above, below

    def _whole(self, factors: Sequence[Expression]) -> Expression:
        """The product of simple factors, effects before causes and sums last."""
        if len(factors) == 1:
            return factors[0]
        return self._kept(Product(tuple(sorted(factors, key=_textbook))))

    def _chained(self, factors: Sequence[Expression]) -> list[Expression]:
        """The factors with P(a | c) P(b | a, c) written P(a, b | c)."""
        left = dict(enumerate(factors))
        by_given = dict[tuple[object, ...], int]()
        for place, factor in left.items():
            if isinstance(factor, Probability):
                by_given[self._regime(factor, self._terms(factor)[1])] = place
        waiting = list(left)
        while waiting:
            place = waiting.pop(0)
            first = left.get(place)
            if not isinstance(first, Probability):
                continue
            event, given = self._terms(first)
            other = by_given.get(self._regime(first, event | given))
            merged = None if other in {None, place} else self._joined(first, left[other or 0], needs_graph=False)
            if other is not None and merged is not None:
                del by_given[self._regime(first, event | given)], left[other]
                left[place] = merged
                waiting.append(place)  # what it has become may go on
        return list(left.values())

    def _terms(self, chance: Probability) -> tuple[frozenset[Term], frozenset[Term]]:
        """The event and what is given, as sets that are made once."""
        if id(chance) not in self.sets:
            self.sets[id(chance)] = frozenset(chance.event), frozenset(chance.given)
            self.held.append(chance)
        return self.sets[id(chance)]

    def _regime(self, chance: Probability, given: frozenset[Term]) -> tuple[object, ...]:
        return chance.population, chance.do, given

    def _joined(self, first: Expression, second: Expression, *, needs_graph: bool) -> Probability | None:
        """P(a | c) P(b | a, d) as P(a, b | c, d): by the chain rule, or where the graph lets it be the chain rule.

        With a graph the second may do without a too: independent causes are a joint law.
        """
        if not (isinstance(first, Probability) and isinstance(second, Probability)):
            return None
        (event, given), (second_event, second_given) = self._terms(first), self._terms(second)
        reads = event <= second_given
        if not (reads or needs_graph) or (first.population, first.do) != (second.population, second.do):
            return None
        late = second_given - event
        names = {term.variable for term in event | second_event}
        if len(names) < len(event) + len(second_event) or any(term.variable in names for term in late | given):
            return None
        is_exact = reads and late == given
        if not is_exact and not (needs_graph and self._may_read(first, late) and self._may_read(second, event | given)):
            return None
        return self._sorted(replace(first, event=(*first.event, *second.event), given=tuple(late | given)))

    def _may_read(self, chance: Probability, more: frozenset[Term]) -> bool:
        """Whether the probability stays the same if it is conditional on these too."""
        fresh = {term.variable for term in more - self._terms(chance)[1]}
        if not fresh:
            return True
        do = frozenset(term.variable for term in chance.do)
        known = {term.variable for term in chance.given}
        if self.graph is None or fresh & known:
            return False
        if do not in self.cuts:
            self.cuts[do] = self.graph.without_incoming(do)
        return separated(self.cuts[do], {term.variable for term in chance.event}, fresh - do, (known | do) - fresh)

    def _sum(self, over: Sequence[str], of: Expression) -> Expression:
        """The sum with what it does not touch in front of it, and with each variable gone that can be summed out."""
        over = tuple(dict.fromkeys(over))
        above, below = (
            (_factors(of.numerator), _factors(of.denominator)) if isinstance(of, Quotient) else (_factors(of), [])
        )
        if below:
            return self._sum_of_quotient(over, above, below)
        if len(above) == 1 and isinstance(above[0], Sum):
            inner = above[0]
            clash = set(inner.over) & set(over)
            if not clash:
                return self._sum((*over, *inner.over), inner.of)
        for needs_graph in (False, True):
            over, above = self._without(over, above, needs_graph=needs_graph)
        touched = [factor for factor in above if self._reads(factor) & set(over)]
        front = [factor for factor in above if not any(factor is one for one in touched)]
        if not over:
            return self._whole(self._chained(front))
        inside = self._kept(Sum(over, self._whole(self._chained(touched))))
        return self._whole(self._chained([*front, inside]))

    def _sum_of_quotient(self, over: tuple[str, ...], above: list[Expression], below: list[Expression]) -> Expression:
        """The sum of a quotient: what the sum does not touch stands outside, above and below the line."""
        if not any(self._reads(factor) & set(over) for factor in below):
            return self._over(_factors(self._sum(over, self._whole(above))), below)
        outside = [[one for one in found if not self._reads(one) & set(over)] for found in (above, below)]
        inside = [[one for one in found if self._reads(one) & set(over)] for found in (above, below)]
        kept = self._kept(Sum(over, self._kept(Quotient(*map(self._whole, inside)))))
        return self._over([*outside[0], kept], outside[1])

    def _without(
        self, over: tuple[str, ...], factors: list[Expression], *, needs_graph: bool
    ) -> tuple[tuple[str, ...], list[Expression]]:
        """The sum without the variables that it can do without, last one first, until there are no more."""
        for name in reversed(over):
            touched = [factor for factor in factors if name in self._reads(factor)]
            merged = self._merged(name, touched, needs_graph=needs_graph)
            if merged is not None:
                rest = [factor for factor in factors if not any(factor is one for one in touched)]
                fresh = tuple(other for other in over if other != name)
                return self._without(fresh, [*_factors(merged), *rest], needs_graph=needs_graph)
        return over, factors

    def _merged(self, name: str, touched: Sequence[Expression], *, needs_graph: bool) -> Expression | None:
        """The sum over `name` of these factors, all that read it, if it is one probability."""
        causes = [one for one in touched if isinstance(one, Probability) and Term(name) in one.event]
        if len(causes) != 1 or len({id(one) for one in touched}) < len(touched):
            return None
        found = causes[0]
        waiting = [one for one in touched if one is not found]
        while waiting:
            pairs = ((one, self._joined(found, one, needs_graph=needs_graph)) for one in waiting)
            chosen = next(((one, merged) for one, merged in pairs if merged is not None), None)
            if chosen is None:
                return None
            found = chosen[1]
            waiting = [one for one in waiting if one is not chosen[0]]
        if any(term.variable == name for term in (*found.given, *found.do)):
            return None
        event = tuple(term for term in found.event if term != Term(name))
        return self._sorted(replace(found, event=event)) if event else self._kept(_ONE)

    def _over(self, above: list[Expression], below: list[Expression]) -> Expression:
        """The quotient of products with what both have cancelled, and conditionals for joints over marginals."""
        common = Counter(map(id, above)) & Counter(map(id, below))
        above, below = _less(above, common), _less(below, common)
        above, below = self._chained(above), self._chained(below)
        for factor in tuple(below):
            for place, other in enumerate(above):
                divided = self._divided(other, factor)
                if divided is not None:
                    above[place : place + 1] = _factors(divided)
                    below = _less(below, Counter([id(factor)]))
                    break
        joint = self._joint(above) if below else None
        if joint is not None:
            for place, factor in enumerate(below):
                divided = self._divided(joint, factor)
                if divided is not None:
                    return self._over(_factors(divided), [*below[:place], *below[place + 1 :]])
        if not below:
            return self._whole(self._chained(above))
        return self._kept(Quotient(self._whole(above), self._whole(below)))

    def _joint(self, factors: Sequence[Expression]) -> Probability | None:
        """The product as one probability, if the graph lets it be one."""
        if self.graph is None or len(factors) < 2:
            return None
        left = list(factors)
        while len(left) > 1:
            pairs = (
                (one, other, merged)
                for one in left
                for other in left
                if one is not other and (merged := self._joined(one, other, needs_graph=True)) is not None
            )
            chosen = next(pairs, None)
            if chosen is None:
                return None
            left = [chosen[2], *(one for one in left if one is not chosen[0] and one is not chosen[1])]
        return left[0] if isinstance(left[0], Probability) else None

    def _divided(self, dividend: Expression, divisor: Expression) -> Expression | None:
        """P(a, b | c) / P(b | c) as P(a | b, c), inside a sum too that leaves the divisor alone."""
        if not isinstance(divisor, Probability):
            return None
        if isinstance(dividend, Sum) and not self._reads(divisor) & set(dividend.over):
            inside = _factors(dividend.of)
            for place, factor in enumerate(inside):
                divided = self._divided(factor, divisor)
                if divided is not None:
                    rest = [*inside[:place], *_factors(divided), *inside[place + 1 :]]
                    return self._sum(dividend.over, self._whole(self._chained(rest)))
        if not isinstance(dividend, Probability):
            return None
        same = (dividend.population, dividend.do, dividend.given) == (divisor.population, divisor.do, divisor.given)
        if not same or not set(divisor.event) < set(dividend.event):
            return None
        event = tuple(term for term in dividend.event if term not in divisor.event)
        return self._sorted(replace(dividend, event=event, given=(*dividend.given, *divisor.event)))


def _factors(expression: Expression) -> list[Expression]:
    return list(expression.factors) if isinstance(expression, Product) else [expression]


def _textbook(factor: Expression) -> tuple[bool, int]:
    return isinstance(factor, Sum | Quotient), -len(factor.given) if isinstance(factor, Probability) else 0


def _less(found: Sequence[Expression], taken: Counter[int]) -> list[Expression]:
    """These expressions without as many of each as were taken."""
    left, kept = Counter(taken), list[Expression]()
    for one in found:
        if left[id(one)]:
            left[id(one)] -= 1
        else:
            kept.append(one)
    return kept


def _by_name(term: Term) -> tuple[str, str]:
    return term.variable, str(term)
