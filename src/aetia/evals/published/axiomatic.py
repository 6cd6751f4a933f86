"""The tests of axiomatic training: does one variable cause another, and do given ones separate two?

Names are random signs, drawn without looking whether one was drawn before; where one stands twice, a chain may close to
a cycle, or a question asks whether a variable causes itself.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from aetia.evals.item import Item
from aetia.evals.published._folder import json_lines
from aetia.evals.published._items import placed
from aetia.evals.task import Published, Tags, Target, Task
from aetia.evals.tasks._formal_words import pattern_of, unreadable, wordings
from aetia.evals.tasks.axioms import edges_from_text, separation_from_text

_HOME = "https://github.com/AniketVashishtha/Causal_Axioms"
_WORDS = wordings("axioms")[0]
_FILES = {
    "transitivity.jsonl": "ea567fdbedbb2e24d61359d4b09fe16bba6b939a3590966adb6c98471b27c839",
    "dseparation.jsonl": "03808a45dc84b002ea6a37cfae3faa03da01706abcb0bcd97468aeb14fdfeb1a",
}
_SUBSETS = {
    "transitivity-chain": ("simple_linear_long/", "Whether one variable of a chain causes another."),
    "transitivity-flipped": ("complex_linear_/", "The same, in a chain whose arrows point either way."),
    "transitivity-branching": ("branching_transitivity/", "Whether one variable causes another in a branched graph."),
    "transitivity-reversal": ("test_data_reversal_", "Whether one variable causes another in a chain told backwards."),
    "d-separation": ("dsep_eval_", "Whether given variables separate two others."),
}
_CITATION = "Vashishtha et al., Teaching Transformers Causal Reasoning through Axiomatic Training, ICML 2025"


def _read(subset: str, folder: Path) -> Iterator[Item]:
    name = "dseparation.jsonl" if subset == "d-separation" else "transitivity.jsonl"
    for row in json_lines(folder / name):
        if not row.text("file").startswith(_SUBSETS[subset][0]):
            continue
        first, second = row.text("x"), row.text("y")
        if subset == "d-separation":
            given = _WORDS["and"].join(row.texts("given")) or _WORDS["nothing"]
            question = _WORDS["separation"].format(first=first, second=second, given=given)
        else:
            question = _WORDS["transitivity"].format(first=first, second=second)
        item = Item(
            task=f"axiomatic/{subset}",
            context=row.text("premise"),
            question=question,
            form="binary",
            label=row.one_of({"Yes": "yes", "No": "no"}, "answer"),
            facts={"treatment": first, "outcome": second, "file": row.text("file")},
            cluster=f"axiomatic:{row.text('premise')}",
        )
        yield placed(item, row, folder, "")


def transitivity_as_told(item: Item) -> str:
    """Answer whether arrows lead from one variable to another, in one step at least, be there cycles or not.

    Raises:
        EvaluationError: AE-8110 the text is in none of the known wordings.
    """
    _, edges = edges_from_text(item)
    asked = pattern_of(_WORDS["transitivity"]).fullmatch(item.question)
    if asked is None:
        raise unreadable(item, "its question asks for nothing that is known")
    found: set[str] = set()
    waiting = [asked["first"]]
    while waiting:
        here = waiting.pop()
        fresh = {effect for cause, effect in edges if cause == here} - found
        found |= fresh
        waiting += fresh
    return "yes" if asked["second"] in found else "no"


def faults(item: Item) -> tuple[str, ...]:
    """What is wrong with the graph or the question, besides the label."""
    _, edges = edges_from_text(item)
    first, second = str(item.facts["treatment"]), str(item.facts["outcome"])
    named = {name for edge in edges for name in edge}
    found: list[str] = []
    if first == second:
        found.append("it asks of a variable whether it causes itself")
    if not {first, second} <= named:
        found.append("it asks about a variable that the text does not name")
    if _has_cycle(edges):
        found.append("the arrows close a cycle")
    if any(cause == effect for cause, effect in edges):
        found.append("a variable is said to cause itself")
    if max(Counter(edges).values()) > 1:
        found.append("an arrow is told twice")
    is_line = not any(part in str(item.facts["file"]) for part in ("branching_transitivity", "branching_factor"))
    if is_line and len(named) <= len(edges):
        found.append("one name stands for two variables of the chain")
    return tuple(found)


def _has_cycle(edges: list[tuple[str, str]]) -> bool:
    left = set(edges)
    while left:
        effects = {effect for _, effect in left}
        kept = {edge for edge in left if edge[0] in effects}
        if kept == left:
            return True
        left = kept
    return False


TASKS: tuple[Task, ...] = tuple(
    Task(
        name=f"axiomatic/{subset}",
        asks=asks,
        target=Target("discovery", "AXIOM", "binary", "symbolic"),
        source=Published("axiomatic", _FILES, partial(_read, subset), _HOME, "", faults),
        chance=0.5,
        tags=Tags(("graph search",), "text", "reasoning"),
        seeds=("065",),
        citation=_CITATION,
        engine=separation_from_text if subset == "d-separation" else transitivity_as_told,
    )
    for subset, (_, asks) in _SUBSETS.items()
)
