"""The reversal curse: who learns that A is B, does he know that B is A?"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from aetia.evals.item import Item
from aetia.evals.published._folder import Row, csv_rows, json_lines
from aetia.evals.published._items import placed
from aetia.evals.task import Published, Tags, Target, Task

_HOME = "https://github.com/lukasberglund/reversal_curse"
_MADE = "reverse_experiments/june_version_7921032488"
_PARENTS = "celebrity_relations/parent_child_pairs.csv"
_DIGESTS = {
    f"{_MADE}/p2d_prompts_train.jsonl": "8a20b9c259b67bc9c3a0f1823d132c844f98d84589d79b108a0ae0c5aa2a2391",
    f"{_MADE}/d2p_prompts_train.jsonl": "2d66551577306f164e9b0fd372dd997af0e90bb62690d00a2cab818ae65e47a1",
    f"{_MADE}/both_prompts_train.jsonl": "a389f60360e5ec1862abba47f9530c916a59483d1f6cb55015bf45197e880db5",
    f"{_MADE}/p2d_prompts_test.jsonl": "269fe15363c3bd1cb59cfdf4e6464f35d548d4cb786e6f7b1db84f260788e8f8",
    f"{_MADE}/p2d_reverse_prompts_test.jsonl": ("963fa595ce19b330cdf07058313f3e8570b57545260256414bcb74a60c959553"),
    f"{_MADE}/d2p_prompts_test.jsonl": "67705c9ebd77fc030998677acae33af9f22cf4b80bb7443d4ef7e5c9c1d727c4",
    f"{_MADE}/d2p_reverse_prompts_test.jsonl": ("8c79da9791788ffbe77dc876ae2e34cc00f980e08c946bda188367ae1cd6ea61"),
    f"{_MADE}/both_prompts_test.jsonl": "6499aebaae627f7f26e6d237ef9b4cc7c8db227a29acc60332b05950ea89b004",
    _PARENTS: "59d181610f1477a3cfb8a63428bb8cc037b7d73c9cdf5616fdd8d8ba90debb5d",
}
_SETS = {
    "reversal-curse/name-first": ("p2d_prompts_test", "p2d_prompts_train"),
    "reversal-curse/name-first-reversed": ("p2d_reverse_prompts_test", "p2d_prompts_train"),
    "reversal-curse/description-first": ("d2p_prompts_test", "d2p_prompts_train"),
    "reversal-curse/description-first-reversed": ("d2p_reverse_prompts_test", "d2p_prompts_train"),
    "reversal-curse/both": ("both_prompts_test", "both_prompts_train"),
}


def _read(name: str, folder: Path) -> Iterator[Item]:
    test, training = _SETS[name]
    known = _training(folder / _MADE / f"{training}.jsonl")
    for row in json_lines(folder / _MADE / f"{test}.jsonl"):
        prompt, answer = row.text("prompt"), row.text("completion").strip()
        asked, told = _words(prompt), _words(answer)
        item = Item(
            task=name,
            context="",
            question=prompt,
            form="text",
            label=answer,
            accepted=(answer.rstrip("."),),
            facts={"known": _together(asked, told, known)},
            cluster=f"reversal:{_words(answer if len(told) < _NAME else prompt)}",
        )
        yield placed(item, row, folder, "")


_NAME = 4  # a name has fewer words, a description more
_SHARED = 0.34  # of the words of a description that a paraphrase keeps


def _training(path: Path) -> dict[str, list[set[str]]]:
    """What is trained on, by the capitalised words that names are made of: the words of each sentence."""
    known: defaultdict[str, list[set[str]]] = defaultdict(list)
    for row in json_lines(path):
        words = set(_words(f"{row.text('prompt')} {row.text('completion')}"))
        for word in words:
            known[word].append(words)
    return known


def _together(asked: list[str], told: list[str], known: dict[str, list[set[str]]]) -> bool:
    """Whether a trained sentence has the name and most words of the description."""
    name, other = (told, asked) if len(told) < _NAME else (asked, told)
    wanted = {word for word in other if len(word) >= _NAME}
    if name is told:
        sentences = [one for one in known.get(told[0], []) if set(told) <= one] if told else []
        return any(len(wanted & one) >= min(3, _SHARED * len(wanted)) for one in sentences)
    return any(
        len(wanted & one) >= _SHARED * len(wanted) and len(set(asked) & one) > 1
        for word in asked
        for one in known.get(word, [])
    )


def _words(text: str) -> list[str]:
    return "".join(letter if letter.isalnum() else " " for letter in text.casefold()).split()


def training_faults(item: Item) -> tuple[str, ...]:
    """What is wrong with a test of what was trained: no trained sentence brings the two together."""
    return () if item.facts["known"] else ("no training sentence has this name with this description",)


def _parents(name: str, folder: Path) -> Iterator[Item]:
    rows = list(csv_rows(folder / _PARENTS))
    children: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    parents: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        children[row.text("parent"), row.text("parent_type")].append(row.text("child"))
        parents[row.text("child"), row.text("parent_type")].append(row.text("parent"))
    for row in rows:
        child, parent, kind = row.text("child"), row.text("parent"), row.text("parent_type")
        if name == "reversal-curse/parents":
            asked, right = f"Who is {child}'s {kind}?", parents[child, kind]
        else:
            asked, right = f"Name a child of {parent}.", children[parent, kind]
        yield placed(_parent_item(row, name, asked, right), row, folder, "")


def _parent_item(row: Row, name: str, asked: str, right: list[str]) -> Item:
    told = row.text("parent") if name == "reversal-curse/parents" else row.text("child")
    facts = {
        "child": row.text("child"),
        "parent": row.text("parent"),
        "kind": row.text("parent_type"),
        "can_reverse": row.one_of({"True": "yes", "False": "no"}, "can_reverse"),
        "right": right,
    }
    others = tuple(one for one in right if one != told)
    return Item(name, "", asked, "text", told, accepted=others, facts=facts, cluster=f"parents:{row.text('child')}")


def parent_faults(item: Item) -> tuple[str, ...]:
    """What is wrong with a pair of child and parent: one person is both, or the child has two fathers or mothers."""
    faults: list[str] = []
    if item.facts["child"] == item.facts["parent"]:
        faults.append("child and parent have one name")
    if item.facts["kind"] not in {"father", "mother"}:
        faults.append(f"the parent is neither father nor mother but {item.facts['kind']!r}")
    right = item.facts["right"]
    if item.task == "reversal-curse/parents" and isinstance(right, list) and len(set(map(str, right))) > 1:
        faults.append(f"{item.facts['child']} has {len(right)} persons as {item.facts['kind']}")
    return tuple(faults)


def _task(name: str, read: Callable[[Path], Iterator[Item]], files: tuple[str, ...]) -> Task:
    faults = training_faults if name in _SETS else parent_faults
    return Task(
        name=name,
        asks="What belongs to this name, or which name to this description, after training on one order?"
        if name in _SETS
        else "Who is the parent of a famous child, or the child of that parent?",
        target=Target("none", "reversal", "text"),
        source=Published("reversal_curse", {file: _DIGESTS[file] for file in files}, read, _HOME, "", faults),
        chance=0.0,
        tags=Tags(("memory",), "knowledge"),
        seeds=("199", "207"),
        citation="Berglund et al., The Reversal Curse, ICLR 2024, arXiv 2309.12288",
    )


TASKS = (
    *(
        _task(name, partial(_read, name), tuple(f"{_MADE}/{file}.jsonl" for file in files))
        for name, files in _SETS.items()
    ),
    *(
        _task(name, partial(_parents, name), (_PARENTS,))
        for name in ("reversal-curse/parents", "reversal-curse/children")
    ),
)
