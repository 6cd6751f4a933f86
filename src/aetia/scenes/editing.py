"""What if one thing of a scene were otherwise? Pairs of scenes that differ in one thing, with a question about it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

import numpy as np

from aetia.errors import StudyError
from aetia.scenes.asking import is_related, relation_question
from aetia.scenes.drawing import draw, new_thing, resized, settled
from aetia.scenes.looks import attribute_question, named_alone
from aetia.scenes.question import MOST_OF_ONE_SHAPE, YES_NO, Question, options
from aetia.scenes.rendering import footprints
from aetia.scenes.scene import Scene, Settings, Thing
from aetia.scenes.words import NUMBERS, SIZES, TEXTURES, plural

__all__ = ["CHANGES", "Edit", "changed", "draw_edit", "edit"]

CHANGES = ("colour", "shape", "size", "texture", "remove", "add", "move")
"""What can be changed."""

_TRIES = 200
_LAST_TRY = 50


@dataclass(frozen=True)
class Edit:
    """Two scenes of one seed that differ in one thing.

    Args:
        before: The scene as it was.
        after: The scene with one thing changed; all others keep their index, but for those behind a removed one.
        change: One of `CHANGES`.
        thing: Which thing was changed: its index in `before`, or in `after` if it was added.
        question: What is asked of both, with the answer before; the two answers differ.
        answer_after: The answer after.
    """

    before: Scene
    after: Scene
    change: str
    thing: int
    question: Question
    answer_after: str

    @property
    def answer(self) -> str:
        """The answer before."""
        return self.question.answer


def edit(scene: Scene, change: str, seed: int) -> Edit:
    """The scene with one thing changed, and a question whose answer changes with it.

    Colours, shapes, sizes and textures are asked for by name, a removed or added thing by its existence or a count, a
    moved one by where it is relative to another. A colour or shape is asked for by existence if no thing is alone in
    its shape or colour.

    Args:
        scene: What is changed.
        change: One of `CHANGES`.
        seed: Which thing is changed to what.

    Raises:
        StudyError: AE-9105 there is no such change; AE-9106 the scene cannot be changed so.
    """
    if change not in CHANGES:
        raise StudyError("AE-9105", f"{change!r} is no change of a scene.", mend=f"use one of: {', '.join(CHANGES)}")
    random = Random(f"aetia edit {scene.seed} {seed} {change}")
    found = _WAYS[change](scene, random)
    if found is None:
        raise StudyError(
            "AE-9106",
            f"The scene of seed {scene.seed} with {len(scene.things)} things has no edit of kind {change}.",
            mend="take other settings: sizes or textures, more things at most, more colours, shapes or cells",
        )
    return found


def draw_edit(seed: int, change: str, settings: Settings | None = None) -> Edit:
    """The edited pair of a seed: of the first scene that can be changed so, among those drawn from the seed.

    Args:
        seed: 0 or more.
        change: One of `CHANGES`.
        settings: Those of `Settings()` by default; sizes or textures are switched on where they are changed.

    Raises:
        StudyError: AE-9105 there is no such change; AE-9106 no scene could be changed so.
    """
    settings = settings or Settings()
    sizes, textures = settings.sizes or change == "size", settings.textures or change == "texture"
    settings = replace(settings, sizes=sizes, textures=textures)
    random = Random(f"aetia edited scene {seed}")
    for _ in range(_LAST_TRY):
        scene = draw(random.getrandbits(48), settings)
        try:
            return edit(scene, change, seed)
        except StudyError as error:
            if error.code != "AE-9106":
                raise
    return edit(draw(random.getrandbits(48), settings), change, seed)


def changed(pair: Edit) -> np.ndarray:
    """Where the changed thing lies in one of the two pictures or in both, bool [S, S]; all else has equal bytes."""
    before = np.zeros((pair.before.settings.size,) * 2, bool)
    if pair.change != "add":
        before |= footprints(pair.before)[pair.thing]
    return before if pair.change == "remove" else before | footprints(pair.after)[pair.thing]


def _with(scene: Scene, index: int, thing: Thing) -> Scene:
    return replace(scene, things=(*scene.things[:index], thing, *scene.things[index + 1 :]))


def _recolour(scene: Scene, random: Random) -> Edit | None:
    return _renamed(scene, "colour", random)


def _reshape(scene: Scene, random: Random) -> Edit | None:
    return _renamed(scene, "shape", random)


def _renamed(scene: Scene, change: str, random: Random) -> Edit | None:
    """Another colour or shape, which no thing of the same shape or colour has."""
    is_colour = change == "colour"
    known = scene.settings.colours if is_colour else scene.settings.shapes
    names = {thing.name for thing in scene.things}
    choices = {
        index: free
        for index in named_alone(scene)
        if (free := [new for new in known if _called(scene.things[index], change, new).name not in names])
    }
    others = [thing.shape if is_colour else thing.colour for thing in scene.things]
    asked = [index for index in choices if others.count(others[index]) == 1]
    if not choices:
        return None
    index = random.choice(asked or list(choices))
    old = scene.things[index]
    new = _called(old, change, random.choice(choices[index]))
    after = _with(scene, index, new)
    if not asked:
        name, answer = random.choice([(old.name, "yes"), (new.name, "no")])
        return Edit(scene, after, change, index, *_existence(name, answer, index))
    text = f"What colour is the {old.shape}?" if is_colour else f"What shape is the {old.colour} object?"
    was, now = (old.colour, new.colour) if is_colour else (old.shape, new.shape)
    return Edit(
        scene, after, change, index, Question(change, text, was, options(change, scene.settings), (index,)), now
    )


def _called(thing: Thing, change: str, value: str) -> Thing:
    return replace(thing, colour=value) if change == "colour" else replace(thing, shape=value)


def _existence(name: str, answer: str, index: int) -> tuple[Question, str]:
    about = (index,) if answer == "yes" else ()
    question = Question("existence", f"Is there a {name}?", answer, YES_NO, about)
    return question, "no" if answer == "yes" else "yes"


def _resize(scene: Scene, random: Random) -> Edit | None:
    alone = named_alone(scene)
    if not scene.settings.sizes or not alone:
        return None
    index = random.choice(alone)
    new = next(size for size in SIZES if size != scene.things[index].size)
    after = _with(scene, index, resized(scene.things[index], new))
    return Edit(scene, after, "size", index, attribute_question(scene, "size", index), new)


def _retexture(scene: Scene, random: Random) -> Edit | None:
    alone = named_alone(scene)
    if not scene.settings.textures or not alone:
        return None
    index = random.choice(alone)
    new = random.choice([texture for texture in TEXTURES if texture != scene.things[index].texture])
    after = _with(scene, index, replace(scene.things[index], texture=new))
    return Edit(scene, after, "texture", index, attribute_question(scene, "texture", index), new)


def _remove(scene: Scene, random: Random) -> Edit | None:
    alone = named_alone(scene)
    if not alone or len(scene.things) <= scene.settings.fewest:
        return None
    index = random.choice(alone)
    after = replace(scene, things=scene.things[:index] + scene.things[index + 1 :])
    return Edit(scene, after, "remove", index, *_of_number(scene, scene.things[index], random, (index, -1)))


def _add(scene: Scene, random: Random) -> Edit | None:
    settings = scene.settings
    taken = {(thing.row, thing.column) for thing in scene.things}
    free = [cell for cell in np.ndindex(settings.cells, settings.cells) if cell not in taken]
    if not free or len(scene.things) >= settings.most:
        return None
    row, column = random.choice(free)
    names = {thing.name for thing in scene.things}
    for _ in range(_TRIES):
        thing = new_thing(random, settings, (row, column), list(scene.things))
        if thing.name not in names:
            after = replace(scene, things=(*scene.things, thing))
            index = len(scene.things)
            return Edit(scene, after, "add", index, *_of_number(scene, thing, random, (index, 1)))
    return None


def _of_number(scene: Scene, thing: Thing, random: Random, edited: tuple[int, int]) -> tuple[Question, str]:
    """Whether the thing is there, or how many there are of its shape or of all, before and after."""
    index, step = edited
    kind = random.choice(("existence", "count", "count-of"))
    known = options("count", scene.settings)
    of_shape = sum(other.shape == thing.shape for other in scene.things)
    numbers_of = [of_shape, of_shape + step]
    numbers = [len(scene.things), len(scene.things) + step]
    if kind == "count":
        about = tuple(range(len(scene.things)))
        text = "How many objects are there?"
    elif kind == "count-of" and max(numbers_of) <= MOST_OF_ONE_SHAPE:
        about = tuple(place for place, other in enumerate(scene.things) if other.shape == thing.shape)
        numbers = numbers_of
        text, known = f"How many {plural(thing.shape)} are there?", NUMBERS[: MOST_OF_ONE_SHAPE + 1]
    else:
        return _existence(thing.name, "yes" if step < 0 else "no", index)
    was, now = (NUMBERS[number] for number in numbers)
    return Question(kind, text, was, known, about), now


def _move(scene: Scene, random: Random) -> Edit | None:
    """To a free cell on the other side of another thing."""
    alone = named_alone(scene)
    taken = {(thing.row, thing.column) for thing in scene.things}
    free = [cell for cell in np.ndindex(scene.settings.cells, scene.settings.cells) if cell not in taken]
    if len(alone) < 2 or not free:
        return None
    for _ in range(_TRIES):
        index, other = random.sample(alone, 2)
        row, column = random.choice(free)
        words = random.choice((("left of", "right of"), ("above", "below")))
        new = settled(scene.things[index], row, column)
        sides = [is_related(thing, words[0], scene.things[other]) for thing in (scene.things[index], new)]
        if None not in sides and sides[0] != sides[1]:
            question = relation_question(scene, index, random.choice(words), other)
            answer = "no" if question.answer == "yes" else "yes"
            return Edit(scene, _with(scene, index, new), "move", index, question, answer)
    return None


_WAYS: dict[str, Callable[[Scene, Random], Edit | None]] = {
    "colour": _recolour,
    "shape": _reshape,
    "size": _resize,
    "texture": _retexture,
    "remove": _remove,
    "add": _add,
    "move": _move,
}
