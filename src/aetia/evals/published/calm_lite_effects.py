"""CaLM-lite's questions about effects: what was published, and does it follow from its own text?

Nineteen sets of 100 questions in English and the same in Chinese: ATE, CDE, ETT, NDE and NIE as yes or no (natural), as
a number (basic) and as a number in a larger graph (hard), and bounds of PN and PS (basic, hard). The engine reads the
text that a model is shown, and follows the one rule of the publishers that changes labels: a bound is computed from the
chance under an intervention as it is after rounding to four decimals.

Source: Chen et al., arXiv 2405.00622; github OpenCausaLab/CaLM, calm_lite_dataset.
"""

import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

from aetia.errors import EvaluationError
from aetia.evals.item import Form, Item, Language
from aetia.evals.published._effect_digests import DIGESTS
from aetia.evals.published._effect_texts import read_published
from aetia.evals.published._folder import Row, json_lines
from aetia.evals.published._items import placed
from aetia.evals.task import Published, Rung, Tags, Target, Task
from aetia.evals.tasks._effect_estimands import estimate, four_decimals, label_of

__all__ = ["TASKS"]

_HOME = "https://github.com/OpenCausaLab/CaLM (calm_lite_dataset)"
_LICENCE = "Apache-2.0"
_LANGUAGES: dict[str, Language] = {"EN": "en", "CN": "zh"}
_ANSWERS = {"Yes": "yes", "No": "no", "是": "yes", "否": "no"}
_EDGE = re.compile(r"([A-Z])->([A-Z])")

_NONE_BELOW = Fraction(1, 1000)  # natural effects nearer to zero are keyed as none


def _items(name: str, folder: Path) -> Iterator[Item]:
    for ending, language in _LANGUAGES.items():
        for path in DIGESTS:
            if Path(path).name == f"{name}_{ending}.json":
                for row in json_lines(folder / path):
                    yield placed(_item(row, name, language), row, folder, _LICENCE)


def _item(row: Row, name: str, language: Language) -> Item:
    form = _form(name)
    label = row.one_of(_ANSWERS, "gt_answer") if form == "binary" else _decimals(row.number("gt_answer"))
    number = row.integer("index")
    context = f"{row.text('given_info')}\n{row.text('Background', 'data_info')}".rstrip()
    return Item(
        task=f"calm-lite/{name}",
        context=context,
        question=f"{row.text('Instruction')}\n{row.text('Question')}",
        form=form,
        label=label,
        language=language,
        derivation=tuple(str(step) for step in row.fields("Reason").values()),
        facts={
            "graph": "; ".join(f"{cause} -> {effect}" for cause, effect in _EDGE.findall(_graph(row))),
            "meaning": row.text("Background", "real_world_meaning"),
            "names": row.text("Mode"),
            "published": str(row.get("gt_answer")),
        },
        cluster=f"{name}:{number}",  # the same system and question in both languages
        orbit=f"{name}:{number}",
        variant="base" if language == "en" else f"language={language}",
    )


def _graph(row: Row) -> str:
    return row.text("Background", "graph")


def _form(name: str) -> Form:
    return "binary" if name.endswith("-natural") else "number"


def _decimals(value: float) -> str:
    return f"{round(value, 4) + 0.0:.4f}"  # CaLM compares answers after rounding; zero has no sign


def _kind(name: str) -> str:
    return name.partition("-")[0].lower()


def _engine(kind: str, item: Item) -> str:
    """The answer by the text, with the publishers' rounding."""
    given, question = read_published(item, kind)
    return label_of(question, estimate(given, question, rounds=True))


def _faults(kind: str, item: Item) -> tuple[str, ...]:
    """What is wrong with an item besides its label."""
    found: list[str] = []
    try:
        given, question = read_published(item, kind)
        value, keyed = estimate(given, question), estimate(given, question, rounds=True)
    except EvaluationError as error:
        return (error.found,)
    if four_decimals(value) != four_decimals(keyed):
        exact, rounded = four_decimals(value), four_decimals(keyed)
        found.append(f"the bound is {exact}, and {rounded} only after rounding a step to four decimals")
    if item.form == "binary" and 0 < abs(value) < _NONE_BELOW:
        found.append(f"the effect is {four_decimals(value)}, so near to zero that the publishers key it as none")
    if not given.numbers:
        found.append("no probability is given: of such items all have no effect")
    return tuple(found)


def _task(name: str, asks: str, rung: Rung) -> Task:
    kind, form = _kind(name), _form(name)
    digests = {path: digest for path, digest in DIGESTS.items() if Path(path).name[:-8] == name}
    read: Callable[[Path], Iterator[Item]] = partial(_items, name)
    return Task(
        name=f"calm-lite/{name}",
        asks=asks,
        target=Target(rung, kind.upper(), form, "mathematical"),
        source=Published("calm_lite", digests, read, _HOME, _LICENCE, partial(_faults, kind)),
        chance=0.5 if form == "binary" else 0.0,
        tags=Tags(("graph search", "arithmetic"), "text", "decision" if rung == "intervention" else "explanation"),
        seeds=("069",),
        citation="Chen et al. 2024, Causal Evaluation of Language Models, arXiv 2405.00622",
        engine=partial(_engine, kind),
    )


_EFFECTS: dict[str, tuple[str, Rung]] = {
    "ATE": ("the average effect of setting a variable", "intervention"),
    "CDE": ("the effect of setting a variable while others are held", "intervention"),
    "ETT": ("the effect of a variable where it has a value", "counterfactual"),
    "NDE": ("the direct effect of a variable", "counterfactual"),
    "NIE": ("the effect of a variable through others", "counterfactual"),
}
_BOUNDS = {"PN": "the probability of necessity", "PS": "the probability of sufficiency"}

TASKS: tuple[Task, ...] = (
    *(_task(f"{name}-B_{name}-natural", f"Is {what} positive?", rung) for name, (what, rung) in _EFFECTS.items()),
    *(
        _task(f"{name}-P_{name}-{level}", f"How large is {what}?{graph}", rung)
        for name, (what, rung) in _EFFECTS.items()
        for level, graph in (("basic", ""), ("hard", " In a larger graph."))
    ),
    *(
        _task(f"{name}-P_{name}-{level}", f"What bounds {what}?{graph}", "counterfactual")
        for name, what in _BOUNDS.items()
        for level, graph in (("basic", ""), ("hard", " In a larger graph."))
    ),
)
