"""Which run directory does a person mean?"""

from pathlib import Path

from aetia.runs import Run, open_run

__all__ = ["ROOT", "run_named"]

ROOT = Path("runs")
"""Where runs go by default."""


def run_named(name: str) -> Run:
    """Return the run in the directory `name`, or in the one of that name under `ROOT`.

    Raises:
        RunError: AE-6003 there is none; AE-6002 its manifest is damaged; AE-6013 a newer aetia wrote it.
    """
    path = Path(name)
    return open_run(ROOT / name if not path.exists() and (ROOT / name).is_dir() else path)
