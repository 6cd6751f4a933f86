"""How are scenes kept as files? A folder of PNG pictures, with one line of `scenes.jsonl` an item.

A picture is written whole or not at all, and never twice: a run that was stopped goes on where it was.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from aetia.errors import StudyError
from aetia.scenes.asking import caption, questions
from aetia.scenes.clips import clip
from aetia.scenes.drawing import draw
from aetia.scenes.editing import draw_edit
from aetia.scenes.question import Question
from aetia.scenes.rendering import masks, render
from aetia.scenes.scene import Scene, Settings

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["Item", "Recipe", "Written", "items", "picture_bytes", "read_scenes", "write_scenes"]

_VERSION = 1  # of what a seed gives: raised with every change of it
_RECIPE, _LINES = "recipe.json", "scenes.jsonl"
_TRIES = 200


@dataclass(frozen=True)
class Recipe:
    """Which items a folder has: equal recipes give equal items.

    Args:
        items: How many.
        seed: What all are drawn from; item number 8 does not depend on how many there are.
        settings: Of the scenes.
        kinds: The kinds of questions that are kept, of which each item has one or more; all by default.
        change: What is changed in edited pairs; None for single scenes and clips.
        clips: Whether items are clips.
        masks: Whether a picture of what each pixel shows is written too: 0 for nothing, else 1 + the thing's index.
        version: Of the generator.
    """

    items: int = 100
    seed: int = 0
    settings: Settings = field(default_factory=Settings)
    kinds: tuple[str, ...] = ()
    change: str | None = None
    clips: bool = False
    masks: bool = False
    version: int = _VERSION


@dataclass(frozen=True)
class Item:
    """One scene, the two of an edited pair, or the frames of a clip.

    Args:
        id: Its number.
        pictures: The files, relative to the folder, one a scene.
        scenes: What they show.
        caption: Of the first scene.
        questions: With their answers; those of an edited pair are the answers before.
        answers_after: The answers after an edit, one a question.
        thing: Which thing an edit changed.
        causes: Pairs of things of a clip, the first of which set the second moving.
    """

    id: str
    pictures: tuple[str, ...]
    scenes: tuple[Scene, ...]
    caption: str
    questions: tuple[Question, ...]
    answers_after: tuple[str, ...] = ()
    thing: int | None = None
    causes: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Written:
    """What became of a folder: pictures written, pictures that were there, and the bytes of all that was written."""

    pictures: int
    kept: int
    bytes: int


def items(recipe: Recipe) -> Iterator[Item]:
    """The items of a recipe, one after the other.

    Raises:
        StudyError: AE-9106 no scene can be edited so; AE-9110 no scene answers a question of the kinds asked for.
    """
    for number in range(recipe.items):
        yield _item(recipe, number)


def write_scenes(folder: Path, recipe: Recipe, watch: Callable[[int], None] = lambda _: None) -> Written:
    """Write the items of a recipe into a folder; pictures that are there already are kept as they are.

    Args:
        folder: A new or empty one, or one that was written, wholly or in part, by the same recipe with as many items
            or fewer.
        recipe: What is written.
        watch: Called with the number of items done, after each.

    Raises:
        StudyError: AE-9108 the folder holds something else; AE-9106, AE-9110 as for `items`.
        RunError: AE-6011 the disk is full; AE-6012 the folder cannot be written.
    """
    from aetia.files import write_atomic, writing

    _check_folder(folder, recipe)
    with writing(folder):
        (folder / "images").mkdir(parents=True, exist_ok=True)
        if recipe.masks:
            (folder / "masks").mkdir(exist_ok=True)
    content = _recipes().dump_json(recipe)
    write_atomic(folder / _RECIPE, content)
    written, kept, total = 0, 0, len(content)
    lines: list[bytes] = []
    for number, item in enumerate(items(recipe), 1):
        for path, make in _pictures(item, recipe):
            if (folder / path).exists():
                kept += 1
                continue
            picture = make()
            write_atomic(folder / path, picture)
            written, total = written + 1, total + len(picture)
        lines.append(_items().dump_json(item) + b"\n")
        watch(number)
    content = b"".join(lines)
    if not _has(folder / _LINES, content):
        write_atomic(folder / _LINES, content)
        total += len(content)
    return Written(written, kept, total)


def read_scenes(folder: Path) -> tuple[Item, ...]:
    """The items of a folder that `write_scenes` wrote.

    Raises:
        StudyError: AE-9109 there is no such folder, or a line of it cannot be read.
    """
    from pydantic import ValidationError

    place = folder / _LINES
    try:
        lines = place.read_bytes().splitlines()
    except OSError as error:
        raise StudyError(
            "AE-9109", f"{place} cannot be read: {error.strerror}.", mend="write the folder with `aetia scenes --out`"
        ) from error
    read: list[Item] = []
    for number, line in enumerate(lines, 1):
        try:
            read.append(_items().validate_json(line))
        except (ValidationError, StudyError) as error:
            said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error.found
            raise StudyError(
                "AE-9109",
                f"Line {number} of {place} is no item: {said}",
                mend="write the folder again with `aetia scenes --out`",
            ) from error
    return tuple(read)


def picture_bytes(pixels: np.ndarray) -> bytes:
    """A picture [H, W, 3] or a mask [H, W], uint8, as PNG."""
    from PIL import Image

    kept = io.BytesIO()
    Image.fromarray(pixels).save(kept, "PNG", compress_level=3)
    return kept.getvalue()


def _item(recipe: Recipe, number: int) -> Item:
    """The first item of its own stream of seeds that has a question of the kinds asked for."""
    random = Random(f"aetia item {recipe.seed} {number}")
    make = _clip_item if recipe.clips else _pair_item if recipe.change is not None else _scene_item
    for _ in range(_TRIES):
        item = make(recipe, f"{number:06d}", random.getrandbits(48))
        asked = [place for place, question in enumerate(item.questions) if question.kind in recipe.kinds]
        if not recipe.kinds:
            return item
        if asked:
            after = tuple(item.answers_after[place] for place in asked if item.answers_after)
            return replace(item, questions=tuple(item.questions[place] for place in asked), answers_after=after)
    raise StudyError(
        "AE-9110",
        f"None of {_TRIES} scenes can be asked a question of kind {' or '.join(recipe.kinds)}.",
        mend="order and cause need clips, size, texture, label and cover things that vary so; edits ask for their own",
    )


def _scene_item(recipe: Recipe, name: str, seed: int) -> Item:
    scene = draw(seed, recipe.settings)
    return Item(name, (f"images/{name}.png",), (scene,), caption(scene), questions(scene, seed))


def _pair_item(recipe: Recipe, name: str, seed: int) -> Item:
    pair = draw_edit(seed, recipe.change or "", recipe.settings)
    paths = (f"images/{name}-before.png", f"images/{name}-after.png")
    both = (pair.before, pair.after)
    return Item(name, paths, both, caption(pair.before), (pair.question,), (pair.answer_after,), pair.thing)


def _clip_item(recipe: Recipe, name: str, seed: int) -> Item:
    found = clip(seed, recipe.settings)
    paths = tuple(f"images/{name}-{frame:02d}.png" for frame in range(len(found.frames)))
    return Item(name, paths, found.frames, caption(found.frames[0]), found.questions, causes=found.causes)


def _pictures(item: Item, recipe: Recipe) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Where each picture of an item goes, and how it is made."""
    for path, scene in zip(item.pictures, item.scenes, strict=True):
        yield path, lambda scene=scene: picture_bytes(render(scene))
        if recipe.masks:
            yield path.replace("images/", "masks/"), lambda scene=scene: picture_bytes(_numbered(scene))


def _numbered(scene: Scene) -> np.ndarray:
    """Which thing each pixel shows, uint8 [S, S]: one plus its index, or 0."""
    numbers = np.arange(1, len(scene.things) + 1, dtype=np.uint8)[:, None, None]
    return (masks(scene) * numbers).sum(0, dtype=np.uint8)


def _check_folder(folder: Path, recipe: Recipe) -> None:
    from pydantic import ValidationError

    mend = "name another folder with --out"
    if folder.exists() and not folder.is_dir():
        raise StudyError("AE-9108", f"{folder} is no folder.", mend=mend)
    if not folder.exists() or not any(folder.iterdir()):
        return
    try:
        there = _recipes().validate_json((folder / _RECIPE).read_bytes())
    except (OSError, ValidationError, StudyError) as error:
        raise StudyError("AE-9108", f"{folder} holds other files than scenes.", mend=mend) from error
    if replace(there, items=recipe.items) != recipe or there.items > recipe.items:
        found = f"{folder} holds {there.items} items that were drawn otherwise, or more of them."
        raise StudyError("AE-9108", found, mend=f"{mend}, or give the options that it was written with")


def _has(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


@cache
def _recipes() -> "TypeAdapter[Recipe]":
    from pydantic import TypeAdapter

    return TypeAdapter(Recipe)


@cache
def _items() -> "TypeAdapter[Item]":
    from pydantic import TypeAdapter

    return TypeAdapter(Item)
