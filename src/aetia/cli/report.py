"""`aetia report`: the page about a run."""

import click

from aetia.cli.places import run_argument, run_named
from aetia.cli.records import FileRecord
from aetia.cli.voice import Voice, json_option

__all__ = ["command"]


@click.command("report")
@run_argument
@click.option("--out", metavar="FILE", help="Where the page goes. [default: report.html in the run directory]")
@json_option
def command(run: str, out: str | None, *, as_json: bool) -> None:
    """Write the page about a run.

    RUN is a run directory, or its name under runs/. The figures are written beside the page.
    """
    from aetia.report import write_report

    voice = Voice(as_json)
    path = write_report(run_named(run), out)
    size = path.stat().st_size
    voice.emit(lambda: FileRecord(kind="report", path=str(path), bytes=size))
    voice.show(f"{path}  ({size / 1000:,.0f} kB)")
