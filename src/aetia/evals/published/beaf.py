"""BEAF: is a thing in the picture, before and after one thing was taken out of it?"""

from collections.abc import Iterator
from pathlib import Path

from aetia.evals.item import Item
from aetia.evals.published._folder import json_rows
from aetia.evals.published._items import placed
from aetia.evals.task import Published, Tags, Target, Task

_HOME = "https://github.com/postech-ami/BEAF (question file of commit 1975f33)"
_FILE = "beaf_qna_1975f33.json"
_DIGESTS = {
    "beaf_qna_1975f33.json": "150969ea7ee182ea87ff1122b6f4dd1722fc77e868f16fdc4e2fe9fd2539360d",
}


def _read(folder: Path) -> Iterator[Item]:
    before: dict[tuple[str, str], str] = {}
    for row in json_rows(folder / _FILE):
        image, question = row.text("image"), row.text("question")
        label = row.one_of({"yes": "yes", "no": "no"}, "gt")
        # `X.jpg` is a picture, `X_00.png` the same one without one of its things.
        scene = image.partition(".")[0] if row.flag("orig_img") else image.rpartition("_")[0]
        if row.flag("orig_img"):
            before[scene, question] = label
        item = Item(
            task="beaf/objects",
            context="",
            question=question,
            form="binary",
            label=label,
            facts={
                "image": image,
                "is_original": row.flag("orig_img"),
                "is_removable": row.flag("removed_q"),
                "before": before.get((scene, question), ""),
                "id": row.integer("id"),
            },
            cluster=f"beaf:{scene}",
            orbit=f"beaf:{scene}:{question}",
            variant="base" if row.flag("orig_img") else f"removed={image.rpartition('_')[2].partition('.')[0]}",
        )
        yield placed(item, row, folder, "", f"id {row.integer('id')}")


def pair_faults(item: Item) -> tuple[str, ...]:
    """What is wrong with a question beside the one before the removal: nothing can come in, only the removed go out."""
    if item.facts["is_original"]:
        return ()
    before = item.facts["before"]
    if not before:
        return ("the picture before the removal was not asked about this",)
    if before == "no" and item.label == "yes":
        return ("the thing is said to be there after a removal, and not before it",)
    if before == "yes" and item.label == "no" and not item.facts["is_removable"]:
        return ("the thing is said to be gone, and is not the one that was removed",)
    return ()


TASKS = (
    Task(
        name="beaf/objects",
        asks="Is a thing in the picture, before and after one was taken out?",
        target=Target("none", "BEAF", "binary"),
        source=Published("beaf", _DIGESTS, _read, _HOME, "", pair_faults),
        chance=0.5,
        tags=Tags(("vision", "object recognition"), "text", "diagnosis"),
        citation="Ye-Bin et al., BEAF: Observing Before-AFter Changes, ECCV 2024",
    ),
)
