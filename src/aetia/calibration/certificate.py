"""What has been measured of each instrument, and does it reach what is asked of one?

A certificate is made of calibration runs. The one in this package is what the catalogue, the reports and
docs/calibration.md show; `make certificate` writes it anew.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources

from aetia.calibration.subjects import SUBJECTS, Subject
from aetia.effects import Effects
from aetia.runs.keys import JSON

__all__ = ["Certificate", "Figure", "certificate_of", "markdown", "packaged", "status"]

_ALL = "all"
_FALSE, _FALSE_HIGH = 0.05, 0.07
_AUROC = {"auroc of nodes": 0.95, "auroc of edges": 0.90, "auroc of sites": 0.95}
_RECALL = 0.5  # an instrument that hardly ever finds anything is hardly ever wrong
_COVERAGE = (0.93, 0.97)


@dataclass(frozen=True)
class Figure:
    """One measure of one instrument on one kind of system, with its interval and the number of trials."""

    measure: str
    system: str
    estimate: float
    low: float | None
    high: float | None
    n: int

    def text(self) -> str:
        """The figure in words: `4.2% [2.8, 6.3]`, or a share with two decimals."""
        if self.measure in ("false positives", "coverage"):
            bounds = "" if self.low is None or self.high is None else f" [{self.low:.1%}, {self.high:.1%}]"
            return f"{self.estimate:.1%}{bounds}".replace("%, ", ", ")
        return f"{self.estimate:.0f}" if self.measure == "cost" else f"{self.estimate:.2f}"


@dataclass(frozen=True)
class Certificate:
    """What is known of one subject."""

    subject: str
    is_exact: bool
    figures: tuple[Figure, ...]

    def figure(self, measure: str, system: str = _ALL) -> Figure | None:
        """The figure of a measure, over all systems or on one kind."""
        found = (one for one in self.figures if (one.measure, one.system) == (measure, system))
        return next(found, None)

    def shortfalls(self) -> list[str]:
        """What it does not reach, in words; empty if it reaches everything that was measured."""
        found = []
        false = self.figure("false positives")
        if false is None:
            found.append("false positives not measured")
        elif false.estimate > _FALSE or (false.high is not None and false.high > _FALSE_HIGH):
            few = " (too few trials to tell)" if (false.low or 0.0) <= _FALSE else ""
            found.append(f"false positives {false.text()} in {false.n}{few}")
        # A system that is clearly worse than the aim does not hide among the others.
        found += [
            f"false positives {figure.text()} on {figure.system}"
            for figure in self.figures
            if figure.measure == "false positives" and figure.system != _ALL and (figure.low or 0.0) > _FALSE
        ]
        recall = self.figure("recall")
        if self.is_exact and recall is not None and recall.estimate < _RECALL:
            found.append(f"recall {recall.text()}")
        for measure, least in _AUROC.items():
            figure = self.figure(measure)
            if self.is_exact and figure is not None and figure.estimate < least:
                found.append(f"{measure} {figure.text()}")
        for shape in ("symmetric", "skewed"):
            figure = self.figure("coverage", shape)
            if figure is not None and not _COVERAGE[0] <= figure.estimate <= _COVERAGE[1]:
                found.append(f"coverage {figure.text()} ({shape})")
        return found

    def record(self) -> dict[str, JSON]:
        """The certificate as plain data."""
        return {"subject": self.subject, "is_exact": self.is_exact, "figures": [asdict(one) for one in self.figures]}


def certificate_of(runs: Iterable[Effects]) -> tuple[Certificate, ...]:
    """The certificates that calibration runs come to, in the order of the subjects; a later run wins over earlier ones.

    Args:
        runs: The effects of runs of `calibrate`.
    """
    found: dict[str, Certificate] = {}
    for effects in runs:
        rows = effects.to_arrow().to_pylist()
        for name in dict.fromkeys(row["subject"] for row in rows):
            figures = tuple(
                Figure(row["measure"], row["system"], row["estimate"], row["low"], row["high"], row["n"])
                for row in rows
                if row["subject"] == name
            )
            found[name] = Certificate(name, _subject(name).is_exact, figures)
    return tuple(found[one.name] for one in SUBJECTS if one.name in found)


def packaged() -> tuple[Certificate, ...]:
    """The certificates that come with aetia."""
    path = resources.files("aetia.calibration").joinpath("certificate.json")
    records = json.loads(path.read_text("utf-8"))["certificates"] if path.is_file() else []
    return tuple(
        Certificate(one["subject"], one["is_exact"], tuple(Figure(**figure) for figure in one["figures"]))
        for one in records
    )


def status(certificates: Sequence[Certificate]) -> Mapping[str, str]:
    """One line for each instrument: what its ways reach, and what they do not."""
    lines: dict[str, str] = {}
    for instrument in dict.fromkeys(one.subject.partition(":")[0] for one in certificates):
        own = [one for one in certificates if one.subject.partition(":")[0] == instrument]
        short = {one.subject.partition(":")[2] or instrument: one.shortfalls() for one in own}
        reached = [name for name, falls in short.items() if not falls]
        text = f"calibrated: {', '.join(reached)}" if reached else "measured, and short of its aims"
        falls = "; ".join(f"{name}: {', '.join(parts)}" for name, parts in short.items() if parts)
        lines[instrument] = f"{text}. Short: {falls}" if falls else text
    return lines


def markdown(certificates: Sequence[Certificate]) -> str:
    """The certificates as a table, a line for each subject, and one of the systems on which causes were looked for."""
    columns = "false positives | AUROC nodes | AUROC edges | AUROC sites | recall | false discoveries | coverage | cost"
    lines = [f"| instrument | {columns} |", "|---|---|---:|---:|---:|---:|---:|---|---:|"]
    for one in certificates:
        figures = [one.figure(name) for name in ("false positives", *_AUROC, "recall", "false discoveries")]
        cells = [_text(figure) for figure in figures]
        shapes = [one.figure("coverage", shape) for shape in ("symmetric", "skewed")]
        coverage = ", ".join(figure.text() for figure in shapes if figure is not None) or "-"
        mark = "" if one.is_exact else " (estimate)"
        cost = _text(one.figure("cost"))
        lines.append(f"| {one.subject}{mark} | {' | '.join(cells)} | {coverage} | {cost} |")
    return "\n".join([*lines, "", *_by_system(certificates), "", *_shortfalls(certificates)]) + "\n"


def _by_system(certificates: Sequence[Certificate]) -> list[str]:
    names = sorted({figure.system for one in certificates for figure in one.figures if figure.measure in _AUROC})
    names = [name for name in names if name != _ALL]
    lines = [f"| AUROC on | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
    for one in certificates:
        known = [[one.figure(measure, name) for measure in _AUROC] for name in names]
        figures = [next((figure for figure in found if figure is not None), None) for found in known]
        if any(figures):
            lines.append(f"| {one.subject} | {' | '.join(_text(figure) for figure in figures)} |")
    return lines if names else []


def _shortfalls(certificates: Sequence[Certificate]) -> list[str]:
    found = [f"- {one.subject}: {', '.join(one.shortfalls())}" for one in certificates if one.shortfalls()]
    return ["Short of the aims:", "", *found] if found else ["Every instrument reaches its aims."]


def _text(figure: Figure | None) -> str:
    return "-" if figure is None else figure.text()


def _subject(name: str) -> Subject:
    return next(one for one in SUBJECTS if one.name == name)
