"""What are variables without a story called, and how is a template of words filled, and read back?

Names are drawn by one step of a fixed width through a shuffled pool whose length is a prime: that costs two random
numbers however many names there are, and no name comes twice.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from random import Random

from aetia.errors import EvaluationError
from aetia.evals.item import Item
from aetia.evals.task import Names

__all__ = ["NAME", "drawn_names", "pattern_of", "unreadable", "wordings"]

NAME = r"[A-Za-z0-9]+"
"""What every name here is made of."""

_LENGTH = 1999  # a prime, so that no step through the pool comes back to a name too early
_STEPS = 30  # 30 steps of 65 names stay below the pool's length
_ONSETS = "bl br dr fl fr gl gr kl kr pl pr skr sl sn spl tr vl vr zw b d f j k l m n p v w y z".split()
_VOWELS = "a e i o u".split()
_MIDDLES = "b d f g k l m n p r v x z".split()
_ENDS = "a o u af ek im ok un ux ep iv ob".split()
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SIGNS = _LETTERS + "0123456789"
_WORD = re.compile(r"^[^0-9]*[aeiouyAEIOUY][^0-9]*$")  # could be an English word, such as `is`


@cache
def _pool(names: Names) -> tuple[str, ...]:
    """As many distinct names as `_LENGTH`, twice, so that a step never leaves the pool."""
    random = Random(f"names: {names}")
    if names == "nonsense":
        built = [a + b + c + d for a in _ONSETS for b in _VOWELS for c in _MIDDLES for d in _ENDS]
        found = [name.capitalize() for name in random.sample(built, _LENGTH)]
    else:
        built = [a + b for a in _LETTERS for b in _SIGNS] + [
            a + b + c for a in _LETTERS for b in _SIGNS for c in "29xQ"
        ]
        found = random.sample([name for name in built if not _WORD.search(name)], _LENGTH)
    return tuple(found + found)


def drawn_names(random: Random, names: Names, count: int) -> tuple[str, ...]:
    """Draw distinct names, at most 65: words that mean nothing, or two or three random letters and digits."""
    start, step = int(random.random() * _LENGTH), 1 + int(random.random() * _STEPS)
    return _pool(names)[start : start + step * count : step]


@cache
def wordings(family: str) -> tuple[Mapping[str, str], ...]:
    """The wordings of a family of tasks in English, which are data beside the tasks."""
    text = files("aetia.evals.tasks").joinpath("wordings", f"{family}.en.json").read_text(encoding="utf-8")
    return tuple(json.loads(text))


@cache
def pattern_of(template: str, **fields: str) -> re.Pattern[str]:
    """What a filled template looks like: its words as they stand, and each `{field}` as a named group."""
    parts = re.split(r"\{(\w+)\}", template)
    pattern = ""
    for place, part in enumerate(parts):
        if not place % 2:
            pattern += re.escape(part)
        elif f"(?P<{part}>" in pattern:
            pattern += f"(?P={part})"
        else:
            pattern += f"(?P<{part}>{fields.get(part, NAME)})"
    return re.compile(pattern)


def unreadable(item: Item, why: str) -> EvaluationError:
    """Return the error AE-8110 of a text that an engine does not understand."""
    found = f"The text of the item {item.id} of {item.task} cannot be read: {why}."
    return EvaluationError("AE-8110", found, mend="an engine reads the wordings that its task writes, and no others.")
