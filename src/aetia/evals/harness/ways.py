"""Which way of asking does a study mean, and with what to show?"""

from pathlib import Path

from aetia.errors import EvaluationError
from aetia.evals.adaptations import adaptation_named, adaptations, way_of_asking
from aetia.evals.adaptations.material import Material
from aetia.evals.dialogue import Adaptation
from aetia.evals.harness.items import Chosen
from aetia.evals.harness.study import EvaluationStudy
from aetia.evals.item import Item
from aetia.evals.scoring.extraction import extract
from aetia.evals.scoring.extraction import is_right as is_answer_right

__all__ = ["check_scored", "way_named"]


def way_named(name: str, study: EvaluationStudy, chosen: Chosen) -> Adaptation:
    """The adaptation of that name for items of a task.

    Raises:
        EvaluationError: AE-8301 there is none of that name; AE-8302 it needs something that the study does not have.
    """
    return adaptation_named(
        name,
        Material(
            scenario=chosen.task.target.scenario,
            examples=chosen.examples,
            others=chosen.examples,
            relations=None if study.relations is None else Path(study.relations),
            is_right=_is_right,
            tokens=study.tokens,
        ),
    )


def check_scored(name: str, chosen: Chosen) -> None:
    """Whether labels can be scored in place of replies.

    Raises:
        EvaluationError: AE-8604 the way of asking has something written before the answer; AE-8605 items of the task
            have no list of labels.
    """
    if way_of_asking(name).is_written_out:
        direct = ", ".join(way.name for way in adaptations() if not (way.is_written_out or way.is_control))
        found = f"The adaptation {name} has more written than the answer: no label can be scored in its place."
        raise EvaluationError("AE-8604", found, mend=f"leave --scored away, or ask with one of {direct}.")
    without = next((item for item in chosen.items if not item.labels), None)
    if without is not None:
        found = f"{chosen.task.name} is answered by a {without.form}: it has no labels to score."
        raise EvaluationError("AE-8605", found, mend="leave the task out, or leave --scored away.")


def _is_right(item: Item, text: str) -> bool:
    """Whether a reply gives the item's label."""
    return is_answer_right(extract(text, item), item)
