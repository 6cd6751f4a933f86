"""What is in a picture? Things in the cells of a grid, the settings they were drawn by, and the seed of the noise."""

from dataclasses import dataclass

from aetia.errors import StudyError
from aetia.scenes.words import COLOURS, NUMBERS, PAINTS, SHAPES, SIZES, TEXTURES

__all__ = ["Prior", "Scene", "Settings", "Thing"]

_LEAST_CELL = 9  # pixels: below, a cross and a square look alike, and a letter does not fit
_LARGEST = 4096  # pixels: a picture of 50 MB
_MOST_CELLS = 32


@dataclass(frozen=True)
class Thing:
    """One thing of a scene.

    Args:
        colour: A name of `PAINTS`.
        shape: One of `SHAPES`.
        row: Of its cell, 0 at the top.
        column: Of its cell, 0 at the left.
        size: `small` or `large`; without sizes in the settings it is `small` and says nothing of the radius.
        texture: One of `TEXTURES`.
        label: Letters and digits written on it; `""` for none.
        radius: In cells.
        down: How far its centre lies below its cell's centre, in cells.
        right: How far its centre lies to the right of its cell's centre, in cells.
        shade: What is added to the red, green and blue of its paint.
    """

    colour: str
    shape: str
    row: int
    column: int
    size: str = "small"
    texture: str = "plain"
    label: str = ""
    radius: float = 0.36
    down: float = 0.0
    right: float = 0.0
    shade: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        for value, known in ((self.shape, SHAPES), (self.size, SIZES), (self.texture, TEXTURES)):
            _check_word(value, known)
        _check_word(self.colour, tuple(PAINTS))
        if self.label and not (self.label.isascii() and self.label.isalnum()):
            raise StudyError(
                "AE-9103", f"The label {self.label!r} cannot be written.", mend="use the letters A to Z and digits"
            )

    @property
    def name(self) -> str:
        """What questions call it, such as `red circle`."""
        return f"{self.colour} {self.shape}"

    @property
    def centre(self) -> tuple[float, float]:
        """Where it is: cells from the top and cells from the left."""
        return self.row + 0.5 + self.down, self.column + 0.5 + self.right


@dataclass(frozen=True)
class Prior:
    """A planted co-occurrence: each value of `of` has one value of `gives` that it mostly comes with.

    Args:
        of: `shape` or `colour`.
        gives: The other of the two.
        strength: The share of things that have the planted value; the others have each other value equally often.
    """

    of: str = "shape"
    gives: str = "colour"
    strength: float = 0.9

    def __post_init__(self) -> None:
        if {self.of, self.gives} != {"shape", "colour"} or not 0 <= self.strength <= 1:
            raise StudyError(
                "AE-9104",
                f"{self.of}:{self.gives}:{self.strength} is no prior.",
                mend="write shape:colour:0.9 or colour:shape:0.9, with a share from 0 to 1",
            )

    def planted(self, value: str, settings: "Settings") -> str:
        """The value of `gives` that `value` mostly comes with."""
        givers, given = settings.colours, settings.shapes
        if self.of == "shape":
            givers, given = given, givers
        return given[givers.index(value) % len(given)]


@dataclass(frozen=True)
class Settings:
    """How scenes are drawn and rendered.

    Args:
        size: Pixels of a side; a multiple of `cells`.
        cells: Cells of a side.
        fewest: The least number of things.
        most: The largest number of things; each number from `fewest` is equally likely.
        sizes: Whether things are small or large; otherwise their radius varies and means nothing.
        textures: Whether things are plain, striped or dotted; otherwise all are plain.
        labels: Whether each thing has a letter on it.
        occlusion: Whether things may lie over the edges of their cells and cover parts of their neighbours.
        noise: The standard deviation of each pixel's noise, in levels of 255.
        prior: A planted co-occurrence of colour and shape; then two things may share both.
        colours: The colours that things have.
        shapes: The shapes that things have.

    Raises:
        StudyError: AE-9101 the numbers do not fit together; AE-9102 a word is unknown or stands there twice.
    """

    size: int = 96
    cells: int = 4
    fewest: int = 1
    most: int = 5
    sizes: bool = False
    textures: bool = False
    labels: bool = False
    occlusion: bool = False
    noise: float = 6.0
    prior: Prior | None = None
    colours: tuple[str, ...] = COLOURS
    shapes: tuple[str, ...] = SHAPES

    def __post_init__(self) -> None:
        _check_words("colours", self.colours, tuple(PAINTS))
        _check_words("shapes", self.shapes, SHAPES)
        fault = self._fault()
        if fault:
            raise StudyError("AE-9101", f"These scenes cannot be drawn: {fault[0]}.", mend=fault[1])

    @property
    def cell(self) -> int:
        """Pixels of a cell's side."""
        return self.size // self.cells

    def _fault(self) -> tuple[str, str] | None:
        room = min(self.cells**2, len(NUMBERS) - 1, len(self.colours) * len(self.shapes))
        if not 1 <= self.cells <= _MOST_CELLS:
            return f"{self.cells} cells a side", f"have 1 to {_MOST_CELLS}"
        if self.size % self.cells or self.size < _LEAST_CELL * self.cells or self.size > _LARGEST:
            found = f"{self.size} pixels for {self.cells} cells a side"
            return found, f"have a multiple of {self.cells}, {_LEAST_CELL * self.cells} to {_LARGEST}"
        if not 1 <= self.fewest <= self.most <= room:
            return f"{self.fewest} to {self.most} things", f"have at least 1 and at most {room} here"
        if not 0 <= self.noise <= 64:
            return f"noise of {self.noise} levels", "have 0 to 64"
        return None


@dataclass(frozen=True)
class Scene:
    """A picture as what it shows.

    Args:
        things: In the order in which they are drawn: a later one covers an earlier one.
        settings: What they were drawn by.
        seed: What the noise is drawn from; 0 or more.

    Raises:
        StudyError: AE-9101 the seed is negative, or a thing lies outside the grid.
    """

    things: tuple[Thing, ...]
    settings: Settings
    seed: int

    def __post_init__(self) -> None:
        cells = range(self.settings.cells)
        if self.seed < 0:
            raise StudyError("AE-9101", f"The seed is {self.seed}.", mend="have 0 or more")
        if not all(thing.row in cells and thing.column in cells for thing in self.things):
            last = self.settings.cells - 1
            raise StudyError(
                "AE-9101", "A thing lies outside the grid.", mend=f"have rows and columns from 0 to {last}"
            )


def _check_word(value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise StudyError("AE-9102", f"No thing is {value!r}.", mend=f"use one of: {', '.join(known)}")


def _check_words(what: str, values: tuple[str, ...], known: tuple[str, ...]) -> None:
    for value in values:
        _check_word(value, known)
    if len(values) < 2 or len(set(values)) < len(values):
        raise StudyError(
            "AE-9102",
            f"The {what} are {', '.join(values) or 'none'}.",
            mend=f"name two or more different ones of: {', '.join(known)}",
        )
