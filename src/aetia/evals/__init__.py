"""Do models reason causally? Items with exact labels, ways of asking, answerers, and scores.

Names are imported when they are first used, so that nothing here loads torch before a model is asked.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aetia.evals.adaptations import Material, adaptation_named
    from aetia.evals.adaptations import adaptations as all_adaptations
    from aetia.evals.answerers.cache import ReplyCache, cached
    from aetia.evals.answerers.endpoint import EndpointAnswerer, EndpointSettings
    from aetia.evals.answerers.local import LocalAnswerer
    from aetia.evals.audit import audit as audit_of
    from aetia.evals.conformance import faults_of
    from aetia.evals.dialogue import Message, Reply, Request
    from aetia.evals.harness.asking import ask
    from aetia.evals.harness.comparing import compared
    from aetia.evals.harness.evaluating import evaluate
    from aetia.evals.harness.exporting import export
    from aetia.evals.harness.scored import scored
    from aetia.evals.harness.study import EvaluationStudy
    from aetia.evals.item import Item, item_from_record
    from aetia.evals.scoring.comparison import compare
    from aetia.evals.scoring.errors import read_errors
    from aetia.evals.scoring.extraction import extract, is_right
    from aetia.evals.scoring.scores import scores
    from aetia.evals.task import (
        Generator,
        Solution,
        Style,
        Tags,
        Target,
        Task,
        Wording,
        generated,
        orbit,
        task_named,
    )
    from aetia.evals.task import tasks as all_tasks

__all__ = [
    "EndpointAnswerer",
    "EndpointSettings",
    "EvaluationStudy",
    "Generator",
    "Item",
    "LocalAnswerer",
    "Material",
    "Message",
    "Reply",
    "ReplyCache",
    "Request",
    "Solution",
    "Style",
    "Tags",
    "Target",
    "Task",
    "Wording",
    "adaptation_named",
    "all_adaptations",
    "all_tasks",
    "ask",
    "audit_of",
    "cached",
    "compare",
    "compared",
    "evaluate",
    "export",
    "extract",
    "faults_of",
    "generated",
    "is_right",
    "item_from_record",
    "orbit",
    "read_errors",
    "scored",
    "scores",
    "task_named",
]

_HOMES = {
    "adaptations": ("Material", "adaptation_named"),
    "answerers.cache": ("ReplyCache", "cached"),
    "answerers.endpoint": ("EndpointAnswerer", "EndpointSettings"),
    "answerers.local": ("LocalAnswerer",),
    "conformance": ("faults_of",),
    "dialogue": ("Message", "Reply", "Request"),
    "harness.asking": ("ask",),
    "harness.comparing": ("compared",),
    "harness.evaluating": ("evaluate",),
    "harness.exporting": ("export",),
    "harness.scored": ("scored",),
    "harness.study": ("EvaluationStudy",),
    "item": ("Item", "item_from_record"),
    "scoring.comparison": ("compare",),
    "scoring.errors": ("read_errors",),
    "scoring.extraction": ("extract", "is_right"),
    "scoring.scores": ("scores",),
    "task": (
        "Generator",
        "Solution",
        "Style",
        "Tags",
        "Target",
        "Task",
        "Wording",
        "generated",
        "orbit",
        "task_named",
    ),
}

# These three have the names of modules that lie in this package, and go by others here.
_OTHERWISE = {
    "all_adaptations": ("adaptations", "adaptations"),
    "all_tasks": ("task", "tasks"),
    "audit_of": ("audit", "audit"),
}

_PLACES = {name: (home, name) for home, names in _HOMES.items() for name in names} | _OTHERWISE


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module 'aetia.evals' has no attribute {name!r}")
    home, known = _PLACES[name]
    value = getattr(import_module(f"aetia.evals.{home}"), known)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
