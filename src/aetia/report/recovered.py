"""How much of an edit's effect does each group of tokens bring back, layer by layer? The table of a pictured trace."""

from dataclasses import dataclass
from pathlib import Path

from aetia.effects import passes
from aetia.errors import StudyError
from aetia.flow.recovery import recovery_of
from aetia.runs import open_run

__all__ = ["Recovered", "recovered_in"]


@dataclass(frozen=True)
class RecoveredCell:
    """A recovery rate with its interval, and whether its effect passes its test."""

    rate: float
    low: float | None
    high: float | None
    is_sure: bool


@dataclass(frozen=True)
class Recovered:
    """The rates of one component: a row for each group of tokens, a column for each layer.

    Args:
        component: The component.
        layers: The columns.
        rows: Each group's name with its cells; None where nothing was patched.
        note: How many items count.
    """

    component: str
    layers: tuple[int, ...]
    rows: tuple[tuple[str, tuple[RecoveredCell | None, ...]], ...]
    note: str


def recovered_in(directory: Path) -> tuple[Recovered, ...]:
    """The tables of a run that patches groups of tokens, one a component; none where rates mean nothing."""
    run = open_run(directory)
    study = run.manifest.study
    if study.get("instrument") != "trace" or study.get("method") not in ("patch", "noise"):
        return ()
    if study.get("outcome") not in ("logit_difference", "log_probability", "probability"):
        return ()
    try:
        effects = recovery_of(run)
    except StudyError:  # no item whose answer the edit changes: the page says so elsewhere
        return ()
    rows = [row for row in effects.to_arrow().to_pylist() if row["span"] is not None and row["head"] is None]
    about = f"{effects.provenance['items']} items count; {effects.provenance['dropped']} were dropped"
    level = float(str(study.get("level", 0.95)))
    found = []
    for component in dict.fromkeys(row["component"] for row in rows):
        own = [row for row in rows if row["component"] == component]
        layers = tuple(sorted({row["layer"] for row in own}))
        cells = {(row["span"], row["layer"]): row for row in own}
        found.append(
            Recovered(
                component,
                layers,
                tuple(
                    (span, tuple(_cell(cells.get((span, layer)), level) for layer in layers))
                    for span in dict.fromkeys(row["span"] for row in own)
                ),
                f"{about}, because clean and corrupted differ by less than {effects.provenance['gate']}. "
                f"In {effects.provenance['reversed']} the edit raises the outcome.",
            )
        )
    return tuple(found)


def _cell(row: dict[str, object] | None, level: float) -> RecoveredCell | None:
    if row is None or not isinstance(row["estimate"], float):
        return None
    low, high, q = (value if isinstance(value := row[name], float) else None for name in ("low", "high", "q"))
    return RecoveredCell(row["estimate"], low, high, q is not None and bool(passes(q, level)))
