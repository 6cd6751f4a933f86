"""How does a table of effects of any instrument become a page? Its pictures, its rows, what passes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from aetia.effects import Effects, passes
from aetia.files import write_atomic, writing
from aetia.flow.pathway_claims import SUFFICES, pathway_verdict
from aetia.report.evidence import Evidence
from aetia.report.question import provenance, study_json
from aetia.report.seeing import Sight, sight_of
from aetia.report.shell import page_environment, page_file, page_policy, page_style
from aetia.runs import open_run
from aetia.runs.store import Manifest, Store
from aetia.text import clean_text

__all__ = ["FINDINGS", "write_findings"]

FINDINGS = {
    "flow": (
        "What the answer loses when one part may no longer read another",
        (
            "Attention from the reader to the source is cut in one layer, or a window of them. The effect is the "
            "change of the outcome; it is compared with cutting as many random keys of the same kind or, where the "
            "cut leaves too few of these to draw from, with what it does to the answers once these have traded places."
        ),
    ),
    "pathways": (
        "Which reads are enough for the answer",
        (
            "All other reads between groups are cut. The reads were found on one half of the items; the shares are of "
            "the other half, where no item counts as more than its plain run, beside as many random reads of the same "
            "rows and kinds. They suffice if all three hold: the model is right more often than by other items' "
            "answers, the lower end of what is kept is at least the share asked for, and random reads keep less."
        ),
    ),
    "mediation": (
        "How an edit of the picture reaches the answer",
        (
            "The total effect, split into what the last position reads directly, what passes through other positions, "
            "and what a blank picture gives."
        ),
    ),
}
"""The instruments whose runs become such a page: its title, and how to read it."""

_STATISTICS = frozenset({"estimate", "unit", "low", "high", "level", "n", "null", "p", "q"})
_MOST_ROWS = 600
_MOST_SIGHTS = 4
_TEXT = 80


@dataclass(frozen=True)
class _Line:
    """A row as it is shown."""

    where: tuple[str, ...]
    estimate: str
    interval: str
    n: int
    null: str
    q: str
    is_sure: bool


def write_findings(directory: Path, path: Path) -> Path:
    """Write the page about a run of flow, pathways or mediation.

    Args:
        directory: The run.
        path: Where the page goes.

    Raises:
        RunError: The directory holds no run, or one without effects; AE-6011, AE-6012 the page cannot be written.
    """
    run = open_run(directory)
    sights = [one for record in Store(directory).read_items() if (one := sight_of(record)) is not None]
    content = _rendered(run.manifest, run.effects(), sights[:_MOST_SIGHTS])
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, content.encode("utf-8", "replace"))
    return path


def _rendered(manifest: Manifest, effects: Effects, sights: Sequence[Sight]) -> str:
    study = manifest.study
    heading, reading = FINDINGS[str(study.get("instrument"))]
    table = effects.to_arrow()
    dimensions = [name for name in table.schema.names if name not in _STATISTICS]
    records = table.to_pylist()
    level = float(str(study.get("level", 0.95)))
    dimensions = [name for name in dimensions if any(row[name] is not None for row in records)]
    lines = [_line(row, dimensions, level) for row in records]
    style, script = page_style(), page_file("maps.js")
    evidence = Evidence((), manifest=manifest, study=study, provenance=effects.provenance)
    return (
        page_environment()
        .get_template("findings.html.jinja")
        .render(
            title=f"{heading}: {clean_text(str(study.get('model', '')), _TEXT)}",
            policy=page_policy(style, script),
            style=Markup(style),  # noqa: S704  the package's own file
            script=Markup(script),  # noqa: S704  the package's own file
            manifest=manifest,
            reading=reading,
            verdict=_verdict(lines, effects),
            dimensions=dimensions,
            lines=sorted(lines, key=lambda line: not line.is_sure)[:_MOST_ROWS],
            total=len(lines),
            level=f"{level:.0%}",
            sights=sights,
            provenance=provenance(evidence),
            study=study_json(evidence),
        )
    )


def _verdict(lines: Sequence[_Line], effects: Effects) -> str:
    """How many effects pass their test, what has none, and whether kept reads suffice."""
    if SUFFICES in effects.provenance:
        return pathway_verdict(effects)
    tested = [line for line in lines if line.q]
    passed = sum(line.is_sure for line in tested)
    found = f"{passed} of {len(tested)} effects pass their test." if tested else "Nothing was tested against a null."
    if lacking := effects.provenance.get("not compared"):
        found += f" Not tested, since there are no comparable keys nor enough different answers: {lacking}."
    return found


def _line(row: Mapping[str, object], dimensions: Sequence[str], level: float) -> _Line:
    estimate, low, high, q = row["estimate"], row["low"], row["high"], row["q"]
    has_interval = isinstance(low, float) and isinstance(high, float)
    return _Line(
        where=tuple("" if row[name] is None else clean_text(str(row[name]), _TEXT) for name in dimensions),
        estimate=f"{estimate:.3g} {clean_text(str(row['unit'] or ''), 30)}".strip()
        if isinstance(estimate, float)
        else "",  # a ratio to what may be nothing
        interval=f"{low:.3g} to {high:.3g}" if has_interval else "",
        n=int(str(row["n"] or 0)),
        null=clean_text(str(row["null"] or ""), 40),
        q=f"{q:.3g}" if isinstance(q, float) else "",
        is_sure=isinstance(q, float) and bool(passes(q, level)),
    )
