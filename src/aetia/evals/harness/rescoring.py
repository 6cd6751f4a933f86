"""What do a run's replies come to by the rules of this aetia, if earlier rules have scored them?"""

from dataclasses import replace

from aetia.effects import Effects
from aetia.runs import Run, instrument_named
from aetia.runs.lock import locked
from aetia.runs.store import versions

__all__ = ["score_again"]


def score_again(run: Run) -> None:
    """Write the effects of a run anew, of the replies that it has.

    Raises:
        RunError: AE-6001 the run is in use; AE-6006 it has no replies.
    """
    with locked(run.directory):
        effects = instrument_named(run.study.instrument).summarise(run.study, run.values())
        path = run.directory / "effects.parquet"
        kept = Effects.read(path).provenance if path.exists() else {}
        by = {"aetia": versions().get("aetia", "unknown")}
        replace(effects, provenance={**kept, **by, **effects.provenance}).write(path)
