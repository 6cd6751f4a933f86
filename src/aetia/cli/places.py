"""Which run directory does a person mean?"""

from pathlib import Path

import click

from aetia.runs import Run, list_runs, open_run

__all__ = ["ROOT", "run_argument", "run_named"]

ROOT = Path("runs")
"""Where runs go by default."""


def _complete(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    return [run.directory.name for run in list_runs(ROOT) if run.directory.name.startswith(incomplete)]


run_argument = click.argument("run", shell_complete=_complete)
"""A run directory or a name under `ROOT`, which shells complete."""


def run_named(name: str) -> Run:
    """Return the run in the directory `name`, or in the one of that name under `ROOT`.

    Raises:
        RunError: AE-6003 there is none; AE-6002 its manifest is damaged; AE-6013 a newer aetia wrote it.
    """
    path = Path(name)
    return open_run(ROOT / name if not path.exists() and (ROOT / name).is_dir() else path)
