"""Which way of asking does a study mean, and with what to show?"""

from pathlib import Path

from aetia.evals.adaptations import adaptation_named
from aetia.evals.adaptations.material import Material
from aetia.evals.dialogue import Adaptation
from aetia.evals.harness.items import Chosen
from aetia.evals.harness.study import EvaluationStudy
from aetia.evals.item import Item
from aetia.evals.scoring.extraction import extract
from aetia.evals.scoring.extraction import is_right as is_answer_right

__all__ = ["way_named"]


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


def _is_right(item: Item, text: str) -> bool:
    """Whether a reply gives the item's label."""
    return is_answer_right(extract(text, item), item)
