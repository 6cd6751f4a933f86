"""Which questions does a scene answer? At most one of each kind, so balanced that the words alone answer none.

Yes and no are decided by a coin before the things that the question names, and names and the order of the two things
of a pair are drawn evenly. A kind is left out where the scene could give only one of the answers. Things are named
only by what no other thing of the scene shares.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import combinations, permutations
from random import Random

from aetia.scenes.looks import cover_question, label_question, named_alone, size_question, texture_question
from aetia.scenes.question import MOST_OF_ONE_SHAPE, YES_NO, Question, options
from aetia.scenes.scene import Prior, Scene, Settings, Thing
from aetia.scenes.words import NUMBERS, plural

__all__ = ["caption", "is_related", "questions", "relation_question"]

_LEAST_SHARE = 0.05  # of scenes in which a count can be asked for
_CLEAR = 0.5  # cells
_ACROSS, _DOWN = ("left of", "right of"), ("above", "below")


def questions(scene: Scene, seed: int) -> tuple[Question, ...]:
    """Questions about a scene, at most one of each kind, the caption last.

    Over scenes without a planted prior each answer of a kind comes equally often, whatever the question's words.

    Args:
        scene: What is asked about.
        seed: Which of the possible questions are asked.
    """
    random = Random(f"aetia questions {scene.seed} {seed}")
    found = [ask(scene, random) for ask in _KINDS]
    text = caption(scene)
    told = Question("caption", "Describe the image.", text, (), tuple(range(len(scene.things))))
    return *(question for question in found if question is not None), told


def caption(scene: Scene) -> str:
    """All things in reading order: `a red circle, a blue square`; size and texture are told where they vary."""
    settings = scene.settings
    parts: list[str] = []
    for thing in sorted(scene.things, key=lambda thing: (thing.row, thing.column)):
        size = f"{thing.size} " if settings.sizes else ""
        texture = f"{thing.texture} " if settings.textures else ""
        parts.append(f"a {size}{texture}{thing.name}")
    return ", ".join(parts)


def is_related(first: Thing, relation: str, second: Thing) -> bool | None:
    """Whether one thing is left of, right of, above or below another; None if their centres are less than half a cell
    apart along that line, as those of things in one column or row are.
    """
    axis = 1 if relation in _ACROSS else 0
    distance = second.centre[axis] - first.centre[axis]
    return None if abs(distance) < _CLEAR else (distance > 0) == (relation in {"left of", "above"})


def relation_question(scene: Scene, first: int, relation: str, second: int) -> Question:
    """Whether one thing is somewhere relative to another."""
    one, other = scene.things[first], scene.things[second]
    text = f"Is the {one.name} {relation} the {other.name}?"
    return Question("relation", text, _yes(is_related(one, relation, other)), YES_NO, (first, second))


def _yes(is_so: bool | None) -> str:
    return "yes" if is_so else "no"


def _existence(scene: Scene, random: Random) -> Question | None:
    colours, shapes = scene.settings.colours, scene.settings.shapes
    present = sorted({(thing.colour, thing.shape) for thing in scene.things})
    if not present or len(present) == len(colours) * len(shapes):
        return None
    if random.random() < 0.5:
        colour, shape = random.choice(present)
    else:
        colour, shape = _absent(present, scene.settings, random)
    about = tuple(index for index, thing in enumerate(scene.things) if (thing.colour, thing.shape) == (colour, shape))
    return Question("existence", f"Is there a {colour} {shape}?", _yes(bool(about)), YES_NO, about)


def _absent(present: Sequence[tuple[str, str]], settings: Settings, random: Random) -> tuple[str, str]:
    """A name that no thing has; half of them share the colour or the shape of a thing on purpose."""
    is_near = random.random() < 0.5
    for _ in range(100):
        colour, shape = random.choice(settings.colours), random.choice(settings.shapes)
        if is_near:
            like = random.choice(present)
            colour, shape = (like[0], shape) if random.random() < 0.5 else (colour, like[1])
        if (colour, shape) not in present:
            return colour, shape
    taken = set(present)
    free = [(colour, shape) for colour in settings.colours for shape in settings.shapes if (colour, shape) not in taken]
    return random.choice(free)


def _alone(values: Sequence[str]) -> list[int]:
    counts = Counter(values)
    return [index for index, value in enumerate(values) if counts[value] == 1]


def _colour(scene: Scene, random: Random) -> Question | None:
    alone = _alone([thing.shape for thing in scene.things])
    if not alone:
        return None
    index = random.choice(alone)
    thing = scene.things[index]
    known = options("colour", scene.settings)
    return Question("colour", f"What colour is the {thing.shape}?", thing.colour, known, (index,))


def _shape(scene: Scene, random: Random) -> Question | None:
    alone = _alone([thing.colour for thing in scene.things])
    if not alone:
        return None
    index = random.choice(alone)
    thing = scene.things[index]
    known = options("shape", scene.settings)
    return Question("shape", f"What shape is the {thing.colour} object?", thing.shape, known, (index,))


def _count(scene: Scene, random: Random) -> Question | None:  # noqa: ARG001  one signature for all kinds
    known = options("count", scene.settings)
    number = NUMBERS[len(scene.things)] if len(scene.things) < len(NUMBERS) else ""
    if len(known) == 1 or number not in known:
        return None
    return Question("count", "How many objects are there?", number, known, tuple(range(len(scene.things))))


def _count_of(scene: Scene, random: Random) -> Question | None:
    """How many of a shape: a number is drawn first, more often the rarer it can be asked for."""
    shares = _shares(scene.settings)
    if len(shares) < 2:
        return None
    wanted = random.choices(list(shares), [1 / share for share in shares.values()])[0]
    counts = Counter(thing.shape for thing in scene.things)
    fit = [shape for shape in scene.settings.shapes if counts[shape] == wanted]
    if not fit:
        return None
    shape = random.choice(fit)
    about = tuple(index for index, thing in enumerate(scene.things) if thing.shape == shape)
    return Question(
        "count-of",
        f"How many {plural(shape)} are there?",
        NUMBERS[wanted],
        tuple(NUMBERS[number] for number in shares),
        about,
    )


@cache
def _shares(settings: Settings) -> dict[int, float]:
    """Number -> the share of all scenes that have so many of some shape, exactly, for those that are not too rare."""
    shapes, colours = len(settings.shapes), len(settings.colours)
    sizes = range(settings.fewest, settings.most + 1)
    shares = dict.fromkeys(range(MOST_OF_ONE_SHAPE + 1), 0.0)
    for total in sizes:
        for counts in _splits(total, shapes):
            if settings.prior is None:  # names are drawn without replacement
                chance = math.prod(math.comb(colours, count) for count in counts) / math.comb(colours * shapes, total)
            else:
                terms = zip(_shape_shares(settings, settings.prior), counts, strict=True)
                chance = math.factorial(total) * math.prod(p**count / math.factorial(count) for p, count in terms)
            for number in shares.keys() & set(counts):
                shares[number] += chance / len(sizes)
    return {number: share for number, share in shares.items() if share >= _LEAST_SHARE}


def _splits(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """All ways to split a number into so many, from 0 up."""
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in _splits(total - first, parts - 1):
            yield (first, *rest)


def _shape_shares(settings: Settings, prior: Prior) -> list[float]:
    """How often a thing has each shape under a prior."""
    shapes = settings.shapes
    if prior.of == "shape":
        return [1 / len(shapes)] * len(shapes)
    planted = Counter(prior.planted(colour, settings) for colour in settings.colours)
    other = (1 - prior.strength) / (len(shapes) - 1)
    return [other + (prior.strength - other) * planted[shape] / len(settings.colours) for shape in shapes]


def _relation(scene: Scene, random: Random) -> Question | None:
    things = scene.things
    pairs = [
        (first, second, words)
        for first, second in permutations(named_alone(scene), 2)
        for words in (_ACROSS, _DOWN)
        if is_related(things[first], words[0], things[second]) is not None
    ]
    if not pairs:
        return None
    first, second, words = random.choice(pairs)
    return relation_question(scene, first, random.choice(words), second)


def _comparison(scene: Scene, random: Random) -> Question | None:
    """More of one shape than of another: no is half the time a tie, where the scene has one."""
    counts = Counter(thing.shape for thing in scene.things)
    pairs = list(combinations(scene.settings.shapes, 2))
    unequal = [pair for pair in pairs if counts[pair[0]] != counts[pair[1]]]
    if not unequal:
        return None
    ties = [pair for pair in pairs if counts[pair[0]] == counts[pair[1]] > 0]
    is_more = random.random() < 0.5
    more, less = random.choice(unequal)
    if not is_more and ties and random.random() < 0.5:
        more, less = random.sample(random.choice(ties), 2)
    elif (counts[more] > counts[less]) != is_more:
        more, less = less, more
    about = tuple(index for index, thing in enumerate(scene.things) if thing.shape in {more, less})
    text = f"Are there more {plural(more)} than {plural(less)}?"
    return Question("comparison", text, _yes(counts[more] > counts[less]), YES_NO, about)


_KINDS: tuple[Callable[[Scene, Random], Question | None], ...] = (
    _existence,
    _colour,
    _shape,
    _count,
    _count_of,
    _relation,
    _comparison,
    size_question,
    texture_question,
    label_question,
    cover_question,
)
