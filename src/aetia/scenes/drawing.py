"""Which scene belongs to a seed? The number of things is uniform, names are distinct, cells are uniform."""

from random import Random

from aetia.scenes.scene import Scene, Settings, Thing
from aetia.scenes.words import LETTERS, SIZES, TEXTURES

__all__ = ["draw", "new_thing"]

_RADII = {"": (0.28, 0.425), "small": (0.21, 0.26), "large": (0.37, 0.43)}  # in cells; "" where sizes mean nothing
_ROOM = 0.45  # cells from the centre to the farthest point of a thing: it never touches the edge of its cell
_SHADE = 8.0  # standard deviation, in levels


def draw(seed: int, settings: Settings | None = None) -> Scene:
    """The scene of a seed: the same on every machine.

    Args:
        seed: 0 or more.
        settings: Those of `Settings()` by default.
    """
    settings = settings or Settings()
    random = Random(f"aetia scene {seed}")
    count = random.randint(settings.fewest, settings.most)
    places = sorted(random.sample(range(settings.cells**2), count))
    things: list[Thing] = []
    for place in places:
        things.append(new_thing(random, settings, divmod(place, settings.cells), things))
    return Scene(tuple(things), settings, seed)


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
