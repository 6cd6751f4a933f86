"""Which cells pass their test, how many were looked at, and how is that said and drawn?

A null is corrected for all cells of a study together; they are counted by method.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from aetia.effects.nulls import NULLS
from aetia.report.rows import Row, rate_of, rate_text
from aetia.report.wording import CHECKS, CORRECTIONS

__all__ = [
    "Family",
    "correction_claim",
    "correction_words",
    "families",
    "legend",
    "null_claim",
    "null_words",
    "outline",
]

Segment: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True)
class Family:
    """How many cells of one method were looked at, and how many stood their test.

    Args:
        method: The method.
        null: What they were tested against, as `label-permutation:23`; None if they were not.
        level: Coverage of the intervals; a cell passes at one minus that.
        cells: Those with a number.
        passed: Those whose corrected p-value is small enough.
        with_interval: Those with an interval.
        sure: Those whose interval alone, uncorrected, excludes zero.
        kept: Those of `sure` that pass.
    """

    method: str
    null: str | None
    level: float
    cells: int
    passed: int
    with_interval: int
    sure: int
    kept: int

    @property
    def is_tested(self) -> bool:
        """Whether the method was run on a null."""
        return self.null is not None

    @staticmethod
    def of(rows: Sequence[Row]) -> "Family":
        """Return the counts of the rows of one method, at least one of them."""
        cells = [row for row in rows if row.is_number]
        tested = [row for row in rows if row.is_tested]
        sure = [row for row in cells if row.excludes_zero]
        return Family(
            method=rows[0].method,
            null=next((row.null for row in tested if row.null), "the null") if tested else None,
            level=rows[0].level,
            cells=len(cells),
            passed=sum(row.passes for row in cells),
            with_interval=sum(row.low is not None for row in cells),
            sure=len(sure),
            kept=sum(row.passes for row in sure),
        )

    def counts(self, correction: str) -> str:
        """Return how many cells pass, and how many would have seemed to: a sentence or two, of a tested family."""
        if self.cells == 1:
            verdict = "passes" if self.passed else "does not pass"
            return (
                f"the one number that was looked at {verdict} at {rate_text(self.level)} against {self._yardstick()}."
            )
        how = f", corrected by {correction_words(correction)} for everything that was tested" if correction else ""
        passed = f"{self.passed:,} pass" if self.passed > 1 else ("one passes" if self.passed else "none passes")
        against = f"at {rate_text(self.level)} against {self._yardstick()}{how}"
        said = f"{self.cells:,} cells were looked at; {passed} {against}."
        if not self.with_interval:
            return said
        kept = f"; {self.kept:,} of these pass" if self.sure else ""
        return f"{said} The {self.level:.0%} interval alone excludes zero in {self.sure:,}{kept}."

    def _yardstick(self) -> str:
        return null_words(self.null or "")


def families(rows: Iterable[Row]) -> list[Family]:
    """Return the counts of every method, in the order in which they come; plain outcomes and checks are no findings."""
    by_method: dict[str, list[Row]] = {}
    for row in rows:
        if row.method != "baseline" and row.method not in CHECKS:
            by_method.setdefault(row.method, []).append(row)
    return [Family.of(found) for found in by_method.values()]


def null_words(null: str) -> str:
    """Return a null in words: `label-permutation (23 draws)`."""
    name, _, draws = null.partition(":")
    if not draws:
        return name
    return f"{name} ({draws} draw{'' if draws == '1' else 's'})"


def null_claim(null: str) -> str:
    """Return what is done under a null, and what a cell that passes speaks against; empty for an unknown one."""
    how, claim = NULLS.get(null.partition(":")[0], ("", ""))
    return f"{how}. What passes speaks against one claim: that {claim}." if how else ""


def correction_words(correction: str) -> str:
    """Return a correction's name as people write it."""
    return CORRECTIONS[correction][0] if correction in CORRECTIONS else correction


def correction_claim(correction: str, level: float) -> str:
    """Return what a correction promises at a level."""
    rate = rate_text(level)
    name, promise = CORRECTIONS.get(correction, (correction, ""))
    said = f"{name}, over everything that was tested" if name else "over everything that was tested"
    said = f"{said}: {promise.format(rate=rate)}" if promise else said
    return f"{said}. A cell passes if its corrected p-value q is at most {rate_of(level):.4g}."


def legend(rows: Sequence[Row], marked: str = "Outlined") -> str:
    """Return how many of these rows pass, which are `marked` in a picture and the others pale; empty if untested."""
    if not any(row.is_tested for row in rows):
        return ""
    family = Family.of(rows)
    against = f"at {rate_text(family.level)} against {null_words(family.null or '')}"
    if family.passed == 0:
        return f"Pale: none of the {family.cells:,} cells passes {against}."
    if family.passed == family.cells:
        return f"All {family.cells:,} cells pass {against}."
    which = f"the {family.passed:,} of {family.cells:,} cells that pass"
    if family.passed == 1:
        which = f"the one of {family.cells:,} cells that passes"
    return f"{marked}: {which} {against}. Pale: the others."


def outline(marks: Sequence[Sequence[bool]]) -> list[Segment]:
    """Return the border of the marked cells of a grid as straight segments (x, y, x, y), joined where they go on.

    Args:
        marks: `[rows][columns]`; cell (row, column) is the square from (column, row) to (column + 1, row + 1).
    """
    rows, columns = len(marks), len(marks[0]) if marks else 0

    def is_marked(row: int, column: int) -> bool:
        return 0 <= row < rows and 0 <= column < columns and marks[row][column]

    across = [
        (start, y, stop, y)
        for y in range(rows + 1)
        for start, stop in _runs([is_marked(y - 1, x) != is_marked(y, x) for x in range(columns)])
    ]
    down = [
        (x, start, x, stop)
        for x in range(columns + 1)
        for start, stop in _runs([is_marked(y, x - 1) != is_marked(y, x) for y in range(rows)])
    ]
    return across + down


def _runs(truths: Sequence[bool]) -> list[tuple[int, int]]:
    """Return where the truths begin and end."""
    found: list[tuple[int, int]] = []
    for index, truth in enumerate(truths):
        if truth and found and found[-1][1] == index:
            found[-1] = (found[-1][0], index + 1)
        elif truth:
            found.append((index, index + 1))
    return found
