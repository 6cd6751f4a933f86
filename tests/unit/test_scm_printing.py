"""Is an expression written as a textbook writes it, and can it be read only one way?"""

import pytest

from aetia.scm.language.expression import (
    Constant,
    Difference,
    Expectation,
    Probability,
    Product,
    Quotient,
    Sum,
    Variable,
)
from aetia.scm.language.printing import to_latex, to_text
from aetia.scm.language.query import Term

X, Y, Z, W = (Probability((Term(name),)) for name in ("X", "Y", "Z", "W1"))
Y_OF_XZ = Probability((Term("Y", 1),), (Term("X"), Term("Z")))


@pytest.mark.parametrize(
    ("expression", "text", "latex"),
    [
        (Y_OF_XZ, "P(Y=1 | x, z)", r"P(Y=1 \mid x, z)"),
        (Sum(("Z",), Product((Y_OF_XZ, Z))), "sum_z P(Y=1 | x, z) P(z)", r"\sum_{z} P(Y=1 \mid x, z) P(z)"),
        (
            Product((Sum(("X",), Product((Y_OF_XZ, X))), X)),
            "(sum_x' P(Y=1 | x', z) P(x')) P(x)",
            r"\left(\sum_{x'} P(Y=1 \mid x', z) P(x')\right) P(x)",
        ),
        (Sum(("Z", "W1"), Product((Z, W))), "sum_{z, w1} P(z) P(w1)", r"\sum_{z, w_1} P(z) P(w_1)"),
        (Quotient(Product((X, Y)), Z), "(P(x) P(y)) / P(z)", r"\frac{P(x) P(y)}{P(z)}"),
        (Product((X, Quotient(Y, Z))), "P(x) (P(y) / P(z))", r"P(x) \frac{P(y)}{P(z)}"),
        (Difference(X, Difference(Y, Z)), "P(x) - (P(y) - P(z))", r"P(x) - \left(P(y) - P(z)\right)"),
        (Product(()), "1", "1"),
        (Product((Variable("Y"), Y)), "y P(y)", "y P(y)"),
        (Constant(0.25), "0.25", "0.25"),
        (Expectation(Term("Y"), (Term("X", 0),)), "E[Y | X=0]", r"\mathbb{E}[Y \mid X=0]"),
        (
            Probability((Term("Y"),), (Term("Z"),), "trial", (Term("X"),)),
            "P^trial(y | do(x), z)",
            r"P^{\mathrm{trial}}(y \mid \operatorname{do}(x), z)",
        ),
        (
            Probability((Term("blood_pressure", "high"),), (Term("age"),)),
            "P(blood_pressure=high | age)",
            r"P(\mathrm{blood\_pressure}=\mathrm{high} \mid \mathrm{age})",
        ),
    ],
)
def test_expressions_as_text_and_latex(expression, text, latex) -> None:
    assert to_text(expression) == text
    assert to_latex(expression) == latex


def test_names_that_differ_in_case_alone_keep_it() -> None:
    assert to_text(Product((Probability((Term("x"),)), X))) == "P(x) P(X)"


def test_a_sum_in_a_sum_over_the_same_variable_has_two_primes() -> None:
    inner = Sum(("X",), Product((X, Sum(("X",), X))))
    assert to_text(Product((X, inner))) == "P(x) sum_x' P(x') sum_x'' P(x'')"
