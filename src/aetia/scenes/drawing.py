"""Which scene belongs to a seed? The number of things is uniform, names are distinct, cells are uniform."""

from dataclasses import replace
from itertools import combinations
from math import comb
from random import Random

from aetia.scenes.rendering import footprints, masks
from aetia.scenes.scene import Scene, Settings, Thing
from aetia.scenes.words import LETTERS, SIZES, TEXTURES

__all__ = ["draw", "new_thing", "resized", "settled"]

_RADII = {"": (0.28, 0.425), "small": (0.21, 0.26), "large": (0.37, 0.43)}  # in cells; "" where sizes mean nothing
_ROOM = 0.45  # cells from the centre to the farthest point of a thing: it never touches the edge of its cell
_SHADE = 8.0  # standard deviation, in levels
_TOGETHER = 0.8  # share of things that lie beside another, with occlusion
_SEEN = 0.5  # of a thing that is partly covered
_TRIES = 4


def draw(seed: int, settings: Settings | None = None) -> Scene:
    """The scene of a seed: the same on every machine.

    Args:
        seed: 0 or more.
        settings: Those of `Settings()` by default.
    """
    settings = settings or Settings()
    random = Random(f"aetia scene {seed}")
    count = random.randint(settings.fewest, settings.most)
    places = _places(random, settings, count)
    things: list[Thing] = []
    for place in places:
        things.append(new_thing(random, settings, divmod(place, settings.cells), things))
    if settings.occlusion:
        random.shuffle(things)  # so that which of two is in front does not follow from where they are
        things = _pushed(random, things, settings)
    return Scene(tuple(things), settings, seed)


def _places(random: Random, settings: Settings, count: int) -> list[int]:
    """Which cells are taken, in reading order; with occlusion most of them beside one another."""
    cells = settings.cells
    if not settings.occlusion:
        return sorted(random.sample(range(cells**2), count))
    taken = [random.randrange(cells**2)]
    while len(taken) < count:
        free = [place for place in range(cells**2) if place not in taken]
        near = [place for place in free if any(_is_beside(place, other, cells) for other in taken)]
        taken.append(random.choice(near if near and random.random() < _TOGETHER else free))
    return sorted(taken)


def _is_beside(place: int, other: int, cells: int) -> bool:
    return abs(place // cells - other // cells) + abs(place % cells - other % cells) == 1


def _pushed(random: Random, things: list[Thing], settings: Settings) -> list[Thing]:
    """Some neighbours are moved towards each other until one covers a part of the other, but never half of it."""
    pushed = list(things)
    left = set(range(len(things)))
    for first, second in random.sample(list(combinations(range(len(things)), 2)), comb(len(things), 2)):
        one, other = things[first], things[second]
        if abs(one.row - other.row) + abs(one.column - other.column) != 1 or not {first, second} <= left:
            continue
        for _ in range(_TRIES):
            distance = (one.radius + other.radius) * random.uniform(0.5, 0.9)
            tried = list(pushed)
            tried[first], tried[second] = _towards(one, other, distance), _towards(other, one, distance)
            scene = Scene(tuple(tried), settings, 0)
            if (masks(scene).sum((1, 2)) > _SEEN * footprints(scene).sum((1, 2))).all():
                pushed = tried
                left -= {first, second}
                break
    return pushed


def _towards(thing: Thing, other: Thing, distance: float) -> Thing:
    """A thing moved half of the way towards another, along the line of their cells, so far as to leave a distance."""
    if thing.row == other.row:
        way = other.column - thing.column
        return replace(thing, right=way * (1 - distance) / 2)
    way = other.row - thing.row
    return replace(thing, down=way * (1 - distance) / 2)


def new_thing(random: Random, settings: Settings, cell: tuple[int, int], others: list[Thing]) -> Thing:
    """A thing for a free cell, named like none of the others (with a planted prior, as the prior has it).

    Args:
        random: Where chance comes from.
        settings: What it may be.
        cell: Row and column.
        others: The things of the scene so far.
    """
    colour, shape = _name(random, settings, {(other.colour, other.shape) for other in others})
    size = random.choice(SIZES) if settings.sizes else "small"
    radius = random.uniform(*_RADII[size if settings.sizes else ""])
    free = _ROOM - radius
    down, right = random.uniform(-free, free), random.uniform(-free, free)
    texture = random.choice(TEXTURES) if settings.textures else "plain"
    taken = {other.label for other in others}
    label = random.choice([letter for letter in LETTERS if letter not in taken]) if settings.labels else ""
    shade = (random.gauss(0, _SHADE), random.gauss(0, _SHADE), random.gauss(0, _SHADE))
    return Thing(colour, shape, *cell, size, texture, label, radius, down, right, shade)


def resized(thing: Thing, size: str) -> Thing:
    """A thing of another size, as large among those of its size as it was, and as far from the middle of its cell."""
    (least, most), (new_least, new_most) = _RADII[thing.size], _RADII[size]
    radius = new_least + (thing.radius - least) / (most - least) * (new_most - new_least)
    scale = (_ROOM - radius) / (_ROOM - thing.radius)
    return replace(thing, size=size, radius=radius, down=thing.down * scale, right=thing.right * scale)


def settled(thing: Thing, row: int, column: int) -> Thing:
    """A thing in another cell, as far from its middle as it was, but wholly inside."""
    free = _ROOM - thing.radius
    down, right = (min(max(offset, -free), free) for offset in (thing.down, thing.right))
    return replace(thing, row=row, column=column, down=down, right=right)


def _name(random: Random, settings: Settings, taken: set[tuple[str, str]]) -> tuple[str, str]:
    if settings.prior is None:
        while True:
            named = random.choice(settings.colours), random.choice(settings.shapes)
            if named not in taken:
                return named
    is_of_shape = settings.prior.of == "shape"
    first, second = (settings.shapes, settings.colours) if is_of_shape else (settings.colours, settings.shapes)
    given = random.choice(first)
    planted = settings.prior.planted(given, settings)
    other = planted
    if random.random() >= settings.prior.strength:
        other = random.choice([value for value in second if value != planted])
    return (other, given) if is_of_shape else (given, other)
