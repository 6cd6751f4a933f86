"""How does a run become one page that works offline and lets nothing in?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from markupsafe import Markup

from aetia.effects import Effects
from aetia.errors import RunError
from aetia.files import write_atomic, writing
from aetia.report.alignments import about_alignment
from aetia.report.caveats import caveats
from aetia.report.charts import Whisker, outcome_chart, total_effect, whiskers
from aetia.report.circuits import about_circuit, circuit_section, write_circuit
from aetia.report.drawing import Figure, bars, figures_of, lens
from aetia.report.evaluations import write_evaluation
from aetia.report.evidence import Evidence, of_effects, read_run, token_labels
from aetia.report.figures import write_figures
from aetia.report.findings import FINDINGS, write_findings
from aetia.report.grids import BUDGET, grids_of
from aetia.report.maps import write_maps
from aetia.report.question import asked, model_name, prompt_tokens, provenance, study_json, title
from aetia.report.recovered import Recovered, recovered_in
from aetia.report.rows import Row, strongest
from aetia.report.sentences import RESIDUAL, Sentence, Task, of_rows, of_sites, task_of
from aetia.report.shell import page_environment, page_file, page_policy, page_style
from aetia.report.subspaces import about_subspace
from aetia.report.verdicts import legend
from aetia.report.wording import wording
from aetia.runs.store import Store

__all__ = ["LIMIT", "HasDirectory", "render", "report_effects", "write_report"]

LIMIT = 1_000_000
"""Bytes a page may have."""

_STRONGEST = 10
_ROWS_OF_A_SENTENCE = 12


class HasDirectory(Protocol):
    """What a report needs of a run: the directory it is in."""

    @property
    def directory(self) -> Path:
        """Where the run is."""
        ...


@dataclass(frozen=True)
class Section:
    """The maps of one method."""

    title: str
    reading: str
    figures: tuple[tuple[int, Figure], ...]


def write_report(run: HasDirectory | str | Path, path: str | Path | None = None) -> Path:
    """Write one self-contained page about a run, and its figures beside it; return the page's path.

    Args:
        run: A run, or its directory.
        path: Where the page goes; `report.html` in the run directory by default. The figures go into `figures/`
            beside it: SVG and PNG for papers, Vega-Lite specifications with their data.

    Raises:
        RunError: The directory holds no run, or one without effects (AE-6501); AE-6011, AE-6012 it cannot be written.
    """
    directory = Path(run) if isinstance(run, str | Path) else run.directory
    place = directory / "report.html" if path is None else Path(path)
    instrument = Store(directory).read_manifest().study.get("instrument")
    if instrument == "evaluate":
        return write_evaluation(directory, place)
    if instrument == "map":
        return write_maps(directory, place)
    if instrument in FINDINGS:
        return write_findings(directory, place)
    evidence = read_run(directory)
    return _write(evidence, place, recovered_in(directory) if evidence.sights else ())


def report_effects(effects: Effects, path: str | Path) -> Path:
    """Write a page about a table of effects alone: without items, their tokens, or how they were made."""
    return _write(of_effects(effects), Path(path))


def _write(evidence: Evidence, path: Path, recovered: Sequence[Recovered] = ()) -> Path:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    files = write_figures(evidence.rows, token_labels(evidence.items), path.parent / "figures", evidence.direction)
    files += write_circuit(evidence, path.parent)
    content = render(evidence, [file.relative_to(path.parent).as_posix() for file in files], recovered)
    write_atomic(path, content.encode("utf-8", "replace"))
    return path


def render(evidence: Evidence, files: Sequence[str] = (), recovered: Sequence[Recovered] = ()) -> str:
    """Return the page's HTML, below `LIMIT` bytes: maps too large for that are reduced, which the page says.

    Raises:
        RunError: AE-6502 the page stays too large even with the smallest maps.
    """
    for budget in (BUDGET, BUDGET // 4, BUDGET // 20):
        content = _rendered(evidence, files, budget, recovered)
        if len(content.encode("utf-8", "replace")) < LIMIT:
            return content
    found = f"The page would have {len(content):,} bytes; it may have {LIMIT:,}."
    raise RunError("AE-6502", found, mend="read effects.parquet, or trace fewer components")


def _rendered(evidence: Evidence, files: Sequence[str], budget: int, recovered: Sequence[Recovered]) -> str:
    rows = evidence.rows
    task = task_of(rows)
    grids, note = grids_of(rows, token_labels(evidence.items), budget=budget)
    figures = figures_of(grids)
    reading = _readings(evidence)
    shown = [*figures, *(figure for _, figure in reading)]
    numbered = {id(figure): index for index, figure in enumerate(shown)}
    methods = dict.fromkeys(figure.method for figure in figures)
    sections = [
        Section(
            (how := wording(method, evidence.direction)).title,
            how.reading,
            tuple((numbered[id(figure)], figure) for figure in figures if figure.method == method),
        )
        for method in methods
    ]
    style, script = page_style(), page_file("report.js")
    return (
        page_environment()
        .get_template("report.html.jinja")
        .render(
            title=title(evidence),
            model=model_name(evidence),
            policy=page_policy(style, script),
            style=Markup(style),  # noqa: S704  the package's own file
            script=Markup(script),  # noqa: S704  the package's own file
            data=[_data(figure) for figure in shown],
            task=task,
            total=total_effect(task),
            chart=outcome_chart(task, evidence.outcomes),
            asked=asked(evidence),
            item_count=len(evidence.items),
            units=evidence.units,
            example=evidence.items[0] if evidence.items else None,
            prompts=prompt_tokens(evidence.items[0]) if evidence.items else ([], []),
            sentences=[_evidence(sentence) for sentence in _said(evidence)],
            circuit=circuit_section(evidence),
            sections=sections,
            note=note,
            reading=[(numbered[id(figure)], name, figure) for name, figure in reading],
            ranking=_ranking(rows, task),
            methods=len(methods),
            caveats=caveats(evidence),
            manifest=evidence.manifest,
            provenance=provenance(evidence),
            study=study_json(evidence),
            files=files,
            sights=evidence.sights,
            recovered=recovered,
        )
    )


def _said(evidence: Evidence) -> list[Sentence]:
    """What was found: of a subspace or an alignment its verdict, of all else what stands out, and a circuit's worth."""
    about = (evidence.rows, evidence.provenance)
    verdict = about_subspace(*about) or about_alignment(*about)
    if verdict:
        return verdict
    found = of_rows(evidence.rows, evidence.direction, evidence.correction, evidence.units)
    return [*found, *about_circuit(evidence.rows, evidence.units)]


def _readings(evidence: Evidence) -> list[tuple[str, Figure]]:
    """The pictures that intervene on nothing: the logit lens, and what each part writes directly."""
    found: list[tuple[str, Figure]] = []
    line = lens(evidence.rows)
    if line is not None:
        layers = [row for row in evidence.rows if row.method == "logit_lens"]
        found.append(("lens", Figure("logit_lens", "line", (), (line,), verdict=legend(layers, "With a dot"))))
    direct = [row for row in evidence.rows if row.method == "direct" and row.layer is not None and row.is_number]
    whole = [row for row in direct if row.head is None]
    components = dict.fromkeys(row.component for row in whole if (row.layer or 0) > 0)
    whole = [row for row in whole if row.component in components]
    panels = [bars([row for row in whole if row.component == name], name, whole) for name in components]
    if panels:
        verdict = legend(whole, "In full colour")
        found.append(("direct", Figure("direct", "bars", (), tuple(panels[:3]), verdict=verdict)))
    grids, _ = grids_of([row for row in direct if row.head is not None], {}, methods=frozenset({"direct"}))
    found += [("direct-heads", figure) for figure in figures_of(grids)]
    return found


@dataclass(frozen=True)
class _Ranking:
    """The strongest sites that may be named, and out of how many.

    Args:
        text: How many pass of how many that were looked at; empty if they were not tested.
        parts: The strongest parts.
        everything: The strongest sites of all, if those are others.
    """

    text: str
    parts: Sequence[Whisker]
    everything: Sequence[Whisker]


def _ranking(rows: Sequence[Row], task: Task) -> _Ranking | None:
    cells = of_sites(rows)
    found = [row for row in cells if row.is_finding]
    everything = strongest(found, _STRONGEST)
    parts = strongest((row for row in found if row.component not in RESIDUAL), _STRONGEST)
    if not parts or parts == everything:
        parts, everything = everything, []
    text = ""
    if any(row.is_tested for row in cells):
        looked = sum(row.is_number for row in cells)
        text = f"Only what passes its test is listed: {len(found):,} of {looked:,} cells."
        text = text if found else f"None of the {looked:,} cells passes its test, so none is listed."
    return _Ranking(text, whiskers(parts, task), whiskers(everything, task)) if parts or text else None


@dataclass(frozen=True)
class _Evidence:
    """A sentence and as many of its rows as a page can show."""

    text: str
    rows: tuple[Row, ...]
    rest: int


def _evidence(sentence: Sentence) -> _Evidence:
    return _Evidence(
        sentence.text, sentence.rows[:_ROWS_OF_A_SENTENCE], max(len(sentence.rows) - _ROWS_OF_A_SENTENCE, 0)
    )


def _data(figure: Figure) -> Mapping[str, object]:
    panels = [
        {"name": panel.name, "unit": panel.unit, "columns": panel.columns, **panel.data} for panel in figure.panels
    ]
    return {"labels": figure.names, "titles": [label.title for label in figure.labels], "panels": panels}
