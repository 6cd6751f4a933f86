"""`aetia runs`: which runs are there, how do they stand, and how does one carry on or take the numbers elsewhere?"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import pyarrow as pa
from rich.table import Table
from rich.text import Text

from aetia.cli.places import ROOT, run_argument, run_named
from aetia.cli.records import FileRecord, RunRecord
from aetia.cli.voice import Voice, json_option
from aetia.errors import RunError
from aetia.files import write_atomic, write_table
from aetia.runs import Run, list_runs, resume
from aetia.text import clean_text

__all__ = ["command"]

_KINDS = ("effects", "values", "items")
_STYLES = {"complete": "green", "failed": "red", "interrupted": "yellow", "running": "cyan"}


@click.group("runs", invoke_without_command=True)
@json_option
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """List, show, resume and export runs.

    A RUN is a run directory, or its name under runs/.
    """
    if ctx.invoked_subcommand is None:
        _list(Voice(as_json), str(ROOT))


@command.command("list")
@click.argument("root", default=str(ROOT))
@json_option
def list_all(root: str, *, as_json: bool) -> None:
    """List the runs under ROOT (runs/ by default)."""
    _list(Voice(as_json), root)


@command.command("show")
@run_argument
@json_option
def show(run: str, *, as_json: bool) -> None:
    """Show what RUN asked and found, and what it says of itself."""
    from aetia.cli.summary import show_run

    voice = Voice(as_json)
    found = run_named(run)
    voice.emit(lambda: _record(found))
    show_run(voice, found, _report(found))
    for note in found.manifest.notes:
        voice.show(f"  - {clean_text(note)}")


@command.command("resume")
@run_argument
@click.option("--workers", type=click.IntRange(min=1), default=1, metavar="N", help="Processes. [default: 1]")
@json_option
def resume_run(run: str, workers: int, *, as_json: bool) -> int:
    """Compute what RUN lacks, and write its effects and its report."""
    from aetia.cli.carry import carry_out
    from aetia.evals.harness.study import EvaluationStudy

    found = run_named(run)
    if isinstance(found.study, EvaluationStudy):
        from aetia.cli.evals_runs import carry_out_evaluation

        return carry_out_evaluation(Voice(as_json), found.study, found.directory, workers)
    return carry_out(Voice(as_json), found.study, found.directory, workers, partial(resume, found.directory))


@command.command("export")
@run_argument
@click.argument("file")
@click.option("--what", type=click.Choice(_KINDS), default="effects", show_default=True, help="Which rows.")
@json_option
def export(run: str, file: str, what: str, *, as_json: bool) -> None:
    """Write the rows of RUN to FILE, which ends in .csv, .jsonl or .parquet."""
    voice = Voice(as_json)
    found = run_named(run)
    path = Path(file)
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise click.UsageError(f"FILE says by its ending how it is written: {', '.join(_WRITERS)}; got {file}.")
    tables: dict[str, Callable[[], pa.Table]] = {
        "effects": lambda: found.effects().to_arrow(),
        "values": found.values,
        "items": lambda: pa.Table.from_pylist(found.items()),
    }
    table = tables[what]()
    write(path, table)
    voice.emit(lambda: FileRecord.model_validate({"kind": what, "path": str(path), "bytes": path.stat().st_size}))
    voice.show(f"{path}  ({table.num_rows:,} rows)")


def _write_csv(path: Path, table: pa.Table) -> None:
    from pyarrow import csv

    flat = [name for name in table.schema.names if pa.types.is_nested(table.schema.field(name).type)]
    if flat:
        found = f"CSV has no place for the columns {', '.join(flat)}."
        raise RunError("AE-6601", found, mend="name the file .jsonl or .parquet")
    sink = pa.BufferOutputStream()
    csv.write_csv(table, sink)
    write_atomic(path, sink.getvalue().to_pybytes())


def _write_lines(path: Path, table: pa.Table) -> None:
    import json

    lines = (json.dumps(row, ensure_ascii=True) + "\n" for row in table.to_pylist())
    write_atomic(path, "".join(lines).encode())


_WRITERS: dict[str, Callable[[Path, pa.Table], None]] = {
    ".csv": _write_csv,
    ".jsonl": _write_lines,
    ".parquet": write_table,
}


def _list(voice: Voice, root: str) -> None:
    runs = list_runs(root)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("run", "status", "cells", "asked", "started"):
        table.add_column(name, justify="right" if name == "cells" else "left", overflow="fold")
    for run in runs:
        voice.emit(lambda run=run: _record(run))
        done, total = run.cells
        study = run.manifest.study
        asked = [study.get(name) for name in ("instrument", "model", "contrasts", "method")]
        words = clean_text(" ".join(str(word) for word in asked if word), 80)
        count = f"{done:,}" if done == total else f"{done:,} of {total:,}"
        status = Text(run.status, style=_STYLES[run.status])
        started = clean_text(run.manifest.started[:16].replace("T", " "))
        table.add_row(clean_text(str(run.directory)), status, count, words, started)
    if runs:
        voice.show(table)
    else:
        voice.remark(f"There is no run under {root}; `aetia trace --contrasts capitals` makes one.")


def _report(run: Run) -> Path | None:
    path = run.directory / "report.html"
    return path if path.exists() else None


def _record(run: Run) -> RunRecord:
    done, total = run.cells
    report = _report(run)
    return RunRecord(
        directory=str(run.directory),
        status=run.status,
        instrument=str(run.manifest.study.get("instrument")),
        study=dict(run.manifest.study),
        cells=done,
        cells_total=total,
        started=run.manifest.started,
        ended=run.manifest.ended,
        report=str(report) if report is not None else None,
    )
