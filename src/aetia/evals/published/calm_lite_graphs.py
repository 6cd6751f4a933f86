"""CaLM-lite's questions about graphs and those that CaLM took from CLADDER, in English and Chinese.

Source: Chen et al., arXiv 2405.00622; github OpenCausaLab/CaLM, calm_lite_dataset.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from aetia import scm
from aetia.evals.item import Item, Language, Origin
from aetia.evals.published._calm_digests import DIGESTS
from aetia.evals.published._folder import Row, json_lines
from aetia.evals.published._story_engine import story_engine, story_faults
from aetia.evals.task import Published, Rung, Tags, Target, Task
from aetia.evals.tasks._graph_engine import holds, right_options
from aetia.evals.tasks._graph_words import unreadable

if TYPE_CHECKING:
    from aetia.runs.keys import JSON

__all__ = ["TASKS"]

_HOME = "https://github.com/OpenCausaLab/CaLM (calm_lite_dataset)"

# CaLM's graph files have no question of their own; its prompts ask in these words.
_PROMPTS: Mapping[str, Mapping[str, str]] = json.loads(
    (Path(__file__).parent / "calm_lite_prompts.json").read_text(encoding="utf-8")
)
_PAIRS = {
    "ar": ("ar_edges", "former", "latter"),
    "ca-fa": ("edges", "sampled_ancestor", "attribution"),
    "ca-fp": ("edges", "sampled_parent", "attribution"),
    "cei": ("di_edges", "treatment", "outcome"),
}


def _graph_items(kind: str, name: str, folder: Path) -> Iterator[Item]:
    for path in _paths(name):
        language: Language = "zh" if path.endswith("_CN.json") else "en"
        for row in json_lines(folder / path):
            yield _graph_item(kind, f"calm-lite/{name}", path, language, row)


def _paths(name: str) -> list[str]:
    return sorted((path for path in DIGESTS if Path(path).stem.rpartition("_")[0] == name), reverse=True)


def _graph_item(kind: str, task: str, path: str, language: Language, row: Row) -> Item:
    edges, first, second = _PAIRS.get(kind, ("edges", "treatment", "outcome"))
    prompts = _PROMPTS[language]
    context = prompts["given"].format(row.text(edges))
    if kind == "cei":
        context += prompts["hidden"].format(row.text("bi_edges"))
    cause, effect = row.text(first), row.text(second)
    is_choice = row.has("option1")
    known = {"1": "1", "2": "2", "3": "3"} if is_choice else {"0": "no", "1": "yes", "no": "no", "yes": "yes"}
    return Item(
        task=task,
        context=context,
        question=prompts[kind].format(cause, effect),
        form="choice" if is_choice else "binary",
        label=row.one_of(known, "gt_answer"),
        options=tuple(row.text(f"option{number}") for number in (1, 2, 3)) if is_choice else (),
        language=language,
        facts={"graph": _notation(row, edges), "treatment": cause, "outcome": effect, "query": _query(kind)},
        cluster=f"{Path(path).stem[:-3]}:{row.integer('index')}",
        origin=Origin(f"calm_lite/{path}:{row.line}", "Apache-2.0"),
    )


_ASKED = {"ar": "cause", "ca-fa": "ancestor", "ca-fp": "parent"}


def _query(kind: str) -> str:
    return _ASKED.get(kind, "P(Y | do(X))")


def _notation(row: Row, edges: str) -> str:
    arcs = re.findall(r"(\w) ?(?:and|和) ?(\w)", row.text("bi_edges")) if row.has("bi_edges") else []
    arrows = _arrows(row.text(edges))
    return "; ".join([*(f"{a} -> {b}" for a, b in arrows), *(f"{a} <-> {b}" for a, b in arcs)])


def _arrows(text: str) -> list[tuple[str, str]]:
    return re.findall(r"([A-Z]) ?(?:causes|导致) ?([A-Z])", text)


def _read(item: Item) -> tuple[scm.Graph, str, str]:
    """The graph and the pair, from the text."""
    edges, _, hidden = item.context.partition("\n")
    arrows = _arrows(edges)
    arcs = re.findall(r"([A-Z]) ?(?:and|和) ?([A-Z])", hidden)
    names = re.findall(r"(?<![A-Za-z])([A-Z])(?![A-Za-z])", item.question)
    if not arrows or len(names) != 2:
        raise unreadable(item.context + item.question)
    offered = re.findall(r"[A-Z]", " ".join(item.options))
    nodes = sorted({*names, *offered, *(name for pair in arrows for name in pair)})
    return scm.Graph.of(arrows, arcs, nodes=nodes), *names


def _graph_engine(kind: str, item: Item) -> str:
    graph, cause, effect = _read(item)
    if item.options:
        right = _right(kind, item)
        if len(right) > 1:
            raise unreadable(item.question, f"options {', '.join(map(str, right))} are all right")
        return str(right[0]) if right else "none"
    if kind == "cei" and cause == effect:
        raise unreadable(item.question)  # what a variable does to itself is no effect
    return "yes" if holds(kind, graph, cause, effect) else "no"


def _right(kind: str, item: Item) -> tuple[int, ...]:
    graph, cause, effect = _read(item)
    if cause == effect:
        raise unreadable(item.question)
    return right_options(kind, graph, cause, effect, _sets(item))


def _sets(item: Item) -> list[list[str]]:
    return [re.findall(r"[A-Z]", option) for option in item.options]


def _graph_faults(kind: str, item: Item) -> tuple[str, ...]:
    graph, cause, effect = _read(item)
    if cause == effect:
        return ("the treatment is the outcome" if kind not in _RELATIONS else "a variable is asked about itself",)
    if not item.options:
        return ()
    found, right = list[str](), _right(kind, item)
    if len(right) > 1:
        found.append(f"options {', '.join(map(str, right))} are all right")
    if not right:
        found.append("no option is right")
    if cause not in graph.ancestors([effect]):
        found.append("the treatment does not act on the outcome")
    keyed = _sets(item)[int(item.label) - 1]
    if kind == "bas-min" and _smaller(graph, cause, effect, keyed):
        found.append("the keyed set is not minimal: a part of it satisfies the criterion")
    if kind == "bas-max" and int(item.label) in right and _larger(graph, cause, effect, keyed):
        found.append("the keyed set is not maximal: a larger set that holds it satisfies the criterion")
    if len({frozenset(one) for one in _sets(item)}) < len(item.options):
        found.append("two options are the same set")
    return tuple(found)


_RELATIONS = frozenset({"ar", "ca-fa", "ca-fp"})


def _smaller(graph: scm.Graph, cause: str, effect: str, chosen: list[str]) -> bool:
    return any(scm.is_adjustment_set(graph, cause, effect, set(chosen) - {one}) for one in chosen)


def _larger(graph: scm.Graph, cause: str, effect: str, chosen: list[str]) -> bool:
    """Whether all that the treatment does not act on, which holds every back-door set, is more than the chosen set."""
    return len(set(graph.nodes) - graph.descendants([cause]) - {cause, effect}) > len(set(chosen))


def _story_items(kind: str, name: str, folder: Path) -> Iterator[Item]:
    for path in _paths(name):
        language: Language = "zh" if path.endswith("_CN.json") else "en"
        for row in json_lines(folder / path):
            yield _story_item(kind, f"calm-lite/{name}", path, language, row)


def _story_item(kind: str, task: str, path: str, language: Language, row: Row) -> Item:
    context = row.text("given_info")
    if language == "zh":
        context = f"{row.text('background')}\n{context}"
    facts: dict[str, JSON] = {
        "kind": kind,
        "form": row.text("meta", "graph_id"),
        "treatment": row.text("meta", "treatment"),
        "outcome": row.text("meta", "outcome"),
        "query": row.text("meta", "formal_form"),
    }
    given = row.get("meta", "given_info")
    if isinstance(given, Mapping) and kind in {"correlation", "exp_away"}:
        facts["given"] = list(given)
    return Item(
        task=task,
        context=context,
        question=row.text("question"),
        form="binary",
        label=row.one_of({"yes": "yes", "no": "no"}, "gt_answer"),
        language=language,
        facts=facts,
        cluster=f"{Path(path).stem[:-3]}:{row.integer('index')}",
        origin=Origin(f"calm_lite/{path}:{row.line}", "Apache-2.0"),
    )


def _task(  # the columns of a table
    name: str,
    asks: str,
    rung: Rung,
    items: Callable[[Path], Iterator[Item]],
    engine: Callable[[Item], str],
    faults: Callable[[Item], tuple[str, ...]],
) -> Task:
    is_choice = "-C_" in name
    scenario = name.partition("-")[0]
    is_story = name in _STORIES
    return Task(
        name=f"calm-lite/{name}",
        asks=asks,
        target=Target(rung, scenario, "choice" if is_choice else "binary", "natural" if is_story else "symbolic"),
        source=Published(
            "calm_lite", {path: DIGESTS[path] for path in _paths(name)}, items, _HOME, "Apache-2.0", faults
        ),
        chance=1 / 3 if is_choice else 1 / 2,
        tags=Tags(("probability",) if is_story else ("graph search",), "text"),
        seeds=("069",),
        citation="Chen et al., Causal Evaluation of Language Models, arXiv 2405.00622",
        engine=engine,
    )


_GRAPHS: dict[str, tuple[str, str, Rung]] = {
    "AR-B_CaLM-AR": ("ar", "Does one variable of a graph cause another?", "discovery"),
    "CA-B_FA": ("ca-fa", "Is one variable of a graph an ancestor of another?", "discovery"),
    "CA-B_FP": ("ca-fp", "Is one variable of a graph a parent of another?", "discovery"),
    "BAS-C_max-BAS": ("bas-max", "Which set is the maximal back-door set?", "intervention"),
    "BAS-C_min-BAS": ("bas-min", "Which set is the minimal back-door set?", "intervention"),
    "BAS-C_mix-BAS": ("bas-mix", "Which set is a back-door set?", "intervention"),
    "FAS-C_FAS": ("fas", "Which set is a front-door set?", "intervention"),
    "IV-C_CaLM-IV": ("iv", "Which set is one of instruments?", "intervention"),
    **{
        f"CEI-B_{share}-UC": ("cei", f"Is an effect identified, with a share of {share} confounded?", "intervention")
        for share in ("0.2", "0.4", "0.6", "0.8")
    },
}
_STORIES: dict[str, tuple[str, str, Rung]] = {
    "CORR-B_correlation": ("correlation", "Does seeing one thing make another likelier?", "association"),
    "EAE-B_exp-away": ("exp_away", "Does one cause explain another away?", "association"),
    "CB-B_collider-bias": ("collider_bias", "Does a correlation among the selected show an effect?", "intervention"),
    "BAS-B_backadj": ("backadj", "Is it right to compare case by case?", "intervention"),
    "CR-B_det-counterfactual": ("det-counterfactual", "What would have been, by rules?", "counterfactual"),
}

TASKS: tuple[Task, ...] = (
    *(
        _task(
            name,
            asks,
            rung,
            partial(_graph_items, kind, name),
            partial(_graph_engine, kind),
            partial(_graph_faults, kind),
        )
        for name, (kind, asks, rung) in _GRAPHS.items()
    ),
    *(
        _task(name, asks, rung, partial(_story_items, kind, name), story_engine, story_faults)
        for name, (kind, asks, rung) in _STORIES.items()
    ),
)
