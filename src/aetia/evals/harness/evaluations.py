"""Is a run an evaluation, and how many of its requests were refused?"""

import json
from dataclasses import dataclass
from pathlib import Path

from aetia.errors import RunError
from aetia.runs import Run, open_run
from aetia.text import clean_text

__all__ = ["Refusals", "open_evaluation", "refusals"]


def open_evaluation(directory: str | Path) -> Run:
    """Return the evaluation in `directory`.

    Raises:
        RunError: AE-6015 it is the run of another instrument; and as `open_run`.
    """
    run = open_run(directory)
    instrument = str(run.manifest.study.get("instrument"))
    if instrument != "evaluate":
        found = f"{run.directory} is no evaluation, but a run of the instrument {clean_text(instrument, 40)}."
        raise RunError("AE-6015", found, mend="name a run that `aetia evals run` has made; see `aetia runs list`")
    return run


@dataclass(frozen=True)
class Refusals:
    """Requests that were refused for good, such as those too long for a model.

    Args:
        count: How many; each has ended its conversation.
        requests: Of how many in all.
        first: What the first refusal says, in one line.
    """

    count: int
    requests: int
    first: str


def refusals(run: Run) -> Refusals | None:
    """Count the refused requests of an evaluation; None if there are none.

    Raises:
        RunError: AE-6006 the run has no replies.
    """
    values = run.values()
    told = [text for text in values["refusal"].to_pylist() if text]
    if not told:
        return None
    requests = sum(len(json.loads(turns)) for turns in values["turns"].to_pylist())
    return Refusals(len(told), requests, clean_text(told[0], 300))
