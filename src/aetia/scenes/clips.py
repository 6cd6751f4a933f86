"""What moved what? Short clips in which things slide, hit others and stop, with every cause known by construction.

Things move along a lane of cells without friction and at one speed. A thing that reaches another passes its motion on
and stops, as equal masses do; a thing that reaches the edge stops. So each motion is a start, a length and a speed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from aetia.errors import StudyError
from aetia.scenes.drawing import new_thing
from aetia.scenes.question import YES_NO, Question
from aetia.scenes.scene import Scene, Settings, Thing

__all__ = ["Clip", "Motion", "Siamese", "clip", "siamese"]

_GAP = 0.25  # cells between two things where the first stops short of the second
_HALF_WIDTHS = {"circle": 1.0, "square": 0.86, "triangle": 0.99, "cross": 1.0}  # of the radius, to the left and right
_LEAST_FRAMES = 6
_LEAST_CELLS = 4

_Way = Literal["hit", "short"]


@dataclass(frozen=True)
class Motion:
    """How one thing moves.

    Args:
        thing: Its index, the same in all frames.
        start: When it starts, in frames from the first.
        length: How far it goes, in cells.
        speed: In cells a frame.
        cause: Which thing set it moving; None if none did.
    """

    thing: int
    start: float
    length: float
    speed: float
    cause: int | None

    @property
    def first(self) -> int:
        """The first frame in which it is no longer where it was."""
        return math.floor(self.start) + 1


@dataclass(frozen=True)
class Clip:
    """A clip as scenes.

    Args:
        frames: One scene each, all of one seed: they differ only where something moved.
        motions: What moved, in the order of the starts.
        questions: Which of two moved first (`order`) and whether one made another move (`cause`).
    """

    frames: tuple[Scene, ...]
    motions: tuple[Motion, ...]
    questions: tuple[Question, ...]

    @property
    def causes(self) -> tuple[tuple[int, int], ...]:
        """Pairs of things: the first set the second moving."""
        return tuple((motion.cause, motion.thing) for motion in self.motions if motion.cause is not None)


@dataclass(frozen=True)
class Siamese:
    """The same world twice: once the cause acts, once it does not.

    Args:
        factual: The clip in which a thing moves, hits another, and sets it moving.
        counterfactual: The clip in which that thing stays, and the other too; its first frame has equal bytes.
        thing: The thing that acts.
        effect: The thing that is set moving.
        question: Whether the other one moved: yes of the factual clip, no of the other.
    """

    factual: Clip
    counterfactual: Clip
    thing: int
    effect: int
    question: Question

    @property
    def pair(self) -> tuple[Scene, Scene]:
        """Cause and effect as two pictures: just before the hit, and at the end."""
        hit = next(motion for motion in self.factual.motions if motion.thing == self.effect)
        return self.factual.frames[hit.first - 1], self.factual.frames[-1]


@dataclass(frozen=True)
class _World:
    """The things where they start, the lane that they move along, and what is drawn by the same seed."""

    things: tuple[Thing, ...]
    settings: Settings
    seed: int
    is_down: bool  # whether lanes are columns
    way: int  # 1 towards higher cells, -1 towards lower ones
    frames: int


def clip(seed: int, settings: Settings | None = None, frames: int = 8) -> Clip:
    """The clip of a seed: a thing moves towards another, and either hits it or stops short of it.

    In two of three clips it hits it, and the other moves on. In the third it stops short, and the other starts by
    itself, so that the order of the motions alone tells no cause. A third thing, in a lane of its own, may move by
    itself too, and others stay.

    Args:
        seed: 0 or more.
        settings: As for `draw`; things are named apart whatever the prior, and do not overlap.
        frames: 6 or more.

    Raises:
        StudyError: AE-9107 too few frames or cells.
    """
    random = Random(f"aetia clip {seed}")
    world = _world(random, seed, _checked(settings or Settings(), frames), frames)
    motions = _motions(random, world, "hit" if random.random() < 2 / 3 else "short")
    return _clip(random, world, motions)


def siamese(seed: int, settings: Settings | None = None, frames: int = 8) -> Siamese:
    """A clip with a cause, and the same without: the causing thing never starts, all else is as it was.

    Args:
        seed: 0 or more.
        settings: As for `clip`.
        frames: 6 or more.

    Raises:
        StudyError: AE-9107 too few frames or cells.
    """
    random = Random(f"aetia siamese {seed}")
    world = _world(random, seed, _checked(settings or Settings(), frames), frames)
    motions = _motions(random, world, "hit")
    left = tuple(motion for motion in motions if motion.thing not in {0, 1})
    question = Question("cause", f"Did the {world.things[1].name} move?", "yes", YES_NO, (0, 1))
    return Siamese(_clip(random, world, motions), _clip(random, world, left), 0, 1, question)


def _checked(settings: Settings, frames: int) -> Settings:
    if frames < _LEAST_FRAMES or settings.cells < _LEAST_CELLS or len(settings.colours) * len(settings.shapes) < 5:
        raise StudyError(
            "AE-9107",
            f"A clip of {frames} frames in {settings.cells} x {settings.cells} cells cannot be drawn.",
            mend=f"have {_LEAST_FRAMES} frames, {_LEAST_CELLS} cells a side, five names of things, or more",
        )
    return replace(settings, occlusion=False)


def _world(random: Random, seed: int, settings: Settings, frames: int) -> _World:
    """Thing 0 at the start of a lane, thing 1 farther on, thing 2 in a lane of its own, up to two more elsewhere."""
    cells = settings.cells
    is_down, way = random.random() < 0.5, random.choice((1, -1))
    lane, other = random.sample(range(cells), 2)
    placed = [(lane, 0), (lane, random.randint(2, cells - 2)), (other, random.randint(0, cells - 2))]
    free = [(row, step) for row in range(cells) if row not in {lane, other} for step in range(cells)]
    placed += random.sample(free, random.randint(0, 2))
    things: list[Thing] = []
    for index, (row, step) in enumerate(placed):
        along = step if way > 0 else cells - 1 - step
        cell = (along, row) if is_down else (row, along)
        thing = _named_apart(random, settings, cell, things)
        things.append(replace(thing, down=0.0, right=0.0) if index < 3 else thing)
    return _World(tuple(things), settings, seed, is_down, way, frames)


def _named_apart(random: Random, settings: Settings, cell: tuple[int, int], others: Sequence[Thing]) -> Thing:
    names = {other.name for other in others}
    for _ in range(100):
        thing = new_thing(random, settings, cell, list(others))
        if thing.name not in names:
            return thing
    return new_thing(random, replace(settings, prior=None), cell, list(others))


def _motions(random: Random, world: _World, way: _Way) -> tuple[Motion, ...]:
    """Who starts when, in the order of the starts, no two of which fall between the same two frames."""
    mover, moved, bystander = world.things[:3]
    room = _steps(world, moved) - _steps(world, mover) - _half_width(world, mover) - _half_width(world, moved)
    rest = world.settings.cells - 1 - _steps(world, moved)
    start = random.uniform(0.1, 1.5)
    speed = random.uniform(1.0, 1.3) * (room + rest) / (world.frames - 1.1 - start)
    hit = start + room / speed
    if way == "hit":
        motions = [Motion(0, start, room, speed, None), Motion(1, hit, rest, speed, 0)]
    else:
        alone = hit + random.uniform(-1.2, 1.2)
        motions = [Motion(0, start, room - _GAP, speed, None), Motion(1, alone, rest, speed, None)]
    if random.random() < 0.5:
        begins = random.uniform(0.1, world.frames - 3)
        beyond = world.settings.cells - 1 - _steps(world, bystander)
        motions.append(Motion(2, begins, beyond * random.uniform(0.5, 1.0), speed, None))
    return tuple(sorted(motions, key=lambda motion: motion.start))


def _steps(world: _World, thing: Thing) -> int:
    """Cells from the start of its lane."""
    place = thing.row if world.is_down else thing.column
    return place if world.way > 0 else world.settings.cells - 1 - place


def _half_width(world: _World, thing: Thing) -> float:
    """How far it reaches along the lane, in cells."""
    return thing.radius * (1.0 if world.is_down and thing.shape == "triangle" else _HALF_WIDTHS[thing.shape])


def _clip(random: Random, world: _World, motions: tuple[Motion, ...]) -> Clip:
    frames = tuple(_frame(world, motions, time) for time in range(world.frames))
    asked = (_order(random, world, motions), _cause(random, world, motions))
    return Clip(frames, motions, tuple(question for question in asked if question is not None))


def _frame(world: _World, motions: Sequence[Motion], time: int) -> Scene:
    things = list(world.things)
    for motion in motions:
        gone = min(max(0.0, time - motion.start) * motion.speed, motion.length) * world.way
        things[motion.thing] = _moved(things[motion.thing], gone, is_down=world.is_down)
    return Scene(tuple(things), world.settings, world.seed)


def _moved(thing: Thing, distance: float, *, is_down: bool) -> Thing:
    """A thing some cells farther on, in the cell that its centre then lies in."""
    if not distance:
        return thing
    whole = math.floor(distance + 0.5)
    if is_down:
        return replace(thing, row=thing.row + whole, down=thing.down + distance - whole)
    return replace(thing, column=thing.column + whole, right=thing.right + distance - whole)


def _order(random: Random, world: _World, motions: Sequence[Motion]) -> Question | None:
    """Which of two moved first; None if no two start in different frames."""
    pairs = [
        (one.thing, other.thing)
        for place, one in enumerate(motions)
        for other in motions[place + 1 :]
        if one.first < other.first < world.frames
    ]
    if not pairs:
        return None
    pair = random.choice(pairs)
    first, second = random.sample(pair, 2)
    text = f"Did the {world.things[first].name} move before the {world.things[second].name}?"
    return Question("order", text, "yes" if first == pair[0] else "no", YES_NO, (first, second))


def _cause(random: Random, world: _World, motions: Sequence[Motion]) -> Question | None:
    """Whether one thing set another moving: yes and no equally often, since two of three clips have a cause."""
    moving = {motion.thing: motion.cause for motion in motions}
    if not {0, 1} <= moving.keys():
        return None
    is_asked_back = moving[1] == 0 and random.random() < 0.25
    first, second = (1, 0) if is_asked_back else (0, 1)
    text = f"Did the {world.things[first].name} make the {world.things[second].name} move?"
    return Question("cause", text, "yes" if moving[second] == first else "no", YES_NO, (first, second))
