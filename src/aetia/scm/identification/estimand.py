"""Which formula answers a question, once it is known which distribution gives each of its parts?

The formula is written when it is first asked for: that it exists is known long before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product as combinations_of

from aetia.errors import CausalModelError
from aetia.scm.graphs.graph import Graph
from aetia.scm.identification.bits import Admg
from aetia.scm.identification.evidence import Evidence
from aetia.scm.identification.kernels import Kernel, measured_kernel, narrowed, product
from aetia.scm.identification.means import mean_of
from aetia.scm.identification.question import Question
from aetia.scm.language.derivation import Number
from aetia.scm.language.expression import Difference, Expression, Quotient, Sum
from aetia.scm.language.printing import to_text
from aetia.scm.language.query import Query, Value
from aetia.scm.language.rewriting import free_variables, substituted
from aetia.scm.language.simplify import simplify
from aetia.scm.models.evaluation import Sources, evaluate
from aetia.scm.models.factor import Factor

__all__ = ["Derivation", "Finding", "Identification"]


@dataclass(frozen=True)
class Finding:
    """One step towards an estimand.

    Args:
        says: What was found, a sentence.
        formula: The expression that it is about; None if it is about none.
    """

    says: str
    formula: Expression | None = None

    def __str__(self) -> str:
        return self.says if self.formula is None else f"{self.says} = {to_text(self.formula)}"


@dataclass(frozen=True)
class Derivation:
    """A question taken apart: what was found of the graph before a formula is written.

    Args:
        graph: The ADMG.
        admg: The same in bits.
        treatments: The variables that are set in the end.
        exchanged: The known ones among these, which may as well be set (rule 2 of do-calculus), in the order found.
        given: The other known variables.
        districts: The districts of what acts on the outcomes, as bits, each with the distribution that gives it.
    """

    graph: Graph
    admg: Admg
    treatments: frozenset[str]
    exchanged: tuple[str, ...]
    given: frozenset[str]
    districts: tuple[tuple[int, Evidence], ...]

    def kernel(self, district: int, evidence: Evidence) -> Kernel:
        """The district's distribution under an intervention on all else."""
        admg = self.admg
        left = (1 << len(admg.names)) - 1 & ~admg.mask(evidence.do)
        above = admg.ancestors(district, left)
        part = admg.component(district & -district, above)
        return narrowed(measured_kernel(admg, part, above, evidence), district)


@dataclass(frozen=True)
class Identification:
    """A query that has an answer in what was measured.

    Args:
        query: What was asked.
        questions: What that is of the graph; the second one, if there is one, is taken from the first.
        derivation: How it comes apart.
    """

    query: Query
    questions: tuple[Question, ...]
    derivation: Derivation

    @cached_property
    def _law(self) -> Expression:
        """The outcomes' law with all variables open, simplified."""
        known, question = self.derivation, self.questions[0]
        product_of_all = product(known.kernel(*one).expression for one in known.districts)
        relevant = sum(district for district, _ in known.districts)
        summed = known.admg.listed(relevant & ~known.admg.mask(question.outcomes | known.given))
        joint = Sum(summed, product_of_all) if summed else product_of_all
        if known.given:
            joint = Quotient(joint, Sum(tuple(sorted(question.outcomes)), joint))
        return simplify(joint, known.graph)

    @cached_property
    def expression(self) -> Expression:
        """The estimand, simplified."""
        first = self.questions[0]
        shown = mean_of(self._law, next(iter(first.outcomes))) if first.is_mean else self._law
        results = [substituted(shown, one.values) for one in self.questions]
        return Difference(*results) if len(results) == 2 else results[0]

    @cached_property
    def steps(self) -> tuple[Finding, ...]:
        """How the estimand was found."""
        known, question = self.derivation, self.questions[0]
        found = [Finding(f"{name} may as well be set as known: its back doors are shut") for name in known.exchanged]
        for district, evidence in known.districts:
            names = ", ".join(known.admg.listed(district))
            formula = simplify(known.kernel(district, evidence).expression, known.graph)
            found.append(Finding(f"from {evidence}: P({names} | do(all else))", formula))
        return (*found, Finding(str(question), self._law))

    @cached_property
    def any_value_of(self) -> tuple[str, ...]:
        """Variables that stand open in the estimand although the query does not name them: any values will do."""
        first = self.questions[0]
        return tuple(sorted(free_variables(self.expression) - first.outcomes - first.treatments - first.given))

    def evaluate(self, source: Sources, at: Mapping[str, Value] | None = None) -> Number | Factor:
        """The estimand's number; for a query with open values its table.

        Args:
            source: As for `aetia.scm.models.evaluation.evaluate`.
            at: Values of variables that the query leaves open.

        Raises:
            CausalModelError: as for `evaluate`; AE-7260 only if no setting of what is arbitrary gives a value.
        """
        domains = self._domains(source)
        left = [name for name in self.any_value_of if name not in (at or {})]
        last: CausalModelError | None = None
        for setting in combinations_of(*(domains[name] for name in left)):
            try:
                return evaluate(self.expression, source, {**dict(zip(left, setting, strict=True)), **(at or {})})
            except CausalModelError as error:
                if error.code != "AE-7260":
                    raise
                last = error
        assert last is not None
        raise last

    def _domains(self, source: Sources) -> Mapping[str, tuple[Value, ...]]:
        match source:
            case Mapping():
                return next(iter(source.values())).values
            case Sequence():
                return source[0].values
            case _:
                return source.values
