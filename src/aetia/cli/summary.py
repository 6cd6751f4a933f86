"""What did a run find, in a few lines for people and one record for programs?"""

from collections.abc import Sequence
from pathlib import Path

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from aetia.cli.records import DoneRecord, EffectRecord, FamilyRecord
from aetia.cli.seen import show_seen
from aetia.cli.voice import Voice
from aetia.effects import Effects
from aetia.errors import RunError
from aetia.report import sentences
from aetia.report.alignments import about_alignment
from aetia.report.circuits import about_circuit
from aetia.report.rows import Row, read_rows, strongest, token_text
from aetia.report.sentences import NOT_INTERVENTIONS, RESIDUAL, of_sites, task_of
from aetia.report.subspaces import about_subspace
from aetia.report.verdicts import Family, families
from aetia.runs import Run
from aetia.text import clean_text

__all__ = ["done_record", "show_run"]

_TOP = 5
_SENTENCES = 3


def done_record(run: Run, report: Path | None) -> DoneRecord:
    """Return the last record of a command that computed the run."""
    effects = _effects(run)
    rows = read_rows(effects.to_arrow()) if effects is not None else []
    done, total = run.cells
    return DoneRecord(
        status=run.status,
        exit_code=run.exit_code,
        directory=str(run.directory),
        effects=str(run.directory / "effects.parquet") if effects is not None else None,
        report=str(report) if report is not None else None,
        cells=done,
        cells_total=total,
        failed=[f"{failed.key}: {clean_text(failed.error)}" for failed in run.manifest.failed],
        baseline=[EffectRecord.of(row) for row in rows if row.method in ("baseline", "total")],
        families=[FamilyRecord.of(family, _correction(effects)) for family in families(rows)],
        top=[EffectRecord.of(row) for row in _top(rows)],
    )


def show_run(voice: Voice, run: Run, report: Path | None) -> None:
    """Show what was asked, whether the model does it at all, the strongest sites, and where the rest is."""
    effects = _effects(run)
    if effects is None or not show_seen(voice, run, effects):
        _show_sites(voice, run, effects)
    done, total = run.cells
    voice.show(f"  run     {_text(run.directory, 400)}  ({run.status}, {done:,} of {total:,} cells)")
    if report is not None:
        voice.show(f"  report  {report}")
    for failed in run.manifest.failed[:3]:
        voice.show(Text(f"  failed  batch {failed.key}: {clean_text(failed.error)}", style="red"))
    if run.status in ("failed", "interrupted"):
        voice.show(f"  Mend: `aetia runs resume {run.directory}`")


def _counts(family: Family, correction: str) -> str:
    if not family.is_tested:
        return (
            f"{family.cells:,} cells were looked at and none was tested against a null: what stands out may be chance."
        )
    said = family.counts(correction)
    return said if family.passed else f"{said} So no site is named."


def _correction(effects: Effects | None) -> str:
    return effects.provenance.get("correction", "") if effects is not None else ""


def _text(value: object, limit: int = 60) -> str:
    return clean_text(str(value), limit)


def _effects(run: Run) -> Effects | None:
    try:
        return run.effects()
    except RunError as error:
        if error.code != "AE-6008":
            raise
        return None


def _show_sites(voice: Voice, run: Run, effects: Effects | None) -> None:
    rows = read_rows(effects.to_arrow()) if effects is not None else []
    voice.show(Text(_asked(run), style="bold"))
    if effects is not None:
        for text in _said(effects):
            voice.show(f"  {text}")
    if _warning(rows):
        voice.show(Text(f"  {_warning(rows)}", style="yellow"))
    top = _top(rows)
    for family in families(rows):
        if family.method not in NOT_INTERVENTIONS and family.with_interval:
            voice.show(f"  {_counts(family, _correction(effects))}")
    if top:
        voice.show("", Padding(_table(top), (0, 0, 0, 2)), "")


def _asked(run: Run) -> str:
    """The question, from the study as the manifest has it."""
    study = run.manifest.study
    contrasts = study.get("contrasts")
    what = f"the {_text(contrasts)} contrasts" if contrasts else "the prompts given"
    sites = study.get("sites")
    named = ", ".join(_text(site) for site in sites) if isinstance(sites, Sequence) else ""
    where = f"{named or 'the parts'} of "
    how = " ".join(_text(study[name]) for name in ("method", "direction") if study.get(name))
    doing = f" ({how})" if how else ""
    if not study.get("model"):
        return f"{_text(study.get('instrument'))}: {run.directory}"
    if study.get("instrument") == "alignment":
        return f"Is the variable of {what} read at {_text(study.get('site'))} of {_text(study['model'])}?"
    return f"Which of {where}{_text(study['model'])} causes its answer on {what}?{doing}"


def _said(effects: Effects) -> list[str]:
    """The sentences about the task, and about where in the residual stream the answer is."""
    rows = read_rows(effects.to_arrow())
    verdict = about_subspace(rows, effects.provenance) or about_alignment(rows, effects.provenance)
    if verdict:
        return [one.text for one in verdict]
    said = sentences(effects)
    circuit = [one.text for one in about_circuit(rows, "clusters" if "clusters" in effects.provenance else "items")]
    about_task = [one.text for one in said if all(row.method in ("baseline", "total") for row in one.rows)]
    stream = [one.text for one in said if one.rows and all(_is_residual(row) and row.is_finding for row in one.rows)]
    return (about_task + stream[:1])[:_SENTENCES] + circuit


def _is_residual(row: Row) -> bool:
    return row.method not in NOT_INTERVENTIONS and row.component in RESIDUAL


def _warning(rows: Sequence[Row]) -> str:
    task = task_of(rows)
    if task.is_done is not False:
        return ""
    accuracy = task.accuracy()
    few = accuracy is not None and accuracy[0] == accuracy[1]
    mend = "too few items to be sure" if few else "what follows explains an answer that it need not give"
    return f"The model cannot be said to do this: {mend}."


def _top(rows: Sequence[Row]) -> list[Row]:
    """The strongest parts that pass; of the residual stream, which carries everything, only if there are no others."""
    cells = [row for row in of_sites(rows) if row.is_finding]
    return strongest((row for row in cells if row.component not in RESIDUAL), _TOP) or strongest(cells, _TOP)


def _table(rows: Sequence[Row]) -> Table:
    unit = rows[0].unit
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(
        "strongest sites that pass" if any(row.is_tested for row in rows) else "strongest sites", no_wrap=True
    )
    has_tokens = any(row.token is not None for row in rows)
    if has_tokens:
        table.add_column("token", no_wrap=True)
    table.add_column(f"effect ({unit})" if unit else "effect", justify="right")
    table.add_column(f"{rows[0].level:.0%} interval", justify="right")
    table.add_column("items", justify="right")
    is_tested = any(row.is_tested for row in rows)
    if is_tested:
        table.add_column("q", justify="right")
    for row in rows:
        token = (token_text(row.token) if row.token is not None else "",) if has_tokens else ()
        chance = (f"{row.q:.2g}" if row.q is not None else "",) if is_tested else ()
        table.add_row(row.address, *token, row.figure, row.bounds or "one item", str(row.n), *chance)
    return table
