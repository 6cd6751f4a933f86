"""CLADDER's generator sets: causal questions about stories on all three rungs, with the models behind them.

The backgrounds and the models come from the file of models; an item has its model's background before its own text.

Source: Jin et al., CLadder: assessing causal reasoning in language models, NeurIPS 2023, arXiv 2312.04350.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from aetia import scm
from aetia.errors import AetiaError
from aetia.evals.item import Item, Origin
from aetia.evals.published._folder import Row, json_lines, json_rows
from aetia.evals.published._story_engine import story_engine, story_faults
from aetia.evals.published._story_text import direction
from aetia.evals.task import Published, Tags, Target, Task

if TYPE_CHECKING:
    from aetia.runs.keys import JSON

__all__ = ["TASKS"]

_MODELS = "test-model-meta.json"
_DIGESTS = {
    "anti": "a6c880ab41e7525677db52849cb776445653557f249c7bff8b72305b6deb828e",
    "det": "936b733b4fd60fffa30a2d6c12b25fcc66119d23beda95c46928ae5f31e6f854",
    "easy": "fd0d6b73b5e5a5a6d2e494221cad7826225d43e51cd13e9f55cad3dce19495dc",
    "hard": "a7065bd5881683a29585f99a68ddb0ef9c8c4ffb49a69ae14fc31b5813c484ce",
    "non": "af8ab566202f60362366b197ca6b79f44125ef3814355f6c6411ff3d4de6eb67",
}
_MODELS_DIGEST = "1223621dc2d12ea061f4242474638dc6770f3c48aa24eeafdc6118ab3f6b4148"
_ASKS = {
    "anti": "Causal questions about stories against common sense",
    "det": "What would have been, by rules",
    "easy": "Causal questions about stories that agree with common sense",
    "hard": "Causal questions about stories whose numbers are turned around",
    "non": "Causal questions about nonsense words",
}
# Numbers that the question's effect needs and the text does not give.
_MISSING = {
    ("nde", "arrowhead"): "the effect needs P(Y | X, V2, V3); the text gives P(Y | X, V3)",
    ("nie", "arrowhead"): "the effect needs P(Y | X, V2, V3); the text gives P(Y | X, V3)",
    ("ett", "confounding"): "the effect on the treated needs P(V1 | X=1); the text gives P(V1)",
    ("ate", "IV"): "the graph does not identify the effect; the ratio of differences is it in linear models alone",
}
_EFFECTS = {"ate": "ATE(X, Y)", "ett": "ETT(X, Y)", "nde": "NDE(X, Y)", "nie": "NIE(X, Y)"}


def _items(name: str, folder: Path) -> Iterator[Item]:
    models = {row.integer("model_id"): row for row in json_rows(folder / _MODELS)}
    for row in json_lines(folder / f"test-generate-{name}.jsonl"):
        number = row.integer("meta", "model_id")
        if number not in models:
            raise row.wrong(f"there is no model {number}", "meta.model_id")
        yield _item(name, row, models[number])


def _item(name: str, row: Row, model: Row) -> Item:
    kind = row.text("meta", "query_type")
    given = row.get("meta", "given_info")
    facts: dict[str, JSON] = {
        "kind": kind,
        "form": row.text("meta", "graph_id"),
        "graph": model.text("structure").replace(",", "; "),
        "treatment": "X",
        "outcome": "Y",
        "query": _EFFECTS.get(kind, row.text("meta", "formal_form")),
        "model": model.fields("params"),
        "rung": row.integer("meta", "rung"),
    }
    if kind == "det-counterfactual":
        facts["phrases"] = model.fields("variable_mapping")
        facts["evidence"] = given
        facts["asked"] = row.integer("meta", "polarity")
    elif isinstance(given, Mapping):
        facts["given"] = list(given)
    return Item(
        task=f"cladder/{name}",
        context=f"{model.text('background')}\n{row.text('given_info')}",
        question=row.text("question"),
        form="binary",
        label=row.one_of({"yes": "yes", "no": "no"}, "answer"),
        facts=facts,
        cluster=f"cladder:{row.integer('meta', 'model_id')}",
        origin=Origin(f"cladder/test-generate-{name}.jsonl:{row.line}", "MIT"),
    )


def _faults(item: Item) -> tuple[str, ...]:
    kind = str(item.facts["kind"])
    query = _EFFECTS.get(kind)
    if query is None:
        return story_faults(item)
    found = list(story_faults(item))
    missing = _MISSING.get((kind, str(item.facts["form"])))
    if missing:
        found.append(missing)
    exact = _exact(json.dumps(item.facts["model"], sort_keys=True), query)
    if exact is not None:
        answers = {-1: exact < 0, 1: exact > 0}
        if answers[direction(item, kind)] != (item.label == "yes"):
            found.append(f"by the model's own parameters {query} is {exact:+.3f}, which gives the other answer")
    return tuple(found)


@cache
def _exact(parameters: str, query: str) -> float | None:
    """The effect in the model of the given parameters; None if its tables do not determine it."""
    tables = dict[str, object]()
    told = json.loads(parameters)
    for term, numbers in told.items():
        name, _, given = term.removeprefix("p(").removesuffix(")").partition(" | ")
        parents = [one.strip() for one in given.split(",")] if given else []
        tables[name] = (parents, _rows(numbers, len(parents))) if parents else _rows(numbers, 0)
    try:
        return float(scm.answer(scm.DiscreteModel.of(tables), query).value)  # pyright: ignore[reportArgumentType]
    except AetiaError:
        return None


def _rows(numbers: object, depth: int) -> list[object]:
    """A table of chances of 1 as a table of both values; a single chance may stand in a list of one."""
    if depth and isinstance(numbers, Sequence):
        return [_rows(one, depth - 1) for one in numbers]
    chance = numbers[0] if isinstance(numbers, Sequence) else numbers
    return [1 - float(str(chance)), float(str(chance))]


TASKS: tuple[Task, ...] = tuple(
    Task(
        name=f"cladder/{name}",
        asks=f"{_ASKS[name]}?",
        target=Target("counterfactual" if name == "det" else "intervention", "CLADDER", "binary"),
        source=Published(
            "cladder",
            {f"test-generate-{name}.jsonl": digest, _MODELS: _MODELS_DIGEST},
            partial(_items, name),
            "https://github.com/causalNLP/cladder (data)",
            "MIT",
            _faults,
        ),
        chance=1 / 2,
        tags=Tags(("logic",) if name == "det" else ("probability", "graph search"), "text"),
        seeds=("069",),
        citation="Jin et al., CLadder, NeurIPS 2023, arXiv 2312.04350",
        engine=story_engine,
    )
    for name, digest in _DIGESTS.items()
)
