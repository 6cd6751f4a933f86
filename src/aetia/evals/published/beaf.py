"""BEAF: is a thing in the picture, before and after one thing was taken out of it?"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from aetia.evals.item import Item
from aetia.evals.published._folder import json_rows
from aetia.evals.published._items import placed
from aetia.evals.task import Published, Tags, Target, Task

__all__ = ["TASKS", "Changes", "change_scores", "pair_faults"]

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


@dataclass(frozen=True)
class Changes:
    """What became of answers about a removed thing, in percent of the pairs before and after, and of the others.

    Args:
        understanding: Right before and after the removal (TU).
        ignorance: Wrong before and after (IG).
        stubborn_yes: Yes before and after (SB+).
        stubborn_no: No before and after (SB-).
        indecision: Of the answers about things that were left alone, those whose rightness changed (ID).
        balance: The harmonic mean of `understanding` and of what `indecision` leaves of 100 (F1).
    """

    understanding: float
    ignorance: float
    stubborn_yes: float
    stubborn_no: float
    indecision: float
    balance: float


def change_scores(answers: Iterable[tuple[Item, str]]) -> Changes:
    """Score the answers `yes` and `no` to all questions as the benchmark does.

    Raises:
        ValueError: There is no pair of a question before and after a removal, or none about a thing left alone.

    Source: Ye-Bin et al., BEAF, ECCV 2024, section 3.3.
    """
    told = list(answers)
    before = {item.orbit: (item, answer) for item, answer in told if item.facts["is_original"]}
    pairs: Counter[tuple[str, str]] = Counter()
    left, moved = 0, 0
    for item, answer in told:
        if item.facts["is_original"]:
            continue
        first, earlier = before[item.orbit]
        # Of two removable things, the one that is still there is no part of the pairs.
        if item.facts["is_removable"] and (first.label, item.label) == ("yes", "no"):
            pairs[earlier, answer] += 1
        elif not item.facts["is_removable"]:
            left += 1
            moved += (earlier == first.label) != (answer == item.label)
    if not pairs.total() or not left:
        raise ValueError("there is no pair of answers before and after a removal")
    share = {pair: 100 * count / pairs.total() for pair, count in pairs.items()}
    right, steady = share.get(("yes", "no"), 0.0), 100 - 100 * moved / left
    return Changes(
        understanding=right,
        ignorance=share.get(("no", "yes"), 0.0),
        stubborn_yes=share.get(("yes", "yes"), 0.0),
        stubborn_no=share.get(("no", "no"), 0.0),
        indecision=100 - steady,
        balance=2 * right * steady / (right + steady) if right + steady else 0.0,
    )


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
