"""`aetia calibrate`: how far can each instrument be trusted?"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aetia.cli.records import CertificateRecord
from aetia.cli.voice import Voice, json_option

if TYPE_CHECKING:
    from aetia.calibration.certificate import Certificate

__all__ = ["command"]


@click.command("calibrate")
@click.argument("instruments", metavar="[INSTRUMENT|all]...", nargs=-1)
@click.option("--quick", is_flag=True, help="A twentieth of the trials: minutes, and wide intervals.")
@click.option("--out", metavar="DIRECTORY", help="The run directory. [default: runs/calibrate-ID]")
@click.option("--workers", type=click.IntRange(min=1), default=1, metavar="N", help="Processes. [default: 1]")
@click.option("--dry-run", is_flag=True, help="Show the plan, compute nothing.")
@json_option
def command(
    instruments: tuple[str, ...], out: str | None, workers: int, *, quick: bool, dry_run: bool, as_json: bool
) -> int:
    """Measure how far each instrument can be trusted.

    False positives where nothing is to be found, recovery of causes that are known by construction, and how often
    intervals cover known effects. INSTRUMENT is a method of `aetia methods`, or one way of it, such as trace:patch.

    The same calibration in the same directory is carried on where it was stopped.
    """
    from aetia.calibration.certificate import certificate_of
    from aetia.cli.progress import watching
    from aetia.runs import engine_of, execute, instrument_named, parse_study

    voice = Voice(as_json)
    record = {"instrument": "calibrate", "subjects": list(instruments), "quick": quick}
    study = parse_study(record, source="the command line")
    directory = Path(out) if out is not None else Path("runs") / f"calibrate-{study.identity()[:8]}"
    if dry_run:
        from aetia.cli.planned import show_plan

        show_plan(voice, study, instrument_named(study.instrument).plan(study), directory)
        return 0
    with watching(voice, "calibrating") as observe:
        run = execute(study, directory, engine=engine_of(workers), observe=observe)
    certificates = certificate_of([run.effects()])
    for one in certificates:
        voice.emit(lambda one=one: CertificateRecord.of(one))
    _show(voice, certificates)
    voice.show(f"  run  {run.directory}  ({run.status})")
    return run.exit_code


def _show(voice: Voice, certificates: "tuple[Certificate, ...]") -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("instrument", no_wrap=True)
    measures = ("false positives", "auroc of nodes", "auroc of edges", "recall", "cost")
    for name in measures:
        table.add_column(name, justify="right")
    table.add_column("coverage", justify="right")
    table.add_column("short of its aims", overflow="fold")
    for one in certificates:
        figures = [one.figure(name) for name in measures]
        shapes = [one.figure("coverage", shape) for shape in ("symmetric", "skewed")]
        coverage = ", ".join(figure.text() for figure in shapes if figure is not None)
        cells = ["" if figure is None else figure.text() for figure in figures]
        table.add_row(one.subject, *cells, coverage, "; ".join(one.shortfalls()))
    voice.show(table)
