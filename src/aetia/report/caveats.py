"""What does this result not show?"""

from collections.abc import Sequence
from dataclasses import dataclass

from aetia.catalogue import calibration_of
from aetia.effects.nulls import NULLS
from aetia.report.evidence import Evidence
from aetia.report.sentences import NOT_INTERVENTIONS, of_sites, task_of
from aetia.report.verdicts import null_words
from aetia.report.wording import READINGS, wording
from aetia.text import clean_text

__all__ = ["Caveat", "caveats"]


@dataclass(frozen=True)
class Caveat:
    """A limit of the result: a few words, and why."""

    title: str
    text: str


def caveats(evidence: Evidence) -> list[Caveat]:
    """Return what this result does not show, the gravest first, said for this run and not in general."""
    methods = list(dict.fromkeys(row.method for row in evidence.rows))
    found = [*_about_the_run(evidence), *_about_the_sample(evidence), *_about_chance(evidence)]
    found += _about_the_instrument(evidence)
    for method in methods:
        if method not in NOT_INTERVENTIONS:
            how = wording(method, evidence.direction)
            found.append(Caveat(f"{how.title} has its own limits", how.caveat))
    found.append(
        Caveat(
            "Effects are those of this contrast",
            "A clean and a corrupted prompt differ in one thing; what they share is invisible here. Another corruption "
            "of the same prompts asks another question and can point at other parts.",
        )
    )
    found += _about_readings(methods)
    if any(row.method not in NOT_INTERVENTIONS for row in evidence.rows):
        found.append(
            Caveat(
                "One site at a time",
                "Sites are set one by one. Effects do not add up to the total, and two parts that stand in for each "
                "other can both look idle.",
            )
        )
    return found


def _about_the_run(evidence: Evidence) -> list[Caveat]:
    manifest = evidence.manifest
    found: list[Caveat] = []
    if manifest is not None and manifest.status != "complete":
        text = f"The run is {manifest.status}; every number covers only what was computed until then."
        found.append(Caveat("It is not finished", text))
    if manifest is not None and manifest.failed:
        count = len(manifest.failed)
        noun = "batch" if count == 1 else "batches"
        text = f"{count} {noun} could not be computed. The cells they belong to rest on fewer items: their n is lower."
        found.append(Caveat("Some of it failed", text))
    if task_of(evidence.rows).is_done is False:
        text = (
            "Its preference for the answer cannot be told from chance, or the corruption does not take it away. "
            "Sites can move the outcome all the same, but they do not explain an ability that is not there."
        )
        found.append(Caveat("The model is not shown to do the task", text))
    missing = sum(not row.is_number for row in of_sites(evidence.rows))
    if missing:
        text = f"{missing:,} cells have no number; they are hatched in the maps and left out of every sentence."
        found.append(Caveat("Some cells are empty", text))
    return found


def _about_the_sample(evidence: Evidence) -> list[Caveat]:
    count, units = max((row.n for row in evidence.rows), default=0), evidence.units
    if count == 1:
        one = units.removesuffix("s")
        text = (
            f"There is one {one}, so nothing can be said about any other prompt; intervals need at least two {units}."
        )
        return [Caveat(f"One {one} is an anecdote", text)]
    if 1 < count < 10:
        text = f"With {count} {units} a bootstrap interval covers less often than it says. Use at least 20."
        return [Caveat(f"Few {units}", text)]
    made = f"these {count} were made" if units == "items" else f"those of these {count} clusters were made"
    text = f"The intervals speak of prompts made the way {made}, not of the ability in general."
    return [Caveat("Other prompts may differ", text)] if count else []


def _about_chance(evidence: Evidence) -> list[Caveat]:
    cells = of_sites(evidence.rows)
    if not cells:
        return []
    tested = [row for row in cells if row.is_tested]
    if not tested:
        text = (
            f"No cell has been tested against chance: the columns null, p and q are empty. {len(cells):,} cells were "
            "looked at, so the strongest are in part those that were lucky; their estimates are likely to be too "
            f"large. {evidence.why_untested}"
        )
        return [Caveat("Nothing here is claimed to be significant", text.strip())]
    null = null_words(tested[0].null or "its null")
    claim = NULLS.get((tested[0].null or "").partition(":")[0], ("", ""))[1]
    against = f"{null} speaks against the claim that {claim}, and against no other" if claim else f"{null} is one null"
    found = [
        Caveat(
            "To pass rules out one alternative",
            f"A cell that passes against {against}. Another null asks another question: `--null` names it.",
        ),
        Caveat(
            "Pale is not idle",
            f"A cell that does not pass may matter all the same; {max(row.n for row in tested)} {evidence.units} and a "
            f"correction for {len(cells):,} cells show only what is large and even over {evidence.units}.",
        ),
    ]
    if any(row.passes for row in tested):
        text = "What passes was chosen for being large among many, so its estimates are likely to be too large."
        found.append(Caveat("The strongest are in part lucky", text))
    return found


def _about_the_instrument(evidence: Evidence) -> list[Caveat]:
    """What calibration says of the instrument, its shortfalls included."""
    name = evidence.study.get("instrument")
    if not isinstance(name, str):
        return []
    known = calibration_of(name)
    if known == "uncalibrated":
        text = "It has not been run where the answer is known: how often it errs is not measured."
        return [Caveat("The instrument is uncalibrated", text)]
    method = evidence.study.get("method")
    asked = f"This study's way is {clean_text(method, 40)}. " if isinstance(method, str) else ""
    text = (
        f"{asked}Ways of the instrument that were run where the answer is known, and what they do not reach: {known}."
    )
    return [Caveat("How far the instrument can be trusted", text)]


def _about_readings(methods: Sequence[str]) -> list[Caveat]:
    titles = {"logit_lens": "The logit lens is a reading", "direct": "Direct attribution is a decomposition"}
    return [Caveat(title, READINGS[name].caveat) for name, title in titles.items() if name in methods]
