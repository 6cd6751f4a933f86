"""VQA-Causal and VCR-Causal: of two sentences about a picture, which has cause and effect the right way round?"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from aetia.evals.item import Item
from aetia.evals.published._folder import Row, csv_rows
from aetia.evals.published._items import ordered, placed
from aetia.evals.task import Published, Tags, Target, Task

_HOME = "https://github.com/limenlp/CausalVLM"
_DIGESTS = {
    "vqa_causal.csv": "e615252ebbdc1a5752c6fc160a8344d3ffa6b2ff5967bd7941bab28977966388",
    "vcr_causal.csv": "db3651f907a4bd9512a63480c2c0b692a05d1250ca01e8e98be67219c5d14d20",
    "multichoice.csv": "1144f38f2a7d789141e2834e8ff51453760b40955a87668e0b2171dca40b7060",
}
_COLUMNS = ("image_id", "state", "reason", "distractor 1", "distractor 2")
_ASKED = "Which sentence has cause and effect the right way round?"
_LINK = " is due to "


def _orders(name: str, file: str, folder: Path) -> Iterator[Item]:
    for row in csv_rows(folder / file):
        right, wrong = row.text("sentence"), row.text("reverse_sentence")
        yield placed(_item(row, name, right, wrong), row, folder, "")


def _contents(name: str, file: str, folder: Path) -> Iterator[Item]:
    for row in csv_rows(folder / file, _COLUMNS):
        for right, wrong in (("state", "distractor 1"), ("reason", "distractor 2")):
            yield placed(_item(row, name, row.text(right), row.text(wrong)), row, folder, "", right)


def _item(row: Row, name: str, right: str, wrong: str) -> Item:
    question = "Which sentence is true of the picture?"
    options, label = ordered(right, [wrong])
    facts = {"image": row.text("image_id"), "right": right, "wrong": wrong}
    cluster = f"{name}:{row.text('image_id')}"
    return Item(name, "", question, "choice", label, options, facts=facts, cluster=cluster)


def reversal_faults(item: Item) -> tuple[str, ...]:
    """What is wrong with two sentences that should differ in their order only."""
    right, wrong = str(item.facts["right"]), str(item.facts["wrong"])
    faults: list[str] = []
    if _words(right) == _words(wrong):
        faults.append("both sentences are the same")
    for which, sentence in (("right", right), ("reversed", wrong)):
        if _LINK not in sentence:
            faults.append(f"the {which} sentence has no{_LINK}in it".replace("  ", " "))
        elif sentence.count(_LINK) > 1:
            faults.append(f"the {which} sentence has{_LINK}in it more than once".replace("  ", " "))
    cause, effect = _words(right.partition(_LINK)[2]), _words(right.partition(_LINK)[0])
    first, second = _words(wrong.partition(_LINK)[0]), _words(wrong.partition(_LINK)[2])
    if not faults and not (set(cause) & set(first) and set(effect) & set(second)):
        faults.append("the reversed sentence does not have the parts of the right one")
    return tuple(faults)


def same_faults(item: Item) -> tuple[str, ...]:
    """What is wrong with a true and an absurd sentence: they are the same."""
    same = _words(str(item.facts["right"])) == _words(str(item.facts["wrong"]))
    return ("both sentences are the same",) if same else ()


def _words(text: str) -> list[str]:
    return "".join(letter if letter.isalnum() else " " for letter in text.casefold()).split()


TASKS = tuple(
    Task(
        name=name,
        asks=asks,
        target=Target("discovery", "VQA-Causal", "choice"),
        source=Published("vqa_vcr_causal", {file: _DIGESTS[file]}, partial(read, name, file), _HOME, "", faults),
        chance=0.5,
        tags=Tags(("vision", "reading"), "text"),
        citation="Weng et al., VQA-Causal and VCR-Causal, EACL 2026, arXiv 2506.00869",
    )
    for name, file, asks, read, faults in (
        (
            "vqa-causal/order",
            "vqa_causal.csv",
            _ASKED,
            _orders,
            reversal_faults,
        ),
        (
            "vcr-causal/order",
            "vcr_causal.csv",
            _ASKED,
            _orders,
            reversal_faults,
        ),
        (
            "vqa-causal/content",
            "multichoice.csv",
            "Which sentence is about the picture at all?",
            _contents,
            same_faults,
        ),
    )
)
