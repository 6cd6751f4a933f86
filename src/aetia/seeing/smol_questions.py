"""What is asked about a scene while SmolLM2 learns to see, and how is a question put to it?

A step asks much of few scenes: relations of two things in all words that fit, and where the two are, which relations
rest on; colours, shapes and counts; and often the caption, which names each thing and so teaches reading fastest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random

from aetia.scenes import (
    NUMBERS,
    RELATIONS,
    Question,
    Scene,
    caption,
    is_related,
    named_alone,
    questions,
    relation_question,
)
from aetia.seeing.batches import SETTINGS
from aetia.seeing.smol_packing import Line

__all__ = ["AFTER_PICTURE", "BEFORE_PICTURE", "Mix", "asked_of", "lines_of", "prompt"]

BEFORE_PICTURE, AFTER_PICTURE = "Image:", "\n"
_STOP = "\n"  # what follows an answer, so that generated text ends
_PLACES = NUMBERS[1 : SETTINGS.cells + 1]
_ROUNDS = 12  # of the scene's own questions, from which different ones are taken

Encode = Callable[[str], Sequence[int]]


@dataclass(frozen=True)
class Mix:
    """How many different questions of each kind a scene is asked, if it has so many.

    Args:
        existence: Balanced, half of the negatives near misses.
        colour: Of the one thing of a shape.
        shape: Of the one thing of a colour.
        count: Of all things.
        count_of: Of the things of a shape.
        places: Of how many things row and column are asked, which relations rest on.
        others: To how many other things the relations of one thing are asked, in all words that fit.
        captions: The share of scenes whose caption is asked for.
    """

    existence: int = 3
    colour: int = 2
    shape: int = 2
    count: int = 1
    count_of: int = 1
    places: int = 2
    others: int = 1
    captions: float = 0.4


def prompt(question: str) -> str:
    """What stands behind the picture and its line end."""
    return f"Question: {question} Answer:"


def asked_of(scene: Scene, mix: Mix, seed: int) -> tuple[Question, ...]:
    """Different questions about a scene; its caption last, or left out.

    Args:
        scene: What is asked about.
        mix: How many of each kind.
        seed: Which of them.
    """
    random = Random(f"aetia smol {scene.seed} {seed}")
    wanted = {
        "existence": mix.existence,
        "colour": mix.colour,
        "shape": mix.shape,
        "count": mix.count,
        "count-of": mix.count_of,
    }
    found: dict[str, Question] = {}
    for round_seed in range(_ROUNDS):
        for question in questions(scene, seed * _ROUNDS + round_seed):
            if wanted.get(question.kind, 0) and question.text not in found:
                wanted[question.kind] -= 1
                found[question.text] = question
    told = (
        [Question("caption", "Describe the image.", caption(scene), (), ())] if random.random() < mix.captions else []
    )
    named = named_alone(scene)
    random.shuffle(named)
    places = [question for index in named[: mix.places] for question in _places(scene, index)]
    return (*_relations(scene, named, mix.others), *places, *found.values(), *told)


def _places(scene: Scene, index: int) -> list[Question]:
    """In which row and column a thing is, both counted from one."""
    thing = scene.things[index]
    return [
        Question("place", f"Which {line} is the {thing.name} in?", NUMBERS[number + 1], _PLACES, (index,))
        for line, number in (("row", thing.row), ("column", thing.column))
    ]


def _relations(scene: Scene, named: Sequence[int], others: int) -> list[Question]:
    """Those of the first of the named things to the next ones."""
    if len(named) < 2:
        return []
    first, rest = named[0], named[1 : 1 + others]
    return [
        relation_question(scene, first, relation, second)
        for second, relation in product(rest, RELATIONS)
        if is_related(scene.things[first], relation, scene.things[second]) is not None
    ]


def lines_of(asked: Sequence[Question], encode: Encode, stops: int) -> list[Line]:
    """Questions as tokens; captions, and the answers of the question numbered `stops`, are followed by a line end."""
    lines = []
    for number, question in enumerate(asked):
        ends = question.kind == "caption" or number == stops
        answer = f" {question.answer}{_STOP if ends else ''}"
        lines.append(Line(question.kind, encode(prompt(question.text)), encode(answer)))
    return lines
