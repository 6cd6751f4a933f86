"""FIND: which of three outputs or inputs fits the description of a function?"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from aetia.evals.item import Item
from aetia.evals.published._folder import Row, json_rows
from aetia.evals.published._items import placed
from aetia.evals.task import Published, Tags, Target, Task

_HOME = "https://github.com/multimodal-interpretability/FIND"
_NEURONS = "find-dataset__neurons"
_DIGESTS = {
    "find-dataset__strings__test_data.json": "594f271a4bb424f750b6d0219549d4a62d3b1fa19ffafbad4eecf859cf3b96a2",
    "find-dataset__strings__unit_test_data.json": "c020dc001500d36a4e2eb8d7b82de14e8e0f1774323bc3cacb1af3b0e323bf34",
    f"{_NEURONS}_entities__data.json": "f80efe40abd1743f5b99393a0bd998b7535dce9460c2ca9dd4acbc417b7a3a7a",
    f"{_NEURONS}_entities__unit_test_data.json": "72a75b1ed1f16cd581bf8aacb6048ab235679cf07b69ef066b275ab73398cf7e",
    f"{_NEURONS}_relations__data.json": "d1cae90c9b9f1d7fd7ba18c438a0183f39293541e24fd37473b37c1e645f524b",
    f"{_NEURONS}_relations__unit_test_data.json": "a307a718255d3123e43d8cbd45998039be5384adfe2307701ba3c370cbbd0841",
}
_KINDS = {"find/strings": "strings", "find/entities": "neurons_entities", "find/relations": "neurons_relations"}


def _files(name: str) -> tuple[str, str]:
    told = "test_data" if name == "find/strings" else "data"
    return f"find-dataset__{_KINDS[name]}__{told}.json", f"find-dataset__{_KINDS[name]}__unit_test_data.json"


def _read(name: str, folder: Path) -> Iterator[Item]:
    described, tests = (folder / file for file in _files(name))
    descriptions = dict(_described(row, name) for row in json_rows(described))
    for row in json_rows(tests):
        function = row.text("name")
        if function not in descriptions:
            raise row.wrong(f"{described.name} describes no function {function!r}", "name")
        for number in range(len(row.values("test_vec"))):
            item = _item(row, number, name, descriptions[function])
            yield placed(item, row, folder, "", f"{function}/{number + 1}")


def _described(row: Row, name: str) -> tuple[str, str]:
    if name == "find/strings":
        return row.text("name"), row.text("description").lstrip(": ").strip()
    concepts = [row.text(field) for field in ("concept1", "concept2") if row.has(field)]
    directory = row.text("dir").rpartition("/")[2]
    if name == "find/entities":
        return directory, f"A unit that responds to {' and to '.join(concepts)}."
    return directory, f"A unit that responds to pairs of {concepts[0]} and {' and '.join(concepts[1:])}."


def _item(row: Row, number: int, name: str, description: str) -> Item:
    if name == "find/entities":
        options = row.texts("test_vec", number)
        question = "Which of these does the unit respond to?"
    else:
        ends = row.texts("test_vec", number, 0), row.texts("test_vec", number, 1)
        link = "->" if name == "find/strings" else ","
        options = tuple(f"{first!r} {link} {second.strip()!r}" for first, second in zip(*ends, strict=True))
        question = (
            "Which of these does the function do?" if name == "find/strings" else "Which pair does it respond to?"
        )
    label = row.integer("correct_inx", number)
    if not 1 <= label <= len(options):
        raise row.wrong("it is no number of an option", "correct_inx", number)
    cluster = f"{name}:{row.text('name')}"
    return Item(name, description, question, "choice", str(label), options, cluster=cluster)


def option_faults(item: Item) -> tuple[str, ...]:
    """What is wrong with three options: two are alike, or the description is missing."""
    faults = ["two options are the same"] if len(set(item.options)) < len(item.options) else []
    if not item.context.strip():
        faults.append("the function has no description")
    return tuple(faults)


TASKS = tuple(
    Task(
        name=name,
        asks="Which of three outputs or inputs fits the description of a function?",
        target=Target("none", "FIND", "choice"),
        source=Published(
            "find", {file: _DIGESTS[file] for file in _files(name)}, partial(_read, name), _HOME, "", option_faults
        ),
        chance=1 / 3,
        tags=Tags(("reading", "programs") if name == "find/strings" else ("world knowledge",), "both", "explanation"),
        seeds=("125",),
        citation="Schwettmann et al., FIND: A Function Description Benchmark, NeurIPS 2023",
    )
    for name in _KINDS
)
