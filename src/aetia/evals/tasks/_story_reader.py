"""What does a generated story say, and what follows from it?

The text is read back by its templates; numbers are compared as fractions, graphs and rules are given to `aetia.scm`.
"""

from fractions import Fraction
from itertools import product

from aetia import scm
from aetia.evals.item import Item
from aetia.evals.tasks._graph_words import unreadable
from aetia.evals.tasks._story_words import StoryWords, Told, read, read_every, read_story
from aetia.scm.actual import Setting, is_actual_cause

__all__ = ["story_engine"]


def story_engine(item: Item) -> str:
    """The answer to a generated story, from its text.

    Raises:
        EvaluationError: AE-8110 the text cannot be read, or leaves the answer open.
    """
    kind = item.task.partition("/")[2]
    words, told = read_story(kind, item)
    if kind == "det-counterfactual":
        return _yes_no(_would_be(item, words, told))
    if kind == "actual-causality":
        return _yes_no(_was_cause(item, words, told))
    asked, is_more = _asked(item, words)
    if kind == "backadj":
        return _yes_no(_is_first_better(words, told, asked) == is_more)
    if kind == "collider-bias":
        graph = _graph(words, told)
        return _yes_no((asked["x"] in graph.ancestors([asked["y"]])) == is_more)
    return _yes_no((_difference(kind, told, asked) > 0) == is_more)


def _yes_no(holds: bool) -> str:
    return "yes" if holds else "no"


def _asked(item: Item, words: StoryWords) -> tuple[Told, bool]:
    for name in ("more", "less"):
        found = read(words[name], item.question)
        if found is not None:
            return found, name == "more"
    raise unreadable(item.question)


def _graph(words: StoryWords, told: Told) -> scm.Graph:
    return scm.Graph.of((one["cause"], one["effect"]) for one in read_every(words["edge"], told["edges"]))


def _difference(kind: str, told: Told, asked: Told) -> Fraction:
    number = {name: Fraction(text) / 100 for name, text in told.items() if text.isdecimal()}
    if kind == "explaining-away":
        if (asked["x"], asked["y"], asked["c"]) != (told["x"], told["y"], told["c"]):
            raise unreadable(asked["x"])
        return number["p11"] - number["p01"]
    if (asked["x"], asked["y"]) != (told["x"], told["y"]):
        raise unreadable(asked["x"])
    return number["both"] / number["share"] - number["without"] / (1 - number["share"])


def _is_first_better(words: StoryWords, told: Told, asked: Told) -> bool:
    graph = _graph(words, told)
    verdicts = list[bool]()
    for place in ("first", "second"):
        strata = read(words["strata"], told[place])
        if strata is None and read(words["whole"], told[place]) is None:
            raise unreadable(told[place])
        chosen = [strata["z"]] if strata else []
        verdicts.append(scm.is_adjustment_set(graph, asked["x"], asked["y"], chosen))
    if verdicts[0] == verdicts[1]:
        raise unreadable(told["first"])
    return verdicts[0]


def _literal(words: StoryWords, text: str) -> tuple[str, int]:
    for value, name in ((0, "no"), (1, "yes")):
        found = read(words[name], text)
        if found is not None and found["name"].isidentifier():
            return found["name"], value
    raise unreadable(text)


def _model(words: StoryWords, told: Told) -> scm.DiscreteModel:
    lines = list[str]()
    for rule in read_every(words["rule"], told["rules"]):
        sign = "and" if words["and"] in rule["causes"] else "or"
        causes = [_literal(words, one) for one in rule["causes"].split(words[sign])]
        body = f" {sign} ".join(name if value else f"not {name}" for name, value in causes)
        lines.append(f"{rule['effect']} = {body}")
    return scm.model_from_equations("; ".join(lines))


def _case(words: StoryWords, told: Told) -> dict[str, int]:
    return dict(_literal(words, one) for one in told["facts"].split(words["list"]))


def _question(item: Item, words: StoryWords) -> tuple[tuple[str, int], tuple[str, int]]:
    found = read(words["asked"], item.question)
    if found is None:
        raise unreadable(item.question)
    return _literal(words, found["action"]), _literal(words, found["event"])


def _would_be(item: Item, words: StoryWords, told: Told) -> bool:
    model, facts = _model(words, told), _case(words, told)
    (name, value), (outcome, wanted) = _question(item, words)
    roots = [one for one in model.graph.order if not model.graph.parents[one]]
    known = {one: what for one, what in facts.items() if one in model.graph.nodes}
    found = set[bool]()
    for values in product((0, 1), repeat=len(roots)):
        setting = Setting(model, dict(zip(roots, values, strict=True)))
        if all(setting.actual[one] == what for one, what in known.items()):
            found.add(setting.under({name: value})[outcome] == wanted)
    if len(found) != 1:
        raise unreadable(item.context)
    return found.pop()


def _was_cause(item: Item, words: StoryWords, told: Told) -> bool:
    model, facts = _model(words, told), _case(words, told)
    (name, value), (outcome, wanted) = _question(item, words)
    roots = [one for one in model.graph.order if not model.graph.parents[one]]
    setting = Setting(model, {one: facts[one] for one in roots})
    return is_actual_cause(setting, {name: value}, {outcome: wanted}, "modified").holds
