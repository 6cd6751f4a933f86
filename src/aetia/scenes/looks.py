"""What is asked of how things look: their size, texture and label, and which of two is in front?"""

from collections import Counter
from itertools import combinations
from random import Random

from aetia.scenes.question import YES_NO, Question, options
from aetia.scenes.rendering import footprints
from aetia.scenes.scene import Scene

__all__ = ["attribute_question", "cover_question", "label_question", "named_alone", "size_question", "texture_question"]

_LEAST_OVERLAP = 4  # pixels that two things share before one is said to cover the other


def named_alone(scene: Scene) -> list[int]:
    """Things whose colour and shape together are shared by no other thing, by index."""
    counts = Counter(thing.name for thing in scene.things)
    return [index for index, thing in enumerate(scene.things) if counts[thing.name] == 1]


def attribute_question(scene: Scene, kind: str, index: int) -> Question:
    """What a thing's size, texture or label is.

    Args:
        scene: What is asked about.
        kind: `size`, `texture` or `label`.
        index: Of a thing that is named alone.
    """
    thing = scene.things[index]
    asked, answer = {
        "size": (f"What size is the {thing.name}?", thing.size),
        "texture": (f"What texture is the {thing.name}?", thing.texture),
        "label": (f"What letter is on the {thing.name}?", thing.label.lower()),
    }[kind]
    return Question(kind, asked, answer, options(kind, scene.settings), (index,))


def size_question(scene: Scene, random: Random) -> Question | None:
    """Whether a thing is larger than another, or what its size is; None where sizes do not differ."""
    things = scene.things
    alone = named_alone(scene)
    if not scene.settings.sizes or not alone:
        return None
    if random.random() < 0.5:
        return attribute_question(scene, "size", random.choice(alone))
    pairs = [pair for pair in combinations(alone, 2) if things[pair[0]].size != things[pair[1]].size]
    if not pairs:
        return None
    first, second = random.sample(random.choice(pairs), 2)
    answer = "yes" if things[first].size == "large" else "no"
    text = f"Is the {things[first].name} larger than the {things[second].name}?"
    return Question("size", text, answer, YES_NO, (first, second))


def texture_question(scene: Scene, random: Random) -> Question | None:
    """What a thing's texture is; None where all are plain."""
    alone = named_alone(scene)
    if not scene.settings.textures or not alone:
        return None
    return attribute_question(scene, "texture", random.choice(alone))


def label_question(scene: Scene, random: Random) -> Question | None:
    """Which letter is on a thing; None where things have none."""
    alone = [index for index in named_alone(scene) if len(scene.things[index].label) == 1]
    if not scene.settings.labels or not alone:
        return None
    return attribute_question(scene, "label", random.choice(alone))


def cover_question(scene: Scene, random: Random) -> Question | None:
    """Which of two things that overlap is in front; None where none do."""
    if not scene.settings.occlusion:
        return None
    lies = footprints(scene)
    alone = named_alone(scene)
    pairs = [pair for pair in combinations(alone, 2) if (lies[pair[0]] & lies[pair[1]]).sum() >= _LEAST_OVERLAP]
    if not pairs:
        return None
    first, second = random.sample(random.choice(pairs), 2)
    text = f"Is the {scene.things[first].name} in front of the {scene.things[second].name}?"
    return Question("cover", text, "yes" if first > second else "no", YES_NO, (first, second))
