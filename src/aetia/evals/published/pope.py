"""POPE: is a thing in the picture? Half of what is asked for is not there."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from aetia.evals.item import Item
from aetia.evals.published._folder import json_lines
from aetia.evals.published._items import placed
from aetia.evals.task import Published, Tags, Target, Task

_LICENCE = "MIT"
_HOME = "https://github.com/RUCAIBox/POPE"
_FILES = {
    "coco-random": ("coco_coco_pope_random.json", "ac25245170b975a5bdf9080b23fd431dfe6be458bc038259c1f4f09a6bef7994"),
    "coco-popular": ("coco_coco_pope_popular.json", "fa3a986eb3d586ceb527371112ad7170f398835cbe0a3f08a7e888771dbd8bd6"),
    "coco-adversarial": (
        "coco_coco_pope_adversarial.json",
        "44bfb0b27f0d438e15164be7fea25addf46d31885be46e15af02fa7ffaa48b60",
    ),
    "a-okvqa-random": (
        "seem_aokvqa_aokvqa_pope_seem_random.json",
        "900c244605e8d43626b9579a110e3631e534cddc2aff27fe91e3f080e15d4446",
    ),
    "a-okvqa-popular": (
        "seem_aokvqa_aokvqa_pope_seem_popular.json",
        "792d586a875c197362256b25e9252cc97df6fa1dca5aca72a53eba560414d6b7",
    ),
    "a-okvqa-adversarial": (
        "seem_aokvqa_aokvqa_pope_seem_adversarial.json",
        "87f9acb460fcb690f9120c6d69eb05cfedadab5af5eb385b5201fd48bfc6670c",
    ),
    "gqa-random": (
        "seem_gqa_gqa_pope_seem_random.json",
        "1c1117ce33df2eae0d7b04827896caff1f79dac7b99b9e1b0c87a415066cff98",
    ),
    "gqa-popular": (
        "seem_gqa_gqa_pope_seem_popular.json",
        "e48e138bd61dd3bc4ec35cc8d4357b4dbfc68f0e704283a92217325585a17653",
    ),
    "gqa-adversarial": (
        "seem_gqa_gqa_pope_seem_adversarial.json",
        "64a3bdeb8d24c02d175eafa5e1b24bc7fd611efa95bb87a031c880e548aef094",
    ),
}


def _read(name: str, file: str, folder: Path) -> Iterator[Item]:
    for row in json_lines(folder / file):
        item = Item(
            task=name,
            context="",
            question=row.text("text"),
            form="binary",
            label=row.one_of({"yes": "yes", "no": "no"}, "label"),
            facts={"image": row.text("image"), "id": row.integer("question_id")},
            cluster=f"pope:{row.text('image')}",
        )
        yield placed(item, row, folder, _LICENCE)


TASKS = tuple(
    Task(
        name=f"pope/{name}",
        asks="Is a thing in the picture?",
        target=Target("none", "POPE", "binary"),
        source=Published("pope", {file: digest}, partial(_read, f"pope/{name}", file), _HOME, _LICENCE),
        chance=0.5,
        tags=Tags(("vision", "object recognition"), "text", "diagnosis"),
        citation="Li et al., Evaluating Object Hallucination in Large Vision-Language Models, EMNLP 2023",
    )
    for name, (file, digest) in _FILES.items()
)
