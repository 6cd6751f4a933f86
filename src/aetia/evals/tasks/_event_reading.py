"""Which answer does a question about everyday events have, by its text alone?

An independent road to the labels: the sentences are looked up in the activities, and the relations are decided by
d-separation in the causal graph, and what would have been by running the activity anew.
"""

import re

from aetia import scm
from aetia.evals.item import Item, Language
from aetia.evals.tasks._activities import Activity, activities
from aetia.evals.tasks._phrases import phrases, read, unreadable

__all__ = ["read_answer"]

_FAMILY = "events"
_NUMBERED = re.compile(r"[(\[\uff08\uff3b](\d+)[)\]\uff09\uff3d] ?([^(\[\uff08\uff3b]+)")  # full-width brackets too


def read_answer(item: Item) -> str:
    """The label of an item that is worded as the event tasks word theirs.

    Raises:
        EvaluationError: AE-8110 the text cannot be read.
    """
    activity, who, story = _opening(item)
    sentences = {form: _sentences(activity, form, item.language, who) for form in ("told", "not", "still")}
    told = sentences["told"]
    if item.form == "choice":
        return _choice(item, activity, who, sentences)
    if story is not None:
        numbered = dict(_NUMBERED.findall(story))
        first, second = (told[numbered[number].strip()] for number in re.findall(r"\d+", item.question)[:2])
        is_related = _is_effect(activity, first, second) or _is_effect(activity, second, first)
        return "yes" if is_related else "no"
    if item.form == "binary":
        found = _read("binary", item)
        return "yes" if _is_effect(activity, told[found["premise"]], told[found["hypothesis"]]) else "no"
    found = _read("explain", item)
    mediator = _mediator(activity, told[found["cause"]], told[found["effect"]])
    return next(sentence for sentence, name in told.items() if name == mediator)


def _opening(item: Item) -> tuple[Activity, str, str | None]:
    """The activity, who does it, and the narrative if there is one."""
    for activity in activities():
        for name in ("context", "story"):
            for template in phrases(_FAMILY, item.language)[name]:
                found = read(template.replace("{doing}", activity.doing[item.language]), item.context)
                if found:
                    return activity, found["who"], found.get("story")
    raise unreadable(item.context)


def _sentences(activity: Activity, form: str, language: Language, who: str) -> dict[str, str]:
    return {event.said(form, language, who): event.name for event in activity.events}


def _read(name: str, item: Item) -> dict[str, str]:
    for template in phrases(_FAMILY, item.language)[name]:
        found = read(template, item.question)
        if found:
            return found
    raise unreadable(item.question)


def _choice(item: Item, activity: Activity, who: str, sentences: dict[str, dict[str, str]]) -> str:
    for wording in range(len(phrases(_FAMILY, item.language)["if"])):
        asked = {event.said("if", item.language, who, wording): event.name for event in activity.events}
        if item.question in asked:
            happened = _without(activity, asked[item.question])
            true = [
                sentences["still"][option] in happened
                if option in sentences["still"]
                else sentences["not"][option] not in happened
                for option in item.options
            ]
            return str(1 + true.index(True)) if sum(true) == 1 else ""
    for name in ("cause", "effect"):
        for template in phrases(_FAMILY, item.language)[name]:
            found = read(template, item.question)
            if found and found["premise"] in sentences["told"]:
                premise = sentences["told"][found["premise"]]
                options = [sentences["told"][option] for option in item.options]
                ways = [(one, premise) if name == "cause" else (premise, one) for one in options]
                true = [_is_effect(activity, first, second) for first, second in ways]
                return str(1 + true.index(True)) if sum(true) == 1 else ""
    raise unreadable(item.question)


def _is_effect(activity: Activity, first: str, second: str) -> bool:
    """Whether the second depends on the first when the first's direct causes, a back-door set, are held."""
    graph = scm.graph_from_text(activity.graph)
    held = graph.parents[first]
    return second not in held and not scm.separated(graph, first, second, held)


def _without(activity: Activity, missing: str) -> set[str]:
    """What happens if one event does not, though all that happens by itself does."""
    happened: set[str] = set()
    for event in activity.events:
        if event.name != missing and happened.issuperset(event.causes):
            happened.add(event.name)
    return happened


def _mediator(activity: Activity, cause: str, effect: str) -> str:
    """The one event without which the cause would not have its effect."""
    graph = scm.graph_from_text(activity.graph)
    between = graph.descendants([cause]) & graph.ancestors([effect]) - {cause, effect}
    blocking = [one for one in between if scm.separated(graph, cause, effect, {one, *graph.parents[cause]})]
    return blocking[0] if len(blocking) == 1 else ""
